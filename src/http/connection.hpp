// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on one connection of the server: reads requests, runs the handler, sends the answers, in order. It lives on
// its thread.
#pragma once

#include "http/request_body.hpp"
#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <memory>
#include <string>

namespace gatehouse::http {

class Problem;

class Connection final : public OpenConnection {
public:
    // `stream` outlives it. `received`: what was read from it already.
    Connection(ServerContext& context, StreamSocket& stream, Peer peer, Buffer received);
    ~Connection() override;

    // Until the connection ends, whatever the reason.
    Task<void> run();

    // The server stops: ends at once when no request is on its way, else after the one in progress.
    void drain() override;

private:
    enum class Next { wait, serve, refuse, end };
    enum class Sent { all, partly, nothing, failed };  // nothing: there is a stream to be read first

    Next take_input();
    Next parse_input();
    Next after_wait(IoStatus status);
    void rest();
    void begin_request();

    bool may_keep() const;
    Framing framing_of(const Response& response) const;
    Sent send_now(Response& response, bool keep, Gather& gather);
    Task<bool> send_stream(Response& response, bool keep);
    Task<bool> send_pieces(Response& response, Framing framing, std::string_view piece, std::string head);
    const Headers* trailers_of(const Response& response) const;
    void break_off(const Framing& framing, std::string_view cause);
    Task<void> run_tunnel(Response& response);
    void look();
    Task<void> refuse();
    Task<void> linger();

    ServerContext& context_;
    StreamSocket& stream_;
    Peer peer_;
    std::unique_ptr<Workspace> work_;  // while there is a request, or a part of one
    HeadResult head_;
    RequestBody body_;
    SteadyTime head_deadline_;
    bool head_late_ = false;
    unsigned served_without_wait_ = 0;
    bool idle_ = true;
    bool head_begun_ = false;
    Deadline look_;  // at a request that takes long
};

}  // namespace gatehouse::http
