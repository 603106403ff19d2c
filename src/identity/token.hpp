// SPDX-License-Identifier: Apache-2.0
// Access tokens: signing, and the one verifier that every role uses (RFC 7515, RFC 8725, RFC 9068).
#pragma once

#include "identity/claims.hpp"
#include "identity/keys.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace gatehouse::identity {

// header {"alg","kid","typ":"at+jwt"} and the claims, signed.
std::string sign_token(const Claims& claims, const SigningKey& key);

enum class TokenError {
    malformed,        // not three canonical base64url parts of strict JSON, or too long
    wrong_type,       // typ is not at+jwt, or crit or b64 is there
    unknown_key,      // no key of that kid
    wrong_algorithm,  // alg is not the key's
    bad_signature,
    wrong_issuer,
    wrong_audience,
    expired,
    not_yet_valid,  // nbf or iat in the future beyond the leeway
    bad_claims,     // a required claim is missing or has the wrong type
    revoked,
};
std::string_view describe(TokenError error);  // for WWW-Authenticate's error_description

struct TokenRules {
    std::string issuer;
    std::string audience;
    std::chrono::seconds leeway{30};
    std::size_t token_bytes_max = 8 * 1024;
};

// Where verifiers get their keys: replaced as a whole on rotation. Any thread.
class KeySource final {
public:
    std::shared_ptr<const KeySet> load() const;
    std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    void store(KeySet keys);

    // Somebody came with a token of a key that is not here: perhaps a new one. The listener is set once, before the
    // first token is verified, and is called on any thread.
    void on_unknown_key(std::function<void()> listener) { unknown_key_ = std::move(listener); }
    void report_unknown_key() const
    {
        if (unknown_key_)
            unknown_key_();
    }

private:
    // std::atomic<std::shared_ptr> of libstdc++ 12 is not free of data races; who verifies looks at generation() first.
    mutable std::mutex mutex_;
    std::shared_ptr<const KeySet> keys_ = std::make_shared<const KeySet>();
    std::atomic<std::uint64_t> generation_{0};  // 0: there have never been keys
    std::function<void()> unknown_key_;
};

Result<Claims, TokenError> verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                                        TimePoint now);

}  // namespace gatehouse::identity
