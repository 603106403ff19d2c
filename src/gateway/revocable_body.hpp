// SPDX-License-Identifier: Apache-2.0
// How a body, either way, ends with BodyError::revoked once its sender's or reader's token is revoked: an upload
// (forwarded_body.hpp) or a download in progress ends with its session.
#pragma once

#include "http/interruption.hpp"
#include "http/message.hpp"
#include "identity/revocation_list.hpp"

#include <memory>
#include <utility>

namespace gatehouse::gateway {

// Looks again only when something was revoked since.
class RevocationWatch final {
public:
    RevocationWatch(const identity::RevocationList& list, std::shared_ptr<const identity::Claims> claims)
        : list_(list), claims_(std::move(claims)), checked_(list.generation())
    {
    }

    bool is_over()
    {
        std::uint64_t generation = list_.generation();
        if (checked_ == generation)
            return over_;
        checked_ = generation;
        over_ = list_.is_revoked(*claims_);
        return over_;
    }

    void require()
    {
        if (is_over())
            throw http::BodyError(http::BodyError::Kind::revoked);
    }

private:
    const identity::RevocationList& list_;
    std::shared_ptr<const identity::Claims> claims_;
    std::uint64_t checked_;
    bool over_ = false;
};

// As long as it exists, the server ends the request when its session ends, though nothing is read or sent meanwhile.
class SessionWatch final {
public:
    // `interruption` may be null. REQUIRES: both outlive this.
    SessionWatch(http::Interruption* interruption, RevocationWatch& watch) : interruption_(interruption), watch_(watch)
    {
        if (interruption_)
            interruption_->set_watch([](void* self) { return static_cast<SessionWatch*>(self)->watch_.is_over(); },
                                     this);
    }
    ~SessionWatch()
    {
        if (interruption_)
            interruption_->clear_watch(this);
    }
    SessionWatch(const SessionWatch&) = delete;
    SessionWatch& operator=(const SessionWatch&) = delete;

private:
    http::Interruption* interruption_;
    RevocationWatch& watch_;
};

// A body that ends with BodyError::revoked once its reader's token is revoked; it owns the stream. It ends while the
// stream is silent, too.
class RevocableStream final : public http::BodyReader {
public:
    // `interruption`: of the request, or null.
    RevocableStream(std::unique_ptr<http::BodyReader> stream, RevocationWatch watch, http::Interruption* interruption)
        : stream_(std::move(stream)), watch_(std::move(watch)), session_(interruption, watch_)
    {
    }

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await stream_->read();
        watch_.require();
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override { return stream_->length(); }
    const http::Headers* trailers() const override { return stream_->trailers(); }

private:
    std::unique_ptr<http::BodyReader> stream_;
    RevocationWatch watch_;
    SessionWatch session_;
};

}  // namespace gatehouse::gateway
