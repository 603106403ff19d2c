// SPDX-License-Identifier: Apache-2.0
// A token is  base64url(header) '.' base64url(claims) '.' base64url(signature), the signature being over the text
// before the second dot (RFC 7515 section 7.1).
#include "identity/token_parts.hpp"

#include "base/encoding.hpp"

namespace gatehouse::identity {

namespace {

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
    if (auto wrong = check_times(claims, not_before, rules.leeway, now))
        return std::unexpected(*wrong);
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
    case TokenError::expired: return "the token has expired: use the refresh token, or log in again";
    case TokenError::not_yet_valid: return "the token is not valid yet";
    case TokenError::bad_claims: return "the token lacks a claim or has a wrong one";
    case TokenError::revoked: return "the token was revoked: use the refresh token, or log in again";
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
    auto may_sign = [](Algorithm) { return true; };
    TokenMemory memory;
    auto claims = verify_parts(token, keys, {rules.token_bytes_max, is_access_token_type, may_sign}, memory);
    if (!claims)
        return std::unexpected(claims.error());
    return read_claims(*claims, rules, now);
}

}  // namespace gatehouse::identity
