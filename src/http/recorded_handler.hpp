// SPDX-License-Identifier: Apache-2.0
// A role's handler whose requests are counted, by the router's templates: for roles that listen by themselves. The
// gateway counts by itself, what is called in its process is counted there.
#pragma once

#include "http/router.hpp"
#include "http/server_metrics.hpp"

namespace gatehouse::http {

// `handler` is the router's, or leads to it. All outlive it.
Handler make_recorded_handler(const Router& router, ServerMetrics& metrics, Handler handler);

}  // namespace gatehouse::http
