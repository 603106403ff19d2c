// SPDX-License-Identifier: Apache-2.0
// An answer's body that tells a record how it ended: `record.tell(bytes, complete)` is called once, when the body has
// been sent or was dropped before its end. It lives as long as the body.
#pragma once

#include "http/message.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace gatehouse::http {

template <class Record>
class RecordedBody final : public BodyReader {
public:
    RecordedBody(std::unique_ptr<BodyReader> body, Record record) : body_(std::move(body)), record_(std::move(record))
    {
    }
    ~RecordedBody() override { record_.tell(bytes_, complete_); }

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await body_->read();
        bytes_ += piece.size();
        complete_ = piece.empty() || bytes_ == body_->length();
        co_return piece;
    }

    std::optional<std::uint64_t> length() const override { return body_->length(); }
    const Headers* trailers() const override { return body_->trailers(); }

private:
    std::unique_ptr<BodyReader> body_;
    Record record_;
    std::uint64_t bytes_ = 0;
    bool complete_ = false;
};

// Tells `record` at the end of the response's body, or now when it has none to send.
template <class Record>
void record_response(Response& response, bool to_head, Record record)
{
    if (response.stream && !to_head && response.status != 204 && response.status != 304)
        response.stream = std::make_unique<RecordedBody<Record>>(std::move(response.stream), std::move(record));
    else
        record.tell(to_head ? 0 : response.body.size(), true);
}

}  // namespace gatehouse::http
