// SPDX-License-Identifier: Apache-2.0
// A server whose handler is set after it has been bound: its port is known by then and nothing is accepted before
// start().
#pragma once

#include "base/io_threads.hpp"
#include "http/server.hpp"

#include <utility>

namespace gatehouse::app {

class LateServer final {
public:
    LateServer(IoThreads& threads, http::ServerOptions options)
        : server_(threads, std::move(options), [this](http::Request& request) { return handler_(request); })
    {
    }

    http::Server& server() { return server_; }
    std::uint16_t port() const { return server_.port(); }
    void start(http::Handler handler)
    {
        handler_ = std::move(handler);
        server_.start();
    }

private:
    http::Handler handler_;
    http::Server server_;
};

}  // namespace gatehouse::app
