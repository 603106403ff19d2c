// SPDX-License-Identifier: Apache-2.0
// The console's session endpoints: they speak to the role auth in tokens and to the browser in HttpOnly cookies, so no
// script ever holds a token. Everything that changes the session must come from our own pages. Any thread.
#pragma once

#include "http/message.hpp"
#include "http/upstream.hpp"

namespace gatehouse::console {

class Sessions final {
public:
    // `auth` outlives this.
    explicit Sessions(http::Upstream& auth) : auth_(auth) {}

    // Each is a handler; they throw Problem for what they refuse.
    Task<http::Response> show(http::Request& request);
    Task<http::Response> log_in(http::Request& request);
    Task<http::Response> refresh(http::Request& request);
    Task<http::Response> log_out(http::Request& request);

private:
    struct Answer {
        int status = 0;
        http::Headers headers;
        std::string body;
    };

    // POST `path` at auth, for `request`'s sender, with `body` as JSON (none when empty) and `bearer` (none when
    // empty).
    Task<Answer> post(const http::Request& request, std::string path, std::string body, std::string bearer);

    http::Upstream& auth_;
};

}  // namespace gatehouse::console
