// SPDX-License-Identifier: Apache-2.0
// The active signing key and the published key set, as they are in memory. Any thread; replaced as a whole.
#pragma once

#include "auth/key_store.hpp"
#include "identity/token.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse::auth {

class Signer final {
public:
    // Takes the keys over and publishes them to `source`. REQUIRES: at least one key, the active one first.
    void use(const std::vector<StoredKey>& keys, identity::KeySource& source);

    // REQUIRES: use() was called.
    std::string sign(const identity::Claims& claims) const;
    std::shared_ptr<const std::string> jwks() const;  // JSON text

private:
    struct State {
        identity::SigningKey active;
        std::string jwks;
    };
    std::shared_ptr<const State> state() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const State> state_;
};

}  // namespace gatehouse::auth
