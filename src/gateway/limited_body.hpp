// SPDX-License-Identifier: Apache-2.0
// A request's body that ends with BodyError::too_large when it brings more bytes than a route allows, and knows how
// many it brought.
#pragma once

#include "http/message.hpp"

#include <cstdint>

namespace gatehouse::gateway {

class LimitedBody final : public http::BodyReader {
public:
    // REQUIRES: `body` outlives this.
    LimitedBody(http::BodyReader& body, std::uint64_t bytes_max) : body_(body), bytes_max_(bytes_max) {}

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await body_.read();
        if (piece.size() > bytes_max_ - bytes_)
            throw http::BodyError(http::BodyError::Kind::too_large);
        bytes_ += piece.size();
        co_return piece;
    }

    std::optional<std::uint64_t> length() const override { return body_.length(); }
    const http::Headers* trailers() const override { return body_.trailers(); }

    std::uint64_t bytes() const { return bytes_; }

private:
    http::BodyReader& body_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
};

}  // namespace gatehouse::gateway
