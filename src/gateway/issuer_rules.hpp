// SPDX-License-Identifier: Apache-2.0
// The configuration of one other issuer as its verifier wants it. Pure functions.
#pragma once

#include "gateway/config.hpp"
#include "identity/external_token.hpp"

#include <optional>
#include <string>

namespace gatehouse::gateway {

// Throws std::runtime_error for what find_issuer_error() finds.
identity::ExternalRules issuer_rules(const IssuerConfig& config);

}  // namespace gatehouse::gateway
