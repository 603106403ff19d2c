// SPDX-License-Identifier: Apache-2.0
// How long signing keys live beside each other. Constants and one sum; app checks the configuration with them.
#pragma once

#include "identity/token.hpp"

#include <chrono>
#include <cstddef>

namespace gatehouse::auth {

// Verifiers take no more than 64 keys at once.
inline constexpr std::size_t keys_published_max = 60;

// How long a key stays published after it was retired: until what it signed has expired. Twice the leeway: one for
// verifiers whose clock is behind, one for signers whose clock is.
inline std::chrono::seconds key_overlap(std::chrono::seconds access_token_ttl)
{
    return access_token_ttl + 2 * identity::TokenRules{}.leeway;
}

}  // namespace gatehouse::auth
