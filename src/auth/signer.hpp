// SPDX-License-Identifier: Apache-2.0
// The keys that sign and the published key set, as they are in memory. Any thread; replaced as a whole. Which key signs
// is a matter of the time: the next one is here before its moment.
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
    // Takes the keys over and publishes them to `source`. REQUIRES: at least one key, in the order of load_keys().
    void use(std::vector<StoredKey> keys, identity::KeySource& source);

    // REQUIRES: use() was called.
    std::string sign(const identity::Claims& claims, TimePoint now) const;
    std::shared_ptr<const std::string> jwks() const;  // JSON text
    std::vector<std::string> algorithms() const;      // of the published keys, each once

private:
    struct State {
        std::vector<StoredKey> keys;
        std::string jwks;
    };
    std::shared_ptr<const State> state() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const State> state_;
};

}  // namespace gatehouse::auth
