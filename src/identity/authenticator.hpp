// SPDX-License-Identifier: Apache-2.0
// Verifies a request's bearer token, remembering the tokens verified last: one for each I/O thread, not shared.
//
// The memory is bounded, keyed by the whole token under a random hash key, and dropped when the keys change. A
// remembered token still expires, and is looked up again in the list of revocations whenever that has changed.
#pragma once

#include "base/clock.hpp"
#include "http/message.hpp"
#include "identity/revocation_list.hpp"
#include "identity/token.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace gatehouse::identity {

class Authenticator final {
public:
    // All outlive it.
    Authenticator(const KeySource& keys, const RevocationList& revocations, TokenRules rules, const Clock& clock,
                  std::size_t cached_tokens_max = 10'000);

    // For tokens that another function verifies, as those of another issuer.
    using Verify = std::function<Result<Claims, TokenError>(std::string_view token, const KeySet& keys, TimePoint now)>;
    struct Verifier {
        Verify verify;
        std::chrono::seconds leeway;
        std::size_t token_bytes_max;
    };
    Authenticator(const KeySource& keys, const RevocationList& revocations, Verifier verifier, const Clock& clock,
                  std::size_t cached_tokens_max = 10'000);
    ~Authenticator();
    Authenticator(const Authenticator&) = delete;
    Authenticator& operator=(const Authenticator&) = delete;

    // The claims stay valid as long as the pointer is held. Throws Unavailable as long as no keys, or no list of
    // revocations, have been seen at all.
    Result<std::shared_ptr<const Claims>, TokenError> verify(std::string_view token);

    // Whether it was verified here once and is still kept; says nothing of what verify() will find. Cheap.
    bool remembers(std::string_view token) const;

    // The claims of the request's `Authorization: Bearer` field. Throws Problem: 401 without credentials (no error
    // code, as RFC 6750 section 3 says), 401 invalid_token, 400 invalid_request for a malformed field.
    std::shared_ptr<const Claims> require(const http::Request& request);

    // The same, and 403 insufficient_scope without the permission.
    std::shared_ptr<const Claims> require(const http::Request& request, std::string_view permission);

    struct Figures {
        std::uint64_t hits = 0, misses = 0;
        std::uint64_t flushes = 0;  // because the keys changed
        std::uint64_t tokens = 0;   // remembered now
    };
    Figures figures() const;  // any thread

private:
    class Cache;
    bool is_revoked(const Claims& claims, std::uint64_t& checked) const;

    const KeySource& keys_;
    const RevocationList& revocations_;
    Verifier verifier_;
    const Clock& clock_;
    std::unique_ptr<Cache> cache_;
};

}  // namespace gatehouse::identity
