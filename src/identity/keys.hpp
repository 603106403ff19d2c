// SPDX-License-Identifier: Apache-2.0
// Signing keys and the sets of public keys that verifiers use (RFC 7517). The algorithm belongs to the key.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;
struct evp_md_ctx_st;

namespace gatehouse::identity {

enum class Algorithm { eddsa, es256, rs256 };
std::string_view to_string(Algorithm algorithm);  // "EdDSA", "ES256", "RS256"
std::optional<Algorithm> find_algorithm(std::string_view name);

// A key pair. Copies share it; immutable, any thread.
class SigningKey final {
public:
    static SigningKey generate(Algorithm algorithm);
    static SigningKey from_pem(const Secret& pem, Algorithm algorithm);  // PKCS#8; throws std::runtime_error
    Secret to_pem() const;

    Algorithm algorithm() const { return algorithm_; }
    const std::string& id() const { return id_; }  // kid: the RFC 7638 thumbprint
    json::object public_jwk() const;               // with kid, alg and use

    std::string sign(std::string_view message) const;  // the raw JWS signature (ES256: r || s)

private:
    SigningKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm);
    std::shared_ptr<evp_pkey_st> key_;
    Algorithm algorithm_;
    std::string id_;
};

// Public keys by kid; immutable, any thread.
class KeySet final {
public:
    struct Key {
        std::string id;
        Algorithm algorithm;
        std::shared_ptr<evp_pkey_st> key;
        // Made ready for one verification with the key; each takes a copy, for it is the making ready that costs.
        std::shared_ptr<const evp_md_ctx_st> prepared;
    };

    // Keys of other algorithms, uses or curves are skipped; a malformed one of ours is an error.
    static Result<KeySet, std::string> from_jwks(const json::value& jwks);
    static KeySet of(const std::vector<SigningKey>& keys);

    const Key* find(std::string_view id) const;
    bool verify(const Key& key, std::string_view message, std::string_view signature) const;
    std::size_t size() const { return keys_.size(); }

private:
    std::vector<Key> keys_;
};

// The RFC 7638 thumbprint (SHA-256) of a public key.
std::string thumbprint(const KeySet::Key& key);

// {"keys":[...]}
json::object to_jwks(const std::vector<SigningKey>& keys);

}  // namespace gatehouse::identity
