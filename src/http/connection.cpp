// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include "base/id.hpp"
#include "base/log.hpp"
#include "http/chunk_frame.hpp"
#include "http/exchange.hpp"
#include "http/problem.hpp"
#include "http/serializer.hpp"
#include "http/spare_headers.hpp"
#include "http/tunnel.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t copied_body_bytes_max = 16 * 1024;  // beyond, head and body are sent from where they are
constexpr unsigned requests_without_wait_max = 64;
// After so many of one body the client is one that reads: with larger writes it costs less.
constexpr std::uint64_t proven_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds linger_time{2'000};
constexpr std::chrono::milliseconds look_interval{500};

}  // namespace

Connection::Connection(ServerContext& context, StreamSocket& stream, Peer peer, Buffer received)
    : OpenConnection(context), context_(context), stream_(stream), peer_(std::move(peer)), body_(stream_, context),
      look_(context.deadlines, [](void* self) { static_cast<Connection*>(self)->look(); }, this)
{
    if (received.empty())
        return;
    work_ = context_.lend_workspace();
    work_->input = std::move(received);
    idle_ = false;
}

Connection::~Connection() { context_.give_back(std::move(work_)); }

void Connection::drain()
{
    if (!idle_)
        return;
    // A request that has arrived but was not looked at yet is still served.
    if (stream_.peek() == IoStatus::done) {
        stream_.wake_for_buffered_input();
        return;
    }
    stream_.shutdown_write();
    stream_.cut();
}

Task<void> Connection::run()
{
    rest();
    for (;;) {
        Next next = parse_input();
        while (next == Next::wait) {
            if (stream_.has_buffered_input()) {
                next = take_input();
                continue;
            }
            served_without_wait_ = 0;
            auto result = co_await stream_.readable();
            next = after_wait(stream_.waited(result));
        }
        if (next == Next::refuse)
            co_await refuse();
        if (next != Next::serve)
            co_return;

        begin_request();
        bool keep = false;
        {
            Response response = co_await answer(context_.handler, work_->request);
            if (response.tunnel) {
                co_await run_tunnel(response);
                co_return;
            }
            keep = may_keep();
            Gather gather;
            Sent sent = send_now(response, keep, gather);
            if (sent == Sent::partly) {
                // Moving the string leaves its bytes, to which `gather` points, where they are.
                std::string head = std::move(context_.output);
                if (co_await stream_.write(gather, context_.options.body_timeout) != IoStatus::done)
                    co_return;
            } else if (sent == Sent::nothing) {
                if (!co_await send_stream(response, keep))
                    co_return;
            } else if (sent == Sent::failed) {
                co_return;
            }
            SpareHeaders::give_back(std::move(response.headers));
        }
        if (!keep) {
            co_await linger();
            co_return;
        }
        if (!body_.done() && !co_await body_.drain()) {
            co_await linger();
            co_return;
        }
        rest();
        // Its answer had said that it stays, and ended after the idle ones were closed: a stream, or a long download.
        if (context_.idle_ones_end && idle_ && stream_.peek() != IoStatus::done) {
            stream_.shutdown_write();
            co_return;
        }
        if (++served_without_wait_ == requests_without_wait_max) {
            served_without_wait_ = 0;
            co_await asio::post(co_await asio::this_coro::executor, asio::deferred);
        }
    }
}

// Between requests: what follows was sent already by a client that pipelines, or the connection becomes idle.
void Connection::rest()
{
    head_begun_ = false;
    look_.clear();
    stream_.set_final_deadline(SteadyTime::max());
    if (work_ && work_->input.empty())
        context_.give_back(std::move(work_));
    idle_ = !work_;
    if (idle_)
        stream_.set_deadline(coarse_now() + context_.options.idle_timeout);
}

Connection::Next Connection::after_wait(IoStatus status)
{
    switch (status) {
    case IoStatus::done: return take_input();
    case IoStatus::expired:
        if (idle_ || stream_.is_cut())
            return Next::end;
        head_late_ = true;
        return Next::refuse;
    default: return Next::end;
    }
}

Connection::Next Connection::take_input()
{
    if (!work_)
        work_ = context_.lend_workspace();
    Buffer& input = work_->input;
    if (input.space().empty())
        input.make_room(context_.buffers, input.capacity() == 0 ? BufferPool::small_bytes : input.view().size() * 2);
    IoStatus status = stream_.read_now(input);
    if (status == IoStatus::would_block) {
        if (idle_)
            rest();
        return Next::wait;
    }
    if (status != IoStatus::done)
        return Next::end;
    idle_ = false;
    return parse_input();
}

