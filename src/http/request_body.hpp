// SPDX-License-Identifier: Apache-2.0
// The body of the request that a connection is serving, as the handler reads it.
//
// Sends "100 Continue" when the handler first asks for a body that the client holds back. After an error every further
// read() throws the same again and the connection cannot be kept.
#pragma once

#include "http/buffer_pool.hpp"
#include "http/message.hpp"
#include "http/parser.hpp"
#include "http/server_context.hpp"
#include "http/stream_socket.hpp"

#include <cstdint>
#include <optional>

namespace gatehouse::http {

class RequestBody final : public BodyReader {
public:
    RequestBody(StreamSocket& stream, ServerContext& context) : stream_(stream), context_(context) {}

    // For the next request: `input` holds what came after its head.
    void begin(Buffer& input, const HeadResult& head);

    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return decoder_.length(); }

    bool done() const { return decoder_.done(); }
    // Whether the rest can be read away within drain_bytes_max, as far as is known.
    bool can_drain() const;
    // Reads the rest away; false when it is too much or broken.
    Task<bool> drain();

private:
    [[noreturn]] void fail(BodyError::Kind kind);
    Task<void> receive();

    StreamSocket& stream_;
    ServerContext& context_;
    Buffer* input_ = nullptr;
    BodyDecoder decoder_;
    std::uint64_t received_ = 0;
    bool continue_pending_ = false;
    std::optional<BodyError::Kind> error_;
};

}  // namespace gatehouse::http
