// SPDX-License-Identifier: Apache-2.0
#include "identity/token_parts.hpp"

#include "base/encoding.hpp"
#include "http/message.hpp"

#include <algorithm>

namespace gatehouse::identity {

namespace {

constexpr std::size_t list_items_max = 256;
constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999; keeps sums far from overflow

// The key that the header names. jku, x5u, x5c and jwk are where a forger would put a key; nobody looks there.
Result<const KeySet::Key*, TokenError> find_key(const json::object& header, const KeySet& keys, const PartRules& rules)
{
    // No extension is understood, so one that must be understood ends it (RFC 7515 section 4.1.11); b64 would be one.
    if (header.contains("crit") || header.contains("b64") || !rules.is_type_fine(header))
        return std::unexpected(TokenError::wrong_type);
    auto algorithm = view_string(header, "alg");
    auto id = view_string(header, "kid");
    if (!algorithm || !id)
        return std::unexpected(TokenError::malformed);
    const KeySet::Key* key = keys.find(*id);
    if (!key)
        return std::unexpected(TokenError::unknown_key);
    if (*algorithm != to_string(key->algorithm) || !rules.may_sign(key->algorithm))
        return std::unexpected(TokenError::wrong_algorithm);
    return key;
}

}  // namespace

std::optional<TokenParts> split_token(std::string_view token)
{
    std::size_t first = token.find('.');
    std::size_t second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos)
        return std::nullopt;
    TokenParts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                     token.substr(0, second)};
    if (parts.header.empty() || parts.claims.empty() || parts.signature.empty())
        return std::nullopt;
    return parts;
}

std::optional<json::object> decode_part(std::string_view part, json::storage_ptr memory)
{
    auto text = from_base64url(part);
    if (!text)
        return std::nullopt;
    auto value = parse_json(*text, std::move(memory));
    if (!value || !value->is_object())
        return std::nullopt;
    return std::move(value->get_object());
}

bool is_access_token_type(const json::object& header)
{
    auto type = view_string(header, "typ");
    return type && (http::iequals(*type, "at+jwt") || http::iequals(*type, "application/at+jwt"));
}

Result<json::object, TokenError> verify_parts(std::string_view token, const KeySet& keys, const PartRules& rules,
                                              TokenMemory& memory)
{
    if (token.size() > rules.token_bytes_max)
        return std::unexpected(TokenError::malformed);
    auto parts = split_token(token);
    auto header = parts ? decode_part(parts->header, memory.get()) : std::nullopt;
    if (!header)
        return std::unexpected(TokenError::malformed);
    auto key = find_key(*header, keys, rules);
    if (!key)
        return std::unexpected(key.error());
    auto signature = from_base64url(parts->signature);
    if (!signature)
        return std::unexpected(TokenError::malformed);
    if (!keys.verify(**key, parts->signed_text, *signature))
        return std::unexpected(TokenError::bad_signature);

    // Nothing of the claims is looked at before the signature is known to be right.
    auto claims = decode_part(parts->claims, memory.get());
    if (!claims)
        return std::unexpected(TokenError::malformed);
    return std::move(*claims);
}

bool read_identifier(const json::object& claims, std::string_view name, std::string& out)
{
    const json::value* value = claims.if_contains(name);
    if (!value || !value->is_string() || value->get_string().empty() ||
        value->get_string().size() > identifier_bytes_max)
        return false;
    out = value->get_string();
    return true;
}

bool read_list(const json::object& claims, std::string_view name, std::vector<std::string>& out)
{
    const json::value* value = claims.if_contains(name);
    if (!value || !value->is_array() || value->get_array().size() > list_items_max)
        return false;
    for (const json::value& item : value->get_array()) {
        if (!item.is_string())
            return false;
        out.emplace_back(item.get_string());
    }
    return true;
}

bool read_number(const json::object& claims, std::string_view name, std::int64_t& out)
{
    auto number = find_integer(claims, name);
    if (!number || *number < 0)
        return false;
    out = *number;
    return true;
}

bool read_time(const json::object& claims, std::string_view name, std::int64_t& out)
{
    return read_number(claims, name, out) && out <= last_second;
}

bool read_audience(const json::object& claims, std::string_view wanted, std::string& out, bool& found)
{
    if (read_identifier(claims, "aud", out)) {
        found = out == wanted;
        return true;
    }
    std::vector<std::string> audiences;
    if (!read_list(claims, "aud", audiences) || audiences.empty())
        return false;
    found = std::ranges::find(audiences, wanted) != audiences.end();
    out = wanted;
    return true;
}

std::optional<TokenError> check_times(const Claims& claims, std::int64_t not_before, std::chrono::seconds leeway,
                                      TimePoint now)
{
    std::int64_t second = to_unix_seconds(now);
    if (second >= claims.expires_at + leeway.count())
        return TokenError::expired;
    if (std::max(claims.issued_at, not_before) > second + leeway.count())
        return TokenError::not_yet_valid;
    return std::nullopt;
}

}  // namespace gatehouse::identity
