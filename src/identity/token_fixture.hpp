// SPDX-License-Identifier: Apache-2.0
// For tests of this folder: keys of each algorithm, claims that are in order, and tokens put together by hand.
#pragma once

#include "base/encoding.hpp"
#include "identity/token.hpp"

#include <string>
#include <string_view>

namespace gatehouse::identity::testing {

inline constexpr TimePoint now{std::chrono::seconds{1'800'000'000}};

struct Keys {
    SigningKey eddsa = SigningKey::generate(Algorithm::eddsa);
    SigningKey es256 = SigningKey::generate(Algorithm::es256);
    SigningKey rs256 = SigningKey::generate(Algorithm::rs256);
    KeySet set = KeySet::of({eddsa, es256, rs256});
};

// Made once: RSA keys take their time.
inline const Keys& keys()
{
    static const Keys all;
    return all;
}

inline TokenRules rules() { return TokenRules{.issuer = "https://gate.example", .audience = "gatehouse"}; }

inline Claims good_claims()
{
    Claims claims;
    claims.issuer = "https://gate.example";
    claims.subject = "0191f3a0-0000-7000-8000-000000000001";
    claims.audience = "gatehouse";
    claims.token_id = "0191f3a0-0000-7000-8000-000000000002";
    claims.session_id = "0191f3a0-0000-7000-8000-000000000003";
    claims.issued_at = to_unix_seconds(now) - 10;
    claims.expires_at = to_unix_seconds(now) + 600;
    claims.username = "ada@example.com";
    claims.roles = {"user"};
    claims.permissions = {"files:read", "files:write"};
    return claims;
}

inline json::object good_header(const SigningKey& key)
{
    json::object header;
    header["alg"] = to_string(key.algorithm());
    header["kid"] = key.id();
    header["typ"] = "at+jwt";
    return header;
}

// The two texts as they are, rightly signed: what a careless or hostile issuer could make.
inline std::string sign_texts(std::string_view header, std::string_view claims, const SigningKey& key)
{
    std::string text = to_base64url(header) + '.' + to_base64url(claims);
    return text + '.' + to_base64url(key.sign(text));
}

}  // namespace gatehouse::identity::testing
