// SPDX-License-Identifier: Apache-2.0
// The TLS handshake of one connection of the server, under a deadline of its own. It lives on its thread.
#pragma once

#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

namespace gatehouse::http {

class ServerHandshake final : public OpenConnection {
public:
    // `stream` outlives it.
    ServerHandshake(ServerContext& context, StreamSocket& stream)
        : OpenConnection(context), context_(context), stream_(stream)
    {
    }

    // False: the connection is over. Who speaks plain HTTP here is told so.
    Task<bool> run();

    // Nothing was asked for yet.
    void drain() override { stream_.cut(); }

private:
    Task<void> answer_plain_http();

    ServerContext& context_;
    StreamSocket& stream_;
};

}  // namespace gatehouse::http
