// SPDX-License-Identifier: Apache-2.0
// What the gateway's servers are given besides their addresses, as the configuration says.
#pragma once

#include "app/config.hpp"
#include "app/roles.hpp"
#include "http/public_side.hpp"
#include "http/tls_server.hpp"

#include <memory>

namespace gatehouse::app {

// Null where there is no gateway, or nothing of it is wished. Throws as http::read_certificate().
std::shared_ptr<http::TlsServer> make_tls_server(const Config& config, const RoleSet& roles);
std::shared_ptr<http::PublicSide> make_public_side(const Config& config, const RoleSet& roles);

}  // namespace gatehouse::app
