// SPDX-License-Identifier: Apache-2.0
// A request's body whose beginning is kept for a while, so that it can be sent once more to a peer that has not looked
// at it the first time. Bounded: a longer body cannot be sent again. One thread.
#pragma once

#include "http/message.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace gatehouse::http {

class ReplayBody final : public BodyReader {
public:
    static constexpr std::size_t kept_bytes_max = 64 * 1024;

    // `holds` is what `body` is part of, if it may go away else.
    ReplayBody(BodyReader& body, std::shared_ptr<void> holds)
        : holds_(std::move(holds)), body_(body), keeps_(body.length().value_or(0) <= kept_bytes_max)
    {
    }

    Task<std::string_view> read() override
    {
        if (std::exchange(replays_, false) && !kept_.empty())
            co_return kept_;
        if (!keeps_)
            kept_ = std::string();
        if (ended_)
            co_return std::string_view{};
        reading_ = begun_ = true;
        std::string_view piece = co_await body_.read();
        reading_ = false;
        ended_ = piece.empty();
        keeps_ = keeps_ && kept_.size() + piece.size() <= kept_bytes_max;
        if (keeps_)
            kept_.append(piece);
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override { return body_.length(); }
    const Headers* trailers() const override { return body_.trailers(); }

    // Whether the body can begin anew: everything that was read is here, and nobody waits for more of it.
    bool can_rewind() const { return keeps_ && !reading_; }
    // Whether somebody who asks for the body itself would miss something.
    bool begun() const { return begun_; }
    void rewind() { replays_ = true; }
    // It will not be asked for again.
    void forget() { keeps_ = false; }

private:
    std::shared_ptr<void> holds_;
    BodyReader& body_;
    std::string kept_;
    bool keeps_;
    bool replays_ = false;
    bool reading_ = false;
    bool begun_ = false;
    bool ended_ = false;
};

}  // namespace gatehouse::http
