// SPDX-License-Identifier: Apache-2.0
// Figures that are kept where things happen and only looked up when somebody scrapes: caches of tokens, connections.
//
// Each function registers with Ops::before_scrape(); what it names outlives `ops`. Before the start.
#pragma once

#include "app/ops.hpp"
#include "base/io_threads.hpp"
#include "base/metrics.hpp"
#include "http/public_side.hpp"
#include "http/server.hpp"
#include "http/tls_server.hpp"
#include "identity/authenticator.hpp"
#include "identity/revocation_list.hpp"

#include <string>

namespace gatehouse::app {

void report_token_caches(Ops& ops, Metrics& metrics, PerThread<identity::Authenticator>& authenticators);

void report_revocations(Ops& ops, Metrics& metrics, const identity::RevocationList& revocations);

// `name` is the label `server`: "gateway", "auth", ...
void report_connections(Ops& ops, Metrics& metrics, const std::string& name, const http::Server& server);

void report_tls(Ops& ops, Metrics& metrics, http::TlsServer& tls);
void report_public_side(Ops& ops, Metrics& metrics, const http::PublicSide& side);

}  // namespace gatehouse::app
