// SPDX-License-Identifier: Apache-2.0
// Bodies: what arrives in pieces is decoded like the whole, and a chunked body that is accepted is the same to
// Boost.Beast.
//
// Where the two may differ, and why: Beast reads the grammar of chunk extensions, which we skip; it merges trailers
// into the fields and may find fault with them, which we drop.
#include "http/parser.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include <string>

using namespace gatehouse;
using namespace gatehouse::http;
namespace beast = boost::beast;

namespace {

struct Outcome {
    std::string body;
    std::size_t consumed = 0;
    ParseError error = ParseError::none;
    bool done = false;
    bool operator==(const Outcome&) const = default;
};

// All at once without `sizes`, else in pieces.
Outcome decode(std::string_view input, Framing framing, const ParserLimits& limits, fuzz::PieceSizes* sizes)
{
    BodyDecoder decoder(framing, limits);
    Outcome outcome;
    std::size_t arrived = sizes != nullptr ? 0 : input.size();
    while (!decoder.done()) {
        std::string moved(input.substr(outcome.consumed, arrived - outcome.consumed));
        moved.shrink_to_fit();
        auto step = decoder.decode(moved);
        GH_ASSERT(step.consumed <= moved.size() && step.data.size() <= step.consumed);
        outcome.body += step.data;
        outcome.consumed += step.consumed;
        outcome.error = step.error;
        if (step.error != ParseError::none)
            break;
        if (step.consumed != 0)
            continue;
        if (arrived == input.size())
            break;
        arrived = std::min(arrived + sizes->next(), input.size());
    }
    outcome.done = decoder.done();
    return outcome;
}

void check_against_beast(std::string_view bytes, const std::string& body)
{
    beast::http::request_parser<beast::http::string_body> parser;
    parser.header_limit(1U << 20U);
    parser.body_limit(boost::none);
    parser.eager(true);
    std::string message = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    message += bytes;
    beast::error_code error;
    std::size_t consumed = 0;
    while (!parser.is_done() && !error && consumed < message.size()) {
        auto taken = parser.put(boost::asio::buffer(message.data() + consumed, message.size() - consumed), error);
        consumed += taken;
        if (taken == 0)
            break;
    }
    constexpr std::string_view last = "0\r\n\r\n";
    bool no_trailers = bytes == last || bytes.ends_with("\r\n0\r\n\r\n");
    bool plain = no_trailers && bytes.find(';') == std::string_view::npos;
    if (!plain && error)
        return;
    GH_ASSERT(!error && parser.is_done());
    GH_ASSERT(parser.get().body() == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const ParserLimits wide;
    static const ParserLimits narrow{.chunk_extension_bytes_max = 4, .trailer_bytes_max = 8};
    auto input = fuzz::to_text(data, size);
    const Framing chunked{Framing::Kind::chunked, 0};
    const Framing framings[] = {
        chunked, {Framing::Kind::length, size / 2}, {Framing::Kind::length, size + 1}, {Framing::Kind::until_close, 0}};
    for (Framing framing : framings) {
        for (const ParserLimits& limits : {wide, narrow}) {
            fuzz::PieceSizes sizes(input);
            auto whole = decode(input, framing, limits, nullptr);
            GH_ASSERT(whole == decode(input, framing, limits, &sizes));
            if (framing == chunked && whole.done)
                check_against_beast(input.substr(0, whole.consumed), whole.body);
        }
    }
    return 0;
}
