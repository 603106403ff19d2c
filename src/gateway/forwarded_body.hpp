// SPDX-License-Identifier: Apache-2.0
// A request's body on its way to the service behind: it ends with BodyError::too_large when it brings more bytes than
// the route allows, and with BodyError::revoked once its sender's token is revoked, so that an upload in progress ends
// with its session. It knows how many bytes it brought, and leaves out the trailers that a client may not say.
//
// Where the service may answer while it reads, this lives as long as one of the two goes on.
#pragma once

#include "gateway/fields.hpp"
#include "gateway/revocable_body.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace gatehouse::gateway {

class ForwardedBody final : public http::BodyReader {
public:
    // REQUIRES: `body` outlives this.
    ForwardedBody(http::BodyReader& body, std::uint64_t bytes_max, std::optional<RevocationWatch> watch)
        : body_(body), bytes_max_(bytes_max), watch_(std::move(watch))
    {
    }

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await body_.read();
        if (piece.size() > bytes_max_ - bytes_)
            throw http::BodyError(http::BodyError::Kind::too_large);
        bytes_ += piece.size();
        if (watch_)
            watch_->require();
        co_return piece;
    }

    std::optional<std::uint64_t> length() const override { return body_.length(); }

    const http::Headers* trailers() const override
    {
        const http::Headers* sent = body_.trailers();
        if (!sent)
            return nullptr;
        trailers_.clear();
        for (http::Field field : *sent)
            if (!is_reserved_field(field.name) && !is_hop_by_hop_field(field.name))
                trailers_.add(field.name, field.value);
        return &trailers_;
    }

    std::uint64_t bytes() const { return bytes_; }

private:
    http::BodyReader& body_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    std::optional<RevocationWatch> watch_;
    mutable http::Headers trailers_;
};

}  // namespace gatehouse::gateway