Connection::Next Connection::parse_input()
{
    if (!work_ || work_->input.empty())
        return Next::wait;
    head_ = parse_request_head(work_->input.view(), work_->scanned, context_.options.parser, work_->request.head);
    switch (head_.state) {
    case HeadResult::State::complete: return Next::serve;
    case HeadResult::State::invalid: return Next::refuse;
    case HeadResult::State::incomplete: break;
    }
    if (!head_begun_) {
        head_begun_ = true;
        head_deadline_ = coarse_now() + context_.options.header_timeout;
    }
    stream_.set_deadline(head_deadline_);
    return Next::wait;
}

void Connection::begin_request()
{
    Request& request = work_->request;
    work_->input.consume(head_.consumed);
    work_->scanned = 0;
    body_.begin(work_->input, head_);
    begin_exchange(request, body_, peer_, context_.options.assign_request_ids);
    work_->interruption.reset();
    request.interruption = &work_->interruption;
    SteadyTime now = coarse_now();
    stream_.set_final_deadline(now + context_.options.request_timeout);
    look_.set(now + look_interval);
}

// A client that closes its direction after its request does not wait for the answer any more.
void Connection::look()
{
    if (body_.done() && stream_.is_peer_closed())
        work_->interruption.fire(BodyError::Kind::closed);
    else if (work_->interruption.is_over())
        work_->interruption.fire(BodyError::Kind::revoked);
    else
        look_.set(coarse_now() + look_interval);
}

// The two ends speak another protocol from now on; the connection ends with it.
Task<void> Connection::run_tunnel(Response& response)
{
    look_.clear();
    std::string head;
    append_switch_head(head, response.headers, response.tunnel->protocol);
    if (co_await stream_.write(Gather(head), context_.options.body_timeout) != IoStatus::done)
        co_return;
    TunnelPump pump(stream_, work_->input, *response.tunnel, context_);
    co_await pump.run();
}

bool Connection::may_keep() const
{
    return head_.keep_alive && !context_.draining && !stream_.is_cut() && body_.can_drain();
}

Framing Connection::framing_of(const Response& response) const
{
    const RequestHead& head = work_->request.head;
    return response_framing(response, head.method == "HEAD", head.version == Version::http11);
}

Connection::Sent Connection::send_now(Response& response, bool keep, Gather& gather)
{
    check_status(response, work_->request);
    Framing framing = framing_of(response);
    std::string& out = context_.output;
    out.clear();
    append_response_head(out, response.status, response.headers, framing, keep);
    bool bodiless = has_no_body(response.status, work_->request.head.method == "HEAD");
    if (response.stream && !bodiless)
        return Sent::nothing;
    bool copied = response.body.size() <= copied_body_bytes_max;
    if (!bodiless && copied)
        out += response.body;
    gather.add(out);
    if (!bodiless && !copied)
        gather.add(response.body);
    switch (stream_.write_now(gather)) {
    case IoStatus::done: return Sent::all;
    case IoStatus::would_block: return Sent::partly;
    default: return Sent::failed;
    }
}

// Sends a body as it comes. The head of one with known length goes with the first piece, so that a stream that breaks
// before it still becomes a proper answer; otherwise at once, for it may take long until the first piece.
Task<bool> Connection::send_stream(Response& response, bool keep)
{
    std::string head = std::exchange(context_.output, {});
    Framing framing = framing_of(response);
    if (framing.kind != Framing::Kind::length)
        co_return co_await send_pieces(response, framing, {}, std::move(head));

    std::exception_ptr error;
    std::string_view first;
    try {
        first = co_await response.stream->read();
    } catch (...) {
        error = std::current_exception();
    }
    if (!error)
        co_return co_await send_pieces(response, framing, first, std::move(head));

    response = answer_exception(error, work_->request);
    Gather gather;
    Sent sent = send_now(response, keep, gather);
    if (sent != Sent::partly)
        co_return sent == Sent::all;
    head = std::move(context_.output);
    co_return co_await stream_.write(gather, context_.options.body_timeout) == IoStatus::done;
}

