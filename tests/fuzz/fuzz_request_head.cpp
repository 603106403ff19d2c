// SPDX-License-Identifier: Apache-2.0
// Request heads: what arrives in pieces is judged like the whole; what is accepted is clean, survives being written
// anew, and means the same to Boost.Beast.
//
// Where the two may differ, and why:
//   - Beast takes no empty line before the request; it is left out.
//   - The target of Beast is the one received; ours is in origin form after an absolute one.
//   - An Upgrade with a version ("HTTP/2.0"), which RFC 9110 section 7.8 allows, is an error to Beast. The serializer
//   drops it.
//   - Beast reads Proxy-Connection as Connection. To us it is a field without a meaning, which the serializer drops.
//   - HTTP/1.0 with `Connection: keep-alive` is closed by us.
#include "http/parser.hpp"
#include "http/serializer.hpp"

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

bool same_headers(const Headers& a, const Headers& b)
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].name != b[i].name || a[i].value != b[i].value)
            return false;
    return true;
}

void check_pieces(std::string_view input, const ParserLimits& limits, const HeadResult& whole, const RequestHead& head)
{
    fuzz::PieceSizes sizes(input);
    RequestHead partial;
    HeadResult result;
    std::size_t scanned = 0;
    for (std::size_t arrived = 0; arrived < input.size() && result.state == State::incomplete;) {
        arrived = std::min(arrived + sizes.next(), input.size());
        std::string moved(input.substr(0, arrived));
        moved.shrink_to_fit();
        result = parse_request_head(moved, scanned, limits, partial);
    }
    GH_ASSERT(result.state == whole.state && result.error == whole.error && result.consumed == whole.consumed);
    if (result.state != State::complete)
        return;
    GH_ASSERT(result.framing == whole.framing && result.keep_alive == whole.keep_alive);
    GH_ASSERT(partial.method == head.method && partial.target == head.target && partial.version == head.version);
    GH_ASSERT(same_headers(partial.headers, head.headers));
}

void check_clean(const HeadResult& result, const RequestHead& head)
{
    GH_ASSERT(head.target == "*" || head.target.starts_with('/'));
    for (char c : head.target)
        GH_ASSERT(c > 0x20 && c < 0x7f && c != '#');
    GH_ASSERT(head.headers.count("host") == 1);
    GH_ASSERT(head.headers.count("content-length") + head.headers.count("transfer-encoding") <= 1);
    GH_ASSERT((result.framing.kind == Framing::Kind::chunked) == head.headers.contains("transfer-encoding"));
    GH_ASSERT((result.framing.kind == Framing::Kind::length) == head.headers.contains("content-length"));
    for (Field field : head.headers) {
        GH_ASSERT(!field.name.empty() && field.name.find_first_of(" \t:_") == std::string_view::npos);
        GH_ASSERT(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
}

void check_written_anew(const HeadResult& result, const RequestHead& head)
{
    std::string text;
    append_request_head(text, head, result.framing, result.keep_alive);
    ParserLimits limits;
    limits.head_bytes_max = text.size() + 1;
    limits.field_count_max = head.headers.size() + 2;
    RequestHead again;
    std::size_t scanned = 0;
    auto second = parse_request_head(text, scanned, limits, again);
    GH_ASSERT(second.state == State::complete && second.consumed == text.size());
    GH_ASSERT(second.framing == result.framing && second.keep_alive == result.keep_alive);
    GH_ASSERT(again.method == head.method && again.target == head.target);
}

void check_against_beast(std::string_view bytes, const HeadResult& result, const RequestHead& head)
{
    if (head.headers.contains("upgrade") || head.headers.contains("proxy-connection"))
        return;
    if (bytes.starts_with("\r\n"))
        bytes.remove_prefix(2);
    beast::http::request_parser<beast::http::empty_body> parser;
    parser.header_limit(1U << 20U);
    parser.body_limit(boost::none);
    beast::error_code error;
    auto consumed = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    GH_ASSERT(!error && parser.is_header_done() && consumed == bytes.size());

    const auto& theirs = parser.get();
    GH_ASSERT(std::string_view(theirs.method_string()) == head.method);
    GH_ASSERT(theirs.version() == (head.version == Version::http11 ? 11U : 10U));
    auto method_end = bytes.find(' ');
    auto target = bytes.substr(method_end + 1, bytes.find(' ', method_end + 1) - method_end - 1);
    GH_ASSERT(std::string_view(theirs.target()) == target);
    GH_ASSERT(target == head.target || iequals(target.substr(0, 4), "http"));

    // Beast groups the fields of one name, so they are compared name by name.
    std::size_t count = 0;
    for (const auto& field : theirs) {
        (void)field;
        ++count;
    }
    GH_ASSERT(count == head.headers.size());
    for (Field field : head.headers) {
        bool found = false;
        auto [first, last] = theirs.equal_range(field.name);
        for (auto at = first; at != last; ++at)
            found |= std::string_view(at->value()) == field.value;
        GH_ASSERT(found);
    }
    GH_ASSERT(parser.chunked() == (result.framing.kind == Framing::Kind::chunked));
    auto length = parser.content_length();
    GH_ASSERT(length.has_value() == (result.framing.kind == Framing::Kind::length));
    GH_ASSERT(!length || *length == result.framing.length);
    GH_ASSERT(parser.keep_alive() == result.keep_alive || head.version == Version::http10);
}

void run(std::string_view input, const ParserLimits& limits)
{
    RequestHead head;
    std::size_t scanned = 0;
    auto result = parse_request_head(input, scanned, limits, head);
    check_pieces(input, limits, result, head);
    if (result.state != State::complete)
        return;
    check_clean(result, head);
    check_written_anew(result, head);
    check_against_beast(input.substr(0, result.consumed), result, head);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const ParserLimits wide;
    static const ParserLimits narrow{.head_bytes_max = 128, .target_bytes_max = 16, .field_count_max = 3};
    auto input = fuzz::to_text(data, size);
    run(input, wide);
    run(input, narrow);
    return 0;
}
