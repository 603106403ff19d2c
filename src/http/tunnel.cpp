// SPDX-License-Identifier: Apache-2.0
#include "http/tunnel.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t buffer_bytes = 16 * 1024;
constexpr std::size_t turn_bytes_max = 256 * 1024;
constexpr std::chrono::milliseconds look_interval{400};
constexpr std::chrono::milliseconds closing_time_max{10'000};

}  // namespace

TunnelPump::TunnelPump(StreamSocket& client, Buffer& client_input, Tunnel& tunnel, ServerContext& context)
    : client_(client), client_input_(client_input), tunnel_(tunnel), context_(context), moved_at_(coarse_now()),
      look_(context.deadlines, &TunnelPump::on_look, this)
{
    // From here on this object alone says when it is over.
    client_.set_final_deadline(SteadyTime::max());
    tunnel_.stream().set_final_deadline(SteadyTime::max());
    look_.set(moved_at_ + look_interval);
}

Task<void> TunnelPump::run()
{
    using namespace asio::experimental::awaitable_operators;
    auto up = pass(client_, client_input_, tunnel_.stream(), tunnel_.received);
    auto down = pass(tunnel_.stream(), tunnel_.input(), client_, tunnel_.sent);
    co_await (std::move(up) && std::move(down));
}

Task<void> TunnelPump::pass(StreamSocket& from, Buffer& buffer, StreamSocket& to, std::uint64_t& bytes)
{
    std::size_t turn = 0;
    for (;;) {
        if (!buffer.empty()) {
            std::size_t size = buffer.view().size();
            if (!co_await write(to, buffer))
                break;
            bytes += size;
            turn += size;
            moved_at_ = coarse_now();
        }
        if (turn >= turn_bytes_max) {
            turn = 0;
            co_await asio::post(from.socket().get_executor(), asio::deferred);
        }
        buffer.make_room(context_.buffers, buffer_bytes);
        IoStatus status = from.read_now(buffer);
        if (status == IoStatus::would_block) {
            turn = 0;
            buffer = Buffer();
            auto result = co_await from.readable();
            status = from.waited(result);
            if (status == IoStatus::done)
                continue;
        }
        if (status == IoStatus::closed) {
            to.shutdown_write();
            closing_ = true;
            co_return;
        }
        if (status != IoStatus::done)
            break;
    }
    cut();
}

Task<bool> TunnelPump::write(StreamSocket& to, Buffer& buffer)
{
    Gather gather(buffer.view());
    for (;;) {
        IoStatus status = to.write_now(gather);
        if (status == IoStatus::would_block) {
            auto result = co_await to.writable();
            status = to.waited(result);
            if (status == IoStatus::done)
                continue;
        }
        buffer.consume(buffer.view().size());
        co_return status == IoStatus::done;
    }
}

void TunnelPump::cut()
{
    client_.cut();
    tunnel_.stream().cut();
}

void TunnelPump::on_look(void* self)
{
    auto& pump = *static_cast<TunnelPump*>(self);
    SteadyTime now = coarse_now();
    auto limit = pump.tunnel_.idle_timeout;
    if (pump.closing_)
        limit = std::min(limit, closing_time_max);
    bool idle = now - pump.moved_at_ > limit;
    if (idle || (pump.tunnel_.is_over && pump.tunnel_.is_over()))
        pump.cut();
    else
        pump.look_.set(now + look_interval);
}

}  // namespace gatehouse::http
