// SPDX-License-Identifier: Apache-2.0
#include "identity/external_token.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "http/message.hpp"
#include "identity/token_parts.hpp"

#include <algorithm>
#include <limits>

namespace gatehouse::identity {

namespace {

bool is_type_fine(const json::object& header, bool require_access_token_type)
{
    if (is_access_token_type(header))
        return true;
    if (require_access_token_type)
        return false;
    auto type = find_string(header, "typ");
    return !header.contains("typ") || (type && http::iequals(*type, "JWT"));
}

// The claim of that name, or, where dots are in it, the one inside others.
const json::value* find_claim(const json::object& claims, std::string_view name)
{
    if (const json::value* whole = claims.if_contains(name))
        return whole;
    std::size_t dot = name.find('.');
    if (dot == name.npos)
        return nullptr;
    const json::value* outer = claims.if_contains(name.substr(0, dot));
    const json::object* inner = outer ? outer->if_object() : nullptr;
    return inner ? find_claim(*inner, name.substr(dot + 1)) : nullptr;
}

// A list of texts, or one text of words, as `scope` is. Anything else says nothing.
std::vector<std::string> words_of(const json::value* claim)
{
    std::vector<std::string> words;
    if (claim && claim->is_array()) {
        for (const json::value& item : claim->get_array())
            if (item.is_string())
                words.emplace_back(item.get_string());
    } else if (claim && claim->is_string()) {
        words = split_words(claim->get_string());
    }
    return words;
}

void add_once(std::vector<std::string>& list, const std::string& item)
{
    if (std::ranges::find(list, item) == list.end())
        list.push_back(item);
}

void map_roles(const json::object& object, const ExternalRules& rules, Claims& claims)
{
    if (rules.roles_claim.empty())
        return;
    for (const std::string& word : words_of(find_claim(object, rules.roles_claim)))
        for (const auto& [value, role] : rules.roles)
            if (value == word)
                add_once(claims.roles, role);
    for (const std::string& role : claims.roles)
        for (const auto& [from, permission] : rules.permissions)
            if (from == role)
                add_once(claims.permissions, permission);
}

std::optional<std::string> name_of(const json::object& object, const ExternalRules& rules)
{
    std::string name;
    if (const json::value* claim = rules.username_claim.empty() ? nullptr : find_claim(object, rules.username_claim)) {
        if (!claim->is_string() || claim->get_string().empty())
            return std::nullopt;
        name = claim->get_string();
    } else if (!read_identifier(object, "sub", name)) {
        return std::nullopt;
    }
    return rules.name + ':' + name;
}

Result<Claims, TokenError> read_external_claims(const json::object& object, const ExternalRules& rules, TimePoint now)
{
    Claims claims;
    std::string subject;
    bool for_us = false;
    std::int64_t not_before = 0;
    bool fine = read_identifier(object, "iss", claims.issuer) && read_identifier(object, "sub", subject) &&
                read_audience(object, rules.audience, claims.audience, for_us) &&
                read_time(object, "exp", claims.expires_at) &&
                (!object.contains("iat") || read_time(object, "iat", claims.issued_at)) &&
                (!object.contains("nbf") || read_time(object, "nbf", not_before)) &&
                (!object.contains("jti") || read_identifier(object, "jti", claims.token_id));
    claims.subject = rules.name + ':' + subject;
    auto name = name_of(object, rules);
    if (!fine || !name || claims.subject.size() > identifier_bytes_max || name->size() > identifier_bytes_max)
        return std::unexpected(TokenError::bad_claims);
    claims.username = std::move(*name);
    if (claims.issuer != rules.issuer)
        return std::unexpected(TokenError::wrong_issuer);
    if (!for_us)
        return std::unexpected(TokenError::wrong_audience);
    if (auto wrong = check_times(claims, not_before, rules.leeway, now))
        return std::unexpected(*wrong);
    map_roles(object, rules, claims);
    // Our revocations are not about them.
    claims.revocation = std::numeric_limits<std::int64_t>::max();
    return claims;
}

}  // namespace

Result<Claims, TokenError> verify_external_token(std::string_view token, const KeySet& keys, const ExternalRules& rules,
                                                 TimePoint now)
{
    auto is_fine = [&](const json::object& header) { return is_type_fine(header, rules.require_access_token_type); };
    auto may_sign = [&](Algorithm algorithm) {
        return rules.algorithms.empty() || std::ranges::find(rules.algorithms, algorithm) != rules.algorithms.end();
    };
    TokenMemory memory;
    auto object = verify_parts(token, keys, {rules.token_bytes_max, is_fine, may_sign}, memory);
    if (!object)
        return std::unexpected(object.error());
    return read_external_claims(*object, rules, now);
}

std::optional<std::string> peek_issuer(std::string_view token)
{
    auto parts = split_token(token);
    auto claims = parts ? decode_part(parts->claims) : std::nullopt;
    return claims ? find_string(*claims, "iss") : std::nullopt;
}

}  // namespace gatehouse::identity
