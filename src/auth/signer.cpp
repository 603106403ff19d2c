// SPDX-License-Identifier: Apache-2.0
#include "auth/signer.hpp"

#include <algorithm>

namespace gatehouse::auth {

void Signer::use(std::vector<StoredKey> keys, identity::KeySource& source)
{
    GH_ASSERT(!keys.empty());
    std::vector<identity::SigningKey> published;
    published.reserve(keys.size());
    for (const StoredKey& stored : keys)
        published.push_back(stored.key);
    auto next = std::make_shared<const State>(std::move(keys), json::serialize(to_jwks(published)));
    // Verifiers know a key before anything is signed with it.
    source.store(identity::KeySet::of(published));
    std::scoped_lock lock(mutex_);
    state_ = std::move(next);
}

std::shared_ptr<const Signer::State> Signer::state() const
{
    std::scoped_lock lock(mutex_);
    GH_ASSERT(state_ != nullptr);
    return state_;
}

std::string Signer::sign(const identity::Claims& claims, TimePoint now) const
{
    auto current = state();
    const auto& keys = current->keys;
    auto active = std::ranges::find_if(keys, [now](const StoredKey& key) { return key.activates_at <= now; });
    // A clock behind that of the process which made the first key: there is no other.
    return sign_token(claims, active == keys.end() ? keys.back().key : active->key);
}

std::shared_ptr<const std::string> Signer::jwks() const
{
    auto now = state();
    return {now, &now->jwks};
}

std::vector<std::string> Signer::algorithms() const
{
    auto current = state();
    std::vector<std::string> names;
    for (const StoredKey& stored : current->keys) {
        std::string name(to_string(stored.key.algorithm()));
        if (std::ranges::find(names, name) == names.end())
            names.push_back(std::move(name));
    }
    return names;
}

}  // namespace gatehouse::auth
