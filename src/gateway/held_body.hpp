// SPDX-License-Identifier: Apache-2.0
// An answer's body together with what it reads from, where that could end before it: the generation of the
// configuration that the request began in. The count is not atomic: it stays on the connection's thread.
#pragma once

#include "http/message.hpp"

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <memory>
#include <utility>

namespace gatehouse::gateway {

class HeldBody final : public http::BodyReader {
public:
    HeldBody(std::unique_ptr<http::BodyReader> body, boost::local_shared_ptr<const void> held)
        : held_(std::move(held)), body_(std::move(body))
    {
    }

    Task<std::string_view> read() override { return body_->read(); }
    std::optional<std::uint64_t> length() const override { return body_->length(); }
    const http::Headers* trailers() const override { return body_->trailers(); }

private:
    boost::local_shared_ptr<const void> held_;
    std::unique_ptr<http::BodyReader> body_;  // goes first
};

}  // namespace gatehouse::gateway
