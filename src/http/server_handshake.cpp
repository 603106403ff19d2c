// SPDX-License-Identifier: Apache-2.0
#include "http/server_handshake.hpp"

#include "base/id.hpp"
#include "base/log.hpp"
#include "http/problem.hpp"
#include "http/serializer.hpp"
#include "http/tls_server.hpp"
#include "http/tls_stream.hpp"

namespace gatehouse::http {

namespace {

constexpr std::chrono::milliseconds plain_answer_time{2'000};

}  // namespace

Task<bool> ServerHandshake::run()
{
    TlsServer& server = *context_.options.tls;
    auto made = std::make_unique<TlsStream>(server.accept(), stream_.socket().native_handle());
    TlsStream& tls = *made;
    stream_.set_tls(std::move(made));
    IoStatus status = co_await stream_.handshake(coarse_now() + context_.options.handshake_timeout);
    if (status == IoStatus::done) {
        auto& figures = server.figures();
        auto& kind = SSL_session_reused(tls.ssl()) == 1 ? figures.resumed : figures.full;
        kind.fetch_add(1, std::memory_order_relaxed);
        co_return true;
    }
    server.figures().failed.fetch_add(1, std::memory_order_relaxed);
    log::debug("http", "TLS handshake failed",
               {{"server", context_.options.name},
                {"reason", status == IoStatus::expired ? std::string("not done in time") : tls.failure()}});
    if (tls.is_plain_http())
        co_await answer_plain_http();
    co_return false;
}

Task<void> ServerHandshake::answer_plain_http()
{
    stream_.set_tls(nullptr);
    Problem problem = Problem::bad_request("tls_required", "This port speaks HTTPS: ask again with https://.");
    Response response = problem.to_response(make_id());
    std::string out;
    append_response_head(out, response.status, response.headers, {Framing::Kind::length, response.body.size()}, false);
    out += response.body;
    stream_.set_final_deadline(coarse_now() + plain_answer_time);
    if (co_await stream_.write(Gather(out), plain_answer_time) != IoStatus::done)
        co_return;
    // As Connection::linger(): closing over unread bytes would take the answer away.
    stream_.shutdown_write();
    Buffer input;
    for (std::size_t budget = context_.options.drain_bytes_max; budget > 0;) {
        input.consume(input.view().size());
        if (co_await stream_.read(input, context_.buffers, BufferPool::small_bytes, plain_answer_time) !=
            IoStatus::done)
            co_return;
        budget -= std::min(budget, input.view().size());
    }
}

}  // namespace gatehouse::http
