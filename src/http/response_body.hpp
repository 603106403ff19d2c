// SPDX-License-Identifier: Apache-2.0
// The body of an upstream's answer that did not come with its head: read from the connection as it is asked for.
#pragma once

#include "http/connection_pool.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"

#include <chrono>
#include <memory>
#include <string_view>

namespace gatehouse::http {

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
    };
    explicit ResponseBody(Source source) : source_(std::move(source)) {}

    // Throws UpstreamError.
    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return source_.decoder.length(); }

private:
    void end();
    [[noreturn]] void fail(UpstreamError::Kind kind);

    Source source_;
    std::optional<UpstreamError::Kind> error_;
};

}  // namespace gatehouse::http
