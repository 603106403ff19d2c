// SPDX-License-Identifier: Apache-2.0
// Response heads: what arrives in pieces is judged like the whole, what is accepted is clean, and Boost.Beast reads the
// same status, fields and framing from it.
//
// Where the two may differ, and why: Beast wants the space before the reason even when there is none; it reads a
// Proxy-Connection as Connection; it refuses a Connection or Upgrade that is no list of tokens, which are fields that
// we drop.
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

using State = HeadResult::State;

void check_pieces(std::string_view input, std::string_view method, const HeadResult& whole, const ResponseHead& head)
{
    static const ParserLimits limits;
    fuzz::PieceSizes sizes(input);
    ResponseHead partial;
    HeadResult result;
    std::size_t scanned = 0;
    for (std::size_t arrived = 0; arrived < input.size() && result.state == State::incomplete;) {
        arrived = std::min(arrived + sizes.next(), input.size());
        std::string moved(input.substr(0, arrived));
        moved.shrink_to_fit();
        result = parse_response_head(moved, scanned, limits, method, partial);
    }
    GH_ASSERT(result.state == whole.state && result.error == whole.error && result.consumed == whole.consumed);
    if (result.state != State::complete)
        return;
    GH_ASSERT(result.framing == whole.framing && result.keep_alive == whole.keep_alive);
    GH_ASSERT(partial.status == head.status && partial.version == head.version);
    GH_ASSERT(partial.headers.size() == head.headers.size());
}

void check_clean(std::string_view method, const HeadResult& result, const ResponseHead& head)
{
    GH_ASSERT(head.status >= 100 && head.status <= 599);
    GH_ASSERT(head.headers.count("content-length") + head.headers.count("transfer-encoding") <= 1);
    bool bodiless = head.status < 200 || head.status == 204 || head.status == 304 || method == "HEAD";
    GH_ASSERT(!bodiless || result.framing == Framing{});
    GH_ASSERT(result.framing.kind != Framing::Kind::until_close || !result.keep_alive);
    for (Field field : head.headers) {
        GH_ASSERT(!field.name.empty() && field.name.find_first_of(" \t:") == std::string_view::npos);
        GH_ASSERT(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
}

void check_against_beast(std::string_view bytes, const HeadResult& result, const ResponseHead& head)
{
    for (auto name : {"connection", "proxy-connection", "upgrade"})
        if (head.headers.contains(name))
            return;
    if (bytes[12] != ' ')
        return;
    beast::http::response_parser<beast::http::empty_body> parser;
    parser.header_limit(1U << 20U);
    parser.body_limit(boost::none);
    beast::error_code error;
    auto consumed = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    GH_ASSERT(!error && parser.is_header_done() && consumed == bytes.size());
    const auto& theirs = parser.get();
    GH_ASSERT(static_cast<int>(theirs.result_int()) == head.status);
    for (Field field : head.headers) {
        bool found = false;
        auto [first, last] = theirs.equal_range(field.name);
        for (auto at = first; at != last; ++at)
            found |= std::string_view(at->value()) == field.value;
        GH_ASSERT(found);
    }
    if (result.framing.kind == Framing::Kind::none)
        return;
    GH_ASSERT(parser.chunked() == (result.framing.kind == Framing::Kind::chunked));
    auto length = parser.content_length();
    GH_ASSERT(length.has_value() == (result.framing.kind == Framing::Kind::length));
    GH_ASSERT(!length || *length == result.framing.length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const ParserLimits limits;
    auto input = fuzz::to_text(data, size);
    for (std::string_view method : {"GET", "HEAD"}) {
        ResponseHead head;
        std::size_t scanned = 0;
        auto result = parse_response_head(input, scanned, limits, method, head);
        check_pieces(input, method, result, head);
        if (result.state != State::complete)
            continue;
        check_clean(method, result, head);
        check_against_beast(input.substr(0, result.consumed), result, head);
    }
    return 0;
}
