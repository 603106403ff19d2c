// SPDX-License-Identifier: Apache-2.0
// What can be wrong with the settings of the gateway's public side: its TLS, for which the certificates are read, and
// the proxies in front of it.
#pragma once

#include "app/config_load.hpp"

namespace gatehouse::app {

void check_tls(const Config& config, Report& report);
void check_proxies(const gateway::Config& gateway, Report& report);
void check_http2(const gateway::Http2Config& http2, Report& report);

}  // namespace gatehouse::app
