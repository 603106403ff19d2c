// SPDX-License-Identifier: Apache-2.0
// A body, either way, that ends with BodyError::revoked once its sender's or reader's token is revoked: an upload or a
// download in progress ends with its session.
#pragma once

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

    void require()
    {
        std::uint64_t generation = list_.generation();
        if (checked_ == generation)
            return;
        checked_ = generation;
        if (list_.is_revoked(*claims_))
            throw http::BodyError(http::BodyError::Kind::revoked);
    }

private:
    const identity::RevocationList& list_;
    std::shared_ptr<const identity::Claims> claims_;
    std::uint64_t checked_;
};

class RevocableBody final : public http::BodyReader {
public:
    // REQUIRES: `body` outlives this.
    RevocableBody(http::BodyReader& body, RevocationWatch watch) : body_(body), watch_(std::move(watch)) {}

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await body_.read();
        watch_.require();
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override { return body_.length(); }

private:
    http::BodyReader& body_;
    RevocationWatch watch_;
};

// The same of an answer's stream, which it owns.
class RevocableStream final : public http::BodyReader {
public:
    RevocableStream(std::unique_ptr<http::BodyReader> stream, RevocationWatch watch)
        : stream_(std::move(stream)), body_(*stream_, std::move(watch))
    {
    }

    Task<std::string_view> read() override { return body_.read(); }
    std::optional<std::uint64_t> length() const override { return body_.length(); }

private:
    std::unique_ptr<http::BodyReader> stream_;
    RevocableBody body_;
};

}  // namespace gatehouse::gateway
