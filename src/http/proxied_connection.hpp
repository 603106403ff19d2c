// SPDX-License-Identifier: Apache-2.0
// The first step of a connection that a trusted proxy made: its PROXY header is read, and not a byte more, so that what
// follows is as if the client had connected by itself. It lives on its thread.
#pragma once

#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <optional>
#include <string>

namespace gatehouse::http {

class ProxiedConnection final : public OpenConnection {
public:
    // `stream` outlives it.
    ProxiedConnection(ServerContext& context, StreamSocket& stream) : OpenConnection(context), stream_(stream) {}

    // The client's address, "" when the proxy speaks for itself; nullopt when the header is not a proper one or late.
    Task<std::optional<std::string>> find_source();

    // Nothing was asked for yet.
    void drain() override { stream_.cut(); }

private:
    StreamSocket& stream_;
};

}  // namespace gatehouse::http
