// SPDX-License-Identifier: Apache-2.0
// What is wrong with the TLS settings of connections that Gatehouse makes. Reads the files that they name. No state.
#pragma once

#include "app/config_load.hpp"
#include "http/tls_options.hpp"

#include <string>

namespace gatehouse::app {

// `secure`: there is a URL with https:// that they are for. `key` is that of the section.
void check_client_tls(const http::TlsClientOptions& tls, bool secure, const std::string& key, Report& report);

}  // namespace gatehouse::app
