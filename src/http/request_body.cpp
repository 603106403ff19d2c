// SPDX-License-Identifier: Apache-2.0
#include "http/request_body.hpp"

#include "http/body_piece.hpp"

namespace gatehouse::http {

namespace {

constexpr std::string_view continue_message = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void RequestBody::begin(Buffer& input, const HeadResult& head)
{
    input_ = &input;
    decoder_ = BodyDecoder(head.framing, context_.options.parser);
    received_ = 0;
    // RFC 9110 section 10.1.1: no 100 when the body has begun to arrive already.
    continue_pending_ = head.expect_continue && !decoder_.done() && input.empty();
    error_.reset();
}

Task<std::string_view> RequestBody::read()
{
    if (error_)
        throw BodyError(*error_);
    if (decoder_.length().value_or(0) > context_.options.body_bytes_max)
        fail(BodyError::Kind::too_large);
    for (;;) {
        BodyPiece piece = take_body_piece(*input_, decoder_);
        if (piece.error != ParseError::none)
            fail(BodyError::Kind::malformed);
        received_ += piece.data.size();
        if (received_ > context_.options.body_bytes_max)
            fail(BodyError::Kind::too_large);
        if (!piece.data.empty() || decoder_.done())
            co_return piece.data;
        co_await receive();
    }
}

Task<void> RequestBody::receive()
{
    if (continue_pending_) {
        continue_pending_ = false;
        IoStatus status = co_await stream_.write(Gather(continue_message), context_.options.body_timeout);
        if (status != IoStatus::done)
            fail(BodyError::Kind::closed);
    }
    bool large = !decoder_.length() || *decoder_.length() - received_ > BufferPool::small_bytes;
    std::size_t capacity = large ? BufferPool::large_bytes : BufferPool::small_bytes;
    IoStatus status = co_await stream_.read(*input_, context_.buffers, capacity, context_.options.body_timeout);
    if (status == IoStatus::closed || stream_.is_cut())
        fail(BodyError::Kind::closed);
    if (status == IoStatus::expired)
        fail(BodyError::Kind::too_slow);
}

bool RequestBody::can_drain() const
{
    if (decoder_.done())
        return true;
    // Whether a client that waits for "100 Continue" sends its body after another answer is its own choice.
    if (error_ || continue_pending_)
        return false;
    return !decoder_.length() || *decoder_.length() - received_ <= context_.options.drain_bytes_max;
}

Task<bool> RequestBody::drain()
{
    std::uint64_t received_max = received_ + context_.options.drain_bytes_max;
    try {
        while (!decoder_.done() && received_ <= received_max)
            co_await read();
    } catch (const BodyError&) {
        co_return false;
    }
    co_return decoder_.done();
}

void RequestBody::fail(BodyError::Kind kind)
{
    error_ = kind;
    throw BodyError(kind);
}

}  // namespace gatehouse::http
