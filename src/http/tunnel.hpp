// SPDX-License-Identifier: Apache-2.0
// A connection whose two ends speak another protocol from now on (RFC 9110 section 7.8): what a response with status
// 101 carries, and how its bytes are passed in both directions.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace gatehouse::http {

// The far end. One thread.
class Tunnel {
public:
    Tunnel() = default;
    virtual ~Tunnel()
    {
        if (when_closed)
            when_closed(received, sent);
    }
    Tunnel(const Tunnel&) = delete;
    Tunnel& operator=(const Tunnel&) = delete;

    virtual StreamSocket& stream() = 0;
    virtual Buffer& input() = 0;  // what it has sent already

    std::string protocol;  // for the Upgrade field of the answer
    std::chrono::milliseconds idle_timeout{600'000};
    std::move_only_function<bool()> is_over;  // asked about twice a second
    std::move_only_function<void(std::uint64_t received, std::uint64_t sent)> when_closed;

    std::uint64_t received = 0;  // bytes from the client
    std::uint64_t sent = 0;      // and to it
};

// Passes bytes until both ends have closed (the second one within ten silent seconds of the first), one breaks, nothing
// has moved for the idle time, or is_over() says so. What one end does not take is not read from the other: at most one
// buffer waits in each direction.
class TunnelPump final {
public:
    // All outlive it. `client_input`: what the client has sent already.
    TunnelPump(StreamSocket& client, Buffer& client_input, Tunnel& tunnel, ServerContext& context);
    TunnelPump(const TunnelPump&) = delete;
    TunnelPump& operator=(const TunnelPump&) = delete;

    Task<void> run();

private:
    Task<void> pass(StreamSocket& from, Buffer& buffer, StreamSocket& to, std::uint64_t& bytes);
    Task<bool> write(StreamSocket& to, Buffer& buffer);
    void cut();
    static void on_look(void* self);

    StreamSocket& client_;
    Buffer& client_input_;
    Tunnel& tunnel_;
    ServerContext& context_;
    bool closing_ = false;  // one end has closed its direction
    SteadyTime moved_at_;
    Deadline look_;
};

}  // namespace gatehouse::http
