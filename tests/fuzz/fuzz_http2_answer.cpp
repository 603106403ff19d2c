// SPDX-License-Identifier: Apache-2.0
// Frames of an upstream that was sent four requests: whatever comes, what is passed on of an answer is clean and would
// pass the HTTP/1.1 parser as the same answer, and no more waits to be read than the stream's window lets in.
#include "http/http2_client_session.hpp"
#include "http/parser.hpp"
#include "http/serializer.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::http;

namespace {

const Http2ClientLimits client_limits;

// What the parser says of the answer's head when it is written down for a client in front.
void check_head(const ResponseHead& head)
{
    GH_ASSERT(head.status >= 200 && head.status <= 599);
    std::string text;
    bool bodiless = head.status == 204 || head.status == 304;
    append_response_head(text, head.status, head.headers, bodiless ? Framing{} : Framing{Framing::Kind::chunked, 0},
                         true);
    ParserLimits limits;
    limits.head_bytes_max = text.size() + 1;
    limits.field_count_max = head.headers.size() + 4;
    ResponseHead again;
    again.status = 0;
    std::size_t scanned = 0;
    auto result = parse_response_head(text, scanned, limits, "GET", again);
    GH_ASSERT(result.state == HeadResult::State::complete && result.consumed == text.size());
    GH_ASSERT(again.status == head.status);
    for (Field field : head.headers)
        GH_ASSERT(field.name == "content-length" || again.headers.count(field.name) == head.headers.count(field.name));
}

struct Exchange final : Http2ClientExchange {
    void begin() override
    {
        GH_ASSERT(!ended_ && head_complete);
        check_head(head);
    }
    void take_input(std::string_view piece) override
    {
        GH_ASSERT(!ended_ && head_complete);
        waiting_ += piece.size();
        GH_ASSERT(waiting_ <= client_limits.stream_window_bytes);
    }
    void end_input() override { GH_ASSERT(!ended_ && head_complete && input_ended); }
    void output_taken() override { GH_ASSERT(!ended_); }
    void close(End end) override
    {
        GH_ASSERT(!ended_ && closed);
        GH_ASSERT(end != End::complete || input_ended);
        for (Field field : input_trailers.fields())
            GH_ASSERT(may_be_trailer(field.name));
        ended_ = true;
    }

    std::size_t take_waiting() { return std::exchange(waiting_, 0); }

private:
    std::size_t waiting_ = 0;
    bool ended_ = false;
};

class Connection final {
public:
    explicit Connection(std::string_view input) : session_(client_limits, limits_)
    {
        trailers_.add("x-sum", "1");
        open(exchanges_[0], "GET", 0);
        open(exchanges_[1], "POST", 40'000);
        open(exchanges_[2], "HEAD", 0);
        open(exchanges_[3], "PUT", 10);
        produce();
        fuzz::PieceSizes sizes(input);
        while (!input.empty() && !session_.broken()) {
            std::size_t size = std::min(sizes.next() * 7, input.size());
            std::string moved(input.substr(0, size));
            moved.shrink_to_fit();
            receive(moved);
            input.remove_prefix(size);
        }
        for (Exchange& exchange : exchanges_)
            if (!exchange.closed && exchange.id >= 0)
                session_.cancel(exchange);
        session_.end();
        produce();
    }

private:
    void open(Exchange& exchange, std::string_view method, std::size_t size)
    {
        Request request;
        request.head.method = method;
        request.head.target = "/orders/7";
        request.head.headers.add("host", "orders");
        request.takes_trailers = true;
        StringBody body(std::string(size, 'a'));
        request.body = &body;
        output_.assign(40'000, 'a');
        exchange.output = std::string_view(output_).substr(0, size);
        exchange.output_ends = true;
        exchange.output_trailers = size > 0 ? &trailers_ : nullptr;
        GH_ASSERT(session_.open(exchange, request, request.head.target, "http", size > 0));
    }

    void receive(std::string_view bytes)
    {
        session_.receive(bytes);
        for (Exchange& exchange : exchanges_)
            if (std::size_t size = exchange.take_waiting(); size > 0 && !exchange.closed)
                session_.consume(exchange, size);
        produce();
    }

    void produce()
    {
        for (;;) {
            Buffer output = pool_.lend(BufferPool::large_bytes);
            session_.produce(output);
            if (output.empty())
                return;
        }
    }

    ParserLimits limits_;
    BufferPool pool_;
    std::string output_;
    Headers trailers_;
    std::array<Exchange, 4> exchanges_;  // outlive the session
    Http2ClientSession session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Connection connection(fuzz::to_text(data, size));
    return 0;
}
