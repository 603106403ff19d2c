// SPDX-License-Identifier: Apache-2.0
// Encrypts what the store must keep but nobody who reads the store may know: private keys, second factors. The key
// comes from the configuration. Immutable; any thread.
//
//   enc:v1:base64url( nonce (24 bytes) | XChaCha20-Poly1305(text) )
//
// A text is bound to its place: what was sealed for one row does not open in another.
#pragma once

#include "base/secret.hpp"

#include <string>
#include <string_view>

namespace gatehouse::auth {

class SecretBox final {
public:
    static constexpr std::size_t characters_min = 32;

    explicit SecretBox(const Secret& key);  // REQUIRES: at least characters_min

    // `place` says what the text is for and whose it is, such as "signing key 4f…" or "totp 0198…".
    std::string seal(const Secret& text, std::string_view place) const;

    // Throws std::runtime_error when it was sealed with another key or for another place, or was altered.
    Secret open(std::string_view sealed, std::string_view place) const;

    static bool is_sealed(std::string_view text);  // has the form; says nothing about the key

private:
    Secret key_;
};

}  // namespace gatehouse::auth
