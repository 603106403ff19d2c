// SPDX-License-Identifier: Apache-2.0
#include "http/response_body.hpp"

#include "http/body_piece.hpp"

namespace gatehouse::http {

Task<std::string_view> ResponseBody::read()
{
    if (!source_.first.empty())
        co_return std::exchange(source_.first, {});
    if (error_)
        fail(*error_);
    while (source_.lease) {
        Buffer& input = source_.lease->input;
        BodyPiece piece = take_body_piece(input, source_.decoder);
        if (piece.error != ParseError::none)
            fail(UpstreamError::Kind::malformed);
        if (!piece.data.empty())
            co_return piece.data;
        if (source_.decoder.done()) {
            end();
            break;
        }
        IoStatus status =
            co_await source_.lease->stream.read(input, source_.buffers, BufferPool::large_bytes, source_.timeout);
        if (status == IoStatus::expired) {
            source_.waiting.require();
            fail(UpstreamError::Kind::timeout);
        }
        if (status == IoStatus::closed && (source_.lease->stream.is_truncated() || !source_.decoder.finish_at_close()))
            fail(UpstreamError::Kind::closed);
    }
    co_return std::string_view{};
}

void ResponseBody::end()
{
    source_.waiting.end();
    if (source_.reusable && source_.lease->input.empty())
        source_.lease.keep();
    else
        source_.lease.end();
}

void ResponseBody::fail(UpstreamError::Kind kind)
{
    error_ = kind;
    source_.waiting.end();
    source_.lease.end();
    switch (kind) {
    case UpstreamError::Kind::timeout: throw UpstreamError(kind, "the upstream's answer stopped coming");
    case UpstreamError::Kind::malformed: throw UpstreamError(kind, "the framing of the upstream's answer is broken");
    case UpstreamError::Kind::closed: break;
    }
    throw UpstreamError(kind, "the upstream closed the connection within its answer");
}

}  // namespace gatehouse::http
