// SPDX-License-Identifier: Apache-2.0
// The web console: the pages built from web/, embedded in the program, and the session endpoints that turn a login into
// HttpOnly cookies (so that no script ever holds a token). Runs in the gateway's process.
#pragma once

#include "http/router.hpp"
#include "http/upstream.hpp"

#include <memory>

namespace gatehouse::console {

class Console final {
public:
    explicit Console(http::Upstream& auth);
    ~Console();

    // GET /openapi.json, GET / (redirect to /console/), GET /console/{...} (assets, and the page itself for every
    // view), POST /console/session (log in), POST /console/session/refresh, DELETE /console/session (log out).
    http::Handler handler();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::console
