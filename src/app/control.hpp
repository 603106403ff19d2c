// SPDX-License-Identifier: Apache-2.0
// Management of a running server: HTTP over a Unix socket in the data directory, which only its owner can open.
//
//   POST /commands/{name}   the arguments as a JSON object; answers the result, or a problem
#pragma once

#include "app/commands.hpp"
#include "base/io_threads.hpp"
#include "http/router.hpp"
#include "http/server.hpp"

#include <filesystem>
#include <string>

namespace gatehouse::app {

class Control final {
public:
    Control(IoThreads& threads, const std::filesystem::path& socket, CommandContext context);

    void start() { server_.start(); }
    void stop();

private:
    Task<http::Response> run(http::Request& request);

    CommandContext context_;
    http::Router router_;
    http::Server server_;
};

// The other side: runs the command in the server behind the socket. Throws std::runtime_error with the
// server's sentence when the command failed, Unavailable when no server answers. Blocks; for the command line.
json::value call_control(const std::filesystem::path& socket, const std::string& name, const json::object& arguments);

}  // namespace gatehouse::app