Task<bool> Connection::send_pieces(Response& response, Framing framing, std::string_view piece, std::string head)
{
    auto timeout = context_.options.body_timeout;
    bool chunked = framing.kind == Framing::Kind::chunked;
    bool first = true;
    std::uint64_t remaining = framing.length;
    std::uint64_t unproven = proven_bytes;
    ChunkFrame frame;
    for (;;) {
        bool last = piece.empty() && (!first || framing.kind == Framing::Kind::length);
        if (framing.kind == Framing::Kind::length && (piece.size() > remaining || (last && remaining > 0))) {
            break_off(framing, "the body has another length than announced");
            co_return false;
        }
        remaining -= framing.kind == Framing::Kind::length ? piece.size() : 0;
        Gather gather;
        if (first)
            gather.add(head);
        if (!chunked)
            gather.add(piece);
        else if (const Headers* trailers = last ? trailers_of(response) : nullptr)
            frame.add_last(gather, *trailers);
        else if (!first || !piece.empty())
            frame.add(gather, piece);
        first = false;
        if (!gather.done() && co_await stream_.write(gather, timeout) != IoStatus::done)
            co_return false;
        if (last)
            co_return true;
        if (unproven > 0 && (unproven -= std::min<std::uint64_t>(unproven, piece.size())) == 0)
            stream_.lift_unsent_bound();
        std::exception_ptr error;
        try {
            piece = co_await response.stream->read();
        } catch (...) {
            error = std::current_exception();
        }
        if (error) {
            break_off(framing, describe_exception(error));
            co_return false;
        }
    }
}

// RFC 9110 section 6.5.1: for a client that has said that it takes them.
const Headers* Connection::trailers_of(const Response& response) const
{
    const Headers* trailers = response.stream->trailers();
    return trailers && trailers->size() != 0 && work_->request.takes_trailers ? trailers : nullptr;
}

// Makes the client notice that the body is not whole.
void Connection::break_off(const Framing& framing, std::string_view cause)
{
    log::warn("http", "answer broken off",
              {{"server", context_.options.name}, {"request_id", work_->request.request_id}, {"cause", cause}});
    if (framing.kind == Framing::Kind::until_close)
        stream_.reset_on_close();
    else
        stream_.cut();
}

Task<void> Connection::refuse()
{
    Problem problem = head_late_ ? Problem::of_status(408, "head_timeout", "The request head did not arrive in time.")
                                 : problem_of(head_.error);
    std::string request_id = make_id();
    context_.refused_heads.fetch_add(1, std::memory_order_relaxed);
    log::debug("http", "request refused",
               {{"server", context_.options.name},
                {"request_id", request_id},
                {"status", problem.status()},
                {"reason", head_late_ ? "late" : describe(head_.error)}});
    Response response = problem.to_response(request_id);
    std::string out;
    append_response_head(out, response.status, response.headers, {Framing::Kind::length, response.body.size()}, false);
    out += response.body;
    stream_.set_final_deadline(coarse_now() + context_.options.body_timeout);
    if (co_await stream_.write(Gather(out), context_.options.body_timeout) == IoStatus::done)
        co_await linger();
}

// Closing while bytes of the client's are unread would reset the connection and could take the answer away before the
// client has read it. So the end is said first, and what still comes is read away, within bounds.
Task<void> Connection::linger()
{
    bool client_closes = !head_.keep_alive && head_.state == HeadResult::State::complete && body_.done();
    if ((client_closes && work_->input.empty()) || stream_.is_cut())
        co_return;
    stream_.shutdown_write();
    stream_.set_final_deadline(coarse_now() + std::min(linger_time, context_.options.idle_timeout));
    Buffer& input = work_->input;
    std::uint64_t budget = context_.options.drain_bytes_max;
    for (;;) {
        input.consume(input.view().size());
        IoStatus status = co_await stream_.read(input, context_.buffers, BufferPool::small_bytes, linger_time);
        if (status != IoStatus::done || input.view().size() > budget)
            co_return;
        budget -= input.view().size();
    }
}

OpenConnection::OpenConnection(ServerContext& context) : context_(context), index_(context.connections.size())
{
    context_.connections.push_back(this);
    context_.connection_count.fetch_add(1, std::memory_order_relaxed);
}

OpenConnection::~OpenConnection()
{
    OpenConnection* last = context_.connections.back();
    context_.connections[index_] = last;
    last->index_ = index_;
    context_.connections.pop_back();
    context_.connection_count.fetch_sub(1, std::memory_order_relaxed);
}

std::unique_ptr<Workspace> ServerContext::lend_workspace()
{
    if (workspaces_.empty())
        return std::make_unique<Workspace>();
    auto workspace = std::move(workspaces_.back());
    workspaces_.pop_back();
    return workspace;
}

void ServerContext::give_back(std::unique_ptr<Workspace> workspace)
{
    if (!workspace)
        return;
    workspace->input = Buffer();
    workspace->scanned = 0;
    if (workspaces_.size() < kept_max)
        workspaces_.push_back(std::move(workspace));
}

}  // namespace gatehouse::http
