// SPDX-License-Identifier: Apache-2.0
// A token is  base64url(header) '.' base64url(claims) '.' base64url(signature), the signature being over the text
// before the second dot (RFC 7515 section 7.1).
#include "identity/token.hpp"

#include "base/encoding.hpp"
#include "http/message.hpp"

#include <algorithm>

namespace gatehouse::identity {

namespace {

constexpr std::size_t identifier_bytes_max = 255;
constexpr std::size_t list_items_max = 256;
constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999; keeps sums far from overflow

struct Parts {
    std::string_view header, claims, signature;
    std::string_view signed_text;  // header '.' claims
};

std::optional<Parts> split(std::string_view token)
{
    std::size_t first = token.find('.');
    std::size_t second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos)
        return std::nullopt;
    Parts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                token.substr(0, second)};
    if (parts.header.empty() || parts.claims.empty() || parts.signature.empty())
        return std::nullopt;
    return parts;
}

std::optional<json::object> decode_object(std::string_view part)
{
    auto text = from_base64url(part);
    if (!text)
        return std::nullopt;
    auto value = parse_json(*text);
    if (!value || !value->is_object())
        return std::nullopt;
    return std::move(value->get_object());
}

bool is_access_token_type(const json::object& header)
{
    auto type = find_string(header, "typ");
    return type && (http::iequals(*type, "at+jwt") || http::iequals(*type, "application/at+jwt"));
}

// The key that the header names. jku, x5u, x5c and jwk are where a forger would put a key; nobody looks there.
Result<const KeySet::Key*, TokenError> find_key(const json::object& header, const KeySet& keys)
{
    // No extension is understood, so one that must be understood ends it (RFC 7515 section 4.1.11); b64 would be one.
    if (header.contains("crit") || header.contains("b64") || !is_access_token_type(header))
        return std::unexpected(TokenError::wrong_type);
    auto algorithm = find_string(header, "alg");
    auto id = find_string(header, "kid");
    if (!algorithm || !id)
        return std::unexpected(TokenError::malformed);
    const KeySet::Key* key = keys.find(*id);
    if (!key)
        return std::unexpected(TokenError::unknown_key);
    if (*algorithm != to_string(key->algorithm))
        return std::unexpected(TokenError::wrong_algorithm);
    return key;
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

// RFC 7519 section 4.1.3: a string, or an array of which one is ours.
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

Result<Claims, TokenError> read_claims(const json::object& object, const TokenRules& rules, TimePoint now)
{
    Claims claims;
    bool for_us = false;
    std::int64_t not_before = 0;
    if (!read_identifier(object, "iss", claims.issuer) || !read_identifier(object, "sub", claims.subject) ||
        !read_audience(object, rules.audience, claims.audience, for_us) ||
        !read_identifier(object, "jti", claims.token_id) || !read_identifier(object, "sid", claims.session_id) ||
        !read_identifier(object, "username", claims.username) || !read_list(object, "roles", claims.roles) ||
        !read_list(object, "permissions", claims.permissions) || !read_time(object, "iat", claims.issued_at) ||
        !read_time(object, "exp", claims.expires_at) || claims.expires_at <= claims.issued_at)
        return std::unexpected(TokenError::bad_claims);
    if (object.contains("nbf") && !read_time(object, "nbf", not_before))
        return std::unexpected(TokenError::bad_claims);
    auto admin = find_bool(object, "admin");
    if (!admin)
        return std::unexpected(TokenError::bad_claims);
    claims.admin = *admin;
    // Without it the token knows of no revocation at all, which is the strictest reading.
    if (object.contains("rev") && !read_number(object, "rev", claims.revocation))
        return std::unexpected(TokenError::bad_claims);

    if (claims.issuer != rules.issuer)
        return std::unexpected(TokenError::wrong_issuer);
    if (!for_us)
        return std::unexpected(TokenError::wrong_audience);
    std::int64_t second = to_unix_seconds(now);
    if (second >= claims.expires_at + rules.leeway.count())
        return std::unexpected(TokenError::expired);
    if (std::max(claims.issued_at, not_before) > second + rules.leeway.count())
        return std::unexpected(TokenError::not_yet_valid);
    return claims;
}

}  // namespace

std::string sign_token(const Claims& claims, const SigningKey& key)
{
    json::object header;
    header["alg"] = to_string(key.algorithm());
    header["kid"] = key.id();
    header["typ"] = "at+jwt";
    std::string token = to_base64url(json::serialize(header));
    token += '.';
    token += to_base64url(json::serialize(to_json(claims)));
    std::string signature = to_base64url(key.sign(token));
    token += '.';
    token += signature;
    return token;
}

std::string_view describe(TokenError error)
{
    switch (error) {
    case TokenError::malformed: return "the token is malformed";
    case TokenError::wrong_type: return "the token is not an access token";
    case TokenError::unknown_key: return "the token was signed with an unknown key";
    case TokenError::wrong_algorithm: return "the token names an algorithm that its key does not use";
    case TokenError::bad_signature: return "the token's signature is wrong";
    case TokenError::wrong_issuer: return "the token is from another issuer";
    case TokenError::wrong_audience: return "the token is for another audience";
    case TokenError::expired: return "the token has expired";
    case TokenError::not_yet_valid: return "the token is not valid yet";
    case TokenError::bad_claims: return "the token lacks a claim or has a wrong one";
    case TokenError::revoked: return "the token was revoked";
    }
    return "";
}

void KeySource::store(KeySet keys)
{
    auto next = std::make_shared<const KeySet>(std::move(keys));
    {
        std::scoped_lock lock(mutex_);
        keys_ = std::move(next);
    }
    // After the keys: who sees the new generation sees the new keys.
    generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const KeySet> KeySource::load() const
{
    std::scoped_lock lock(mutex_);
    return keys_;
}

Result<Claims, TokenError> verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                                        TimePoint now)
{
    if (token.size() > rules.token_bytes_max)
        return std::unexpected(TokenError::malformed);
    auto parts = split(token);
    auto header = parts ? decode_object(parts->header) : std::nullopt;
    if (!header)
        return std::unexpected(TokenError::malformed);
    auto key = find_key(*header, keys);
    if (!key)
        return std::unexpected(key.error());
    auto signature = from_base64url(parts->signature);
    if (!signature)
        return std::unexpected(TokenError::malformed);
    if (!keys.verify(**key, parts->signed_text, *signature))
        return std::unexpected(TokenError::bad_signature);

    // Nothing of the claims is looked at before the signature is known to be right.
    auto claims = decode_object(parts->claims);
    if (!claims)
        return std::unexpected(TokenError::malformed);
    return read_claims(*claims, rules, now);
}

}  // namespace gatehouse::identity
