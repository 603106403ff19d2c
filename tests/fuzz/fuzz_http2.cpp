// SPDX-License-Identifier: Apache-2.0
// Frames on an HTTP/2 connection whose requests are answered: whatever comes, what a handler sees is clean and would
// pass the HTTP/1.1 parser as the same request, and what waits to be sent stays bounded.
#include "http/http2_session.hpp"
#include "http/parser.hpp"
#include "http/serializer.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::http;

namespace {

constexpr std::string_view beginning("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// What the parser says of the request when it is written down for a service behind.
void check_head(const RequestHead& head, std::optional<std::uint64_t> length, bool has_body)
{
    GH_ASSERT(head.target == "*" || head.target.starts_with('/'));
    GH_ASSERT(head.headers.count("host") == 1 && head.headers.count("cookie") <= 1);
    Framing framing;
    if (length)
        framing = {Framing::Kind::length, *length};
    else if (has_body)
        framing = {Framing::Kind::chunked, 0};
    std::string text;
    append_request_head(text, head, framing, true);
    ParserLimits limits;
    limits.head_bytes_max = text.size() + 1;
    limits.field_count_max = head.headers.size() + 2;
    RequestHead again;
    std::size_t scanned = 0;
    auto result = parse_request_head(text, scanned, limits, again);
    GH_ASSERT(result.state == HeadResult::State::complete && result.consumed == text.size());
    GH_ASSERT(result.framing == framing);
    GH_ASSERT(again.method == head.method && again.target == head.target);
    GH_ASSERT(again.headers.find("host") == head.headers.find("host"));
    GH_ASSERT(again.headers.find("cookie") == head.headers.find("cookie"));
}

struct Exchange final : Http2Exchange {
    explicit Exchange(Http2Session*& session) : session_(session) {}

    void take_input(std::string_view piece) override
    {
        GH_ASSERT(!closed && !input_ended);
        waiting_ += piece.size();
        GH_ASSERT(waiting_ <= 64UL * 1024);
    }
    void end_input() override { input_ended = true; }
    void output_taken() override { GH_ASSERT(!closed); }
    void close() override { GH_ASSERT(closed); }

    void serve()
    {
        if (head_error == ParseError::none)
            check_head(request_, head.content_length(), !input_ended);
        if (head.expect_continue())
            session_->send_continue(*this);
        response_.add("x-answer", "yes");
        body_ = head_error == ParseError::none ? std::string(40'000, 'a') : "refused";
        output = body_;
        output_ends = true;
        session_->send_head(*this, 200, response_, {Framing::Kind::length, body_.size()}, true);
    }
    void read() { session_->consume(id, std::exchange(waiting_, 0)); }

    RequestHead request_;

private:
    Http2Session*& session_;
    Headers response_;
    std::string body_;
    std::size_t waiting_ = 0;
};

class Connection final : private Http2Session::Owner {
public:
    explicit Connection(std::string_view input)
    {
        Http2Session session(*this, options_, limits_);
        session_ = &session;
        fuzz::PieceSizes sizes(input);
        receive(beginning);
        while (!input.empty() && !session.ended()) {
            std::size_t size = std::min(sizes.next() * 7, input.size());
            std::string moved(input.substr(0, size));
            moved.shrink_to_fit();
            receive(moved);
            input.remove_prefix(size);
        }
        session.announce_end();
        session.stop_opening();
        session.end(Http2Session::End::no_error);
        produce();
        GH_ASSERT(session.ended());
    }

private:
    void receive(std::string_view bytes)
    {
        session_->receive(bytes);
        for (Exchange* exchange : std::exchange(begun_, {}))
            if (!exchange->closed)
                exchange->serve();
        for (const auto& exchange : exchanges_)
            if (!exchange->closed)
                exchange->read();
        produce();
    }

    void produce()
    {
        for (;;) {
            Buffer output = pool_.lend(BufferPool::large_bytes);
            session_->produce(output);
            produced_ += output.view().size();
            if (output.empty())
                return;
        }
    }

    Http2Exchange* open() override
    {
        if (exchanges_.size() >= 200)
            return nullptr;
        exchanges_.push_back(std::make_unique<Exchange>(session_));
        Exchange& exchange = *exchanges_.back();
        exchange.head.begin(exchange.request_, limits_, options_.head_bytes_max);
        return &exchange;
    }
    void begin(Http2Exchange& exchange) override { begun_.push_back(static_cast<Exchange*>(&exchange)); }

    Http2Options options_;
    ParserLimits limits_;
    BufferPool pool_;
    Http2Session* session_ = nullptr;
    std::vector<std::unique_ptr<Exchange>> exchanges_;
    std::vector<Exchange*> begun_;
    std::size_t produced_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Connection connection(fuzz::to_text(data, size));
    return 0;
}
