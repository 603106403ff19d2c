// SPDX-License-Identifier: Apache-2.0
// The body of an upstream's answer that did not come with its head: read from the connection as it is asked for.
#pragma once

#include "http/connection_pool.hpp"
#include "http/interruption.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

namespace gatehouse::http {

// As long as it exists, the interruption of a request cuts its connection to the upstream.
class Waiting final {
public:
    Waiting() = default;
    Waiting(Interruption* interruption, StreamSocket& stream) : interruption_(interruption), stream_(&stream)
    {
        if (interruption_)
            interruption_->set_wake([](void* owner) { static_cast<StreamSocket*>(owner)->cut(); }, stream_);
    }
    Waiting(Waiting&& other) noexcept
        : interruption_(std::exchange(other.interruption_, nullptr)), stream_(other.stream_)
    {
    }
    Waiting& operator=(Waiting&& other) noexcept
    {
        end();
        interruption_ = std::exchange(other.interruption_, nullptr);
        stream_ = other.stream_;
        return *this;
    }
    ~Waiting() { end(); }

    void end()
    {
        if (interruption_)
            std::exchange(interruption_, nullptr)->clear_wake(stream_);
    }
    // Throws BodyError.
    void require() const
    {
        if (interruption_ && interruption_->fired())
            throw BodyError(*interruption_->fired());
    }

private:
    Interruption* interruption_ = nullptr;
    StreamSocket* stream_ = nullptr;
};

class ResponseBody final : public BodyReader {
public:
    struct Source {
        std::shared_ptr<void> client;  // keeps the pools alive
        BufferPool& buffers;
        Lease lease;
        BodyDecoder decoder;
        std::string_view first;  // a piece that is in the connection's buffer already
        bool reusable = false;   // whether the connection can be kept after the body
        std::chrono::milliseconds timeout;
        Waiting waiting;
    };
    explicit ResponseBody(Source source) : source_(std::move(source)) {}

    // Throws UpstreamError, or BodyError when the request was interrupted.
    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return source_.decoder.length(); }

private:
    void end();
    [[noreturn]] void fail(UpstreamError::Kind kind);

    Source source_;
    std::optional<UpstreamError::Kind> error_;
};

}  // namespace gatehouse::http
