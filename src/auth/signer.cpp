// SPDX-License-Identifier: Apache-2.0
#include "auth/signer.hpp"

namespace gatehouse::auth {

void Signer::use(const std::vector<StoredKey>& keys, identity::KeySource& source)
{
    GH_ASSERT(!keys.empty() && !keys.front().retired_at);
    std::vector<identity::SigningKey> published;
    for (const StoredKey& stored : keys)
        published.push_back(stored.key);
    auto next = std::make_shared<const State>(published.front(), json::serialize(to_jwks(published)));
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

std::string Signer::sign(const identity::Claims& claims) const { return sign_token(claims, state()->active); }

std::shared_ptr<const std::string> Signer::jwks() const
{
    auto now = state();
    return {now, &now->jwks};
}

}  // namespace gatehouse::auth
