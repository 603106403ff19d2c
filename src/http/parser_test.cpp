// SPDX-License-Identifier: Apache-2.0
#define COUNT_ALLOCATIONS_HERE
#include "http/parser.hpp"

#include "http/parser_vectors.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace gatehouse::http {

namespace {

const ParserLimits limits;

// What became of a whole message.
struct Outcome {
    ParseError error = ParseError::none;
    bool head_complete = false;
    bool body_complete = false;
    std::string line;  // of the request or response
    std::vector<std::pair<std::string, std::string>> fields;
    HeadResult head;
    std::string body;
    std::size_t consumed = 0;

    bool operator==(const Outcome& other) const
    {
        return error == other.error && head_complete == other.head_complete && body_complete == other.body_complete &&
               line == other.line && fields == other.fields && head.framing == other.head.framing &&
               head.keep_alive == other.head.keep_alive && head.expect_continue == other.head.expect_continue &&
               body == other.body && consumed == other.consumed;
    }
};

std::string line_of(const RequestHead& head)
{
    return head.method + ' ' + head.target + (head.version == Version::http11 ? " 1.1" : " 1.0");
}
std::string line_of(const ResponseHead& head)
{
    return std::to_string(head.status) + (head.version == Version::http11 ? " 1.1" : " 1.0");
}

HeadResult parse(std::string_view input, std::size_t& scanned, RequestHead& head)
{
    return parse_request_head(input, scanned, limits, head);
}
HeadResult parse(std::string_view input, std::size_t& scanned, ResponseHead& head)
{
    return parse_response_head(input, scanned, limits, "GET", head);
}

// Gives the message to the parsers in pieces of `step` bytes.
template <class Head>
Outcome receive(std::string_view bytes, std::size_t step)
{
    Outcome outcome;
    Head head;
    std::size_t scanned = 0;
    std::size_t arrived = 0;
    while (outcome.head.state == HeadResult::State::incomplete && arrived < bytes.size()) {
        arrived = std::min(arrived + step, bytes.size());
        // A copy of just these bytes: the sanitizer sees a read behind them, and the input moves as a buffer's would.
        std::vector<char> moved(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(arrived));
        outcome.head = parse({moved.data(), moved.size()}, scanned, head);
    }
    outcome.error = outcome.head.error;
    if (outcome.head.state != HeadResult::State::complete)
        return outcome;
    outcome.head_complete = true;
    outcome.line = line_of(head);
    for (Field field : head.headers)
        outcome.fields.emplace_back(field.name, field.value);

    BodyDecoder decoder(outcome.head.framing, limits);
    outcome.consumed = outcome.head.consumed;
    while (!decoder.done() && outcome.error == ParseError::none) {
        arrived = std::max(arrived, outcome.consumed);
        std::vector<char> moved(bytes.begin() + static_cast<std::ptrdiff_t>(outcome.consumed),
                                bytes.begin() + static_cast<std::ptrdiff_t>(arrived));
        auto taken = decoder.decode({moved.data(), moved.size()});
        outcome.body += taken.data;
        outcome.error = taken.error;
        outcome.consumed += taken.consumed;
        if (taken.consumed == 0 && taken.error == ParseError::none) {
            if (arrived == bytes.size())
                break;
            arrived = std::min(arrived + step, bytes.size());
        }
    }
    outcome.body_complete = decoder.done() || (outcome.error == ParseError::none && decoder.finish_at_close());
    return outcome;
}

template <class Head>
Outcome receive(std::string_view bytes)
{
    return receive<Head>(bytes, bytes.size());
}

HeadResult parse_head(std::string_view input, RequestHead& head)
{
    std::size_t scanned = 0;
    return parse_request_head(input, scanned, limits, head);
}
HeadResult parse_response(std::string_view input, std::string_view method = "GET")
{
    ResponseHead head;
    std::size_t scanned = 0;
    return parse_response_head(input, scanned, limits, method, head);
}

class RequestVectors : public ::testing::TestWithParam<Vector> {};
class ResponseVectors : public ::testing::TestWithParam<Vector> {};

std::string test_name(const ::testing::TestParamInfo<Vector>& info)
{
    std::string name;
    for (char c : info.param.name)
        name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return name + '_' + std::to_string(info.index);
}

template <class Head>
void check(const Vector& vector)
{
    auto whole = receive<Head>(vector.bytes);
    EXPECT_EQ(whole.error, vector.error) << describe(whole.error) << " instead of " << describe(vector.error);
    if (vector.error == ParseError::none) {
        EXPECT_TRUE(whole.head_complete);
        EXPECT_TRUE(whole.body_complete);
        EXPECT_EQ(whole.body, vector.body);
        EXPECT_EQ(whole.consumed, vector.bytes.size());
    } else {
        EXPECT_FALSE(whole.body_complete);
    }
    for (std::size_t step : {1U, 2U, 3U, 7U, 64U}) {
        // Long messages byte by byte cost this test a copy for each byte.
        if (step < 7 && vector.bytes.size() > 25'000)
            continue;
        EXPECT_EQ(receive<Head>(vector.bytes, step), whole) << "in pieces of " << step;
    }
}

}  // namespace

TEST_P(RequestVectors, IsJudgedTheSameInWholeAndInPieces) { check<RequestHead>(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Parser, RequestVectors, ::testing::ValuesIn(request_vectors()), test_name);

TEST_P(ResponseVectors, IsJudgedTheSameInWholeAndInPieces) { check<ResponseHead>(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Parser, ResponseVectors, ::testing::ValuesIn(response_vectors()), test_name);

TEST(RequestHead, IsReadIntoTheModel)
{
    RequestHead head;
    std::string input =
        "PATCH /a/%2e?q=1 HTTP/1.1\r\nHost: Example.com:8080\r\nX-One:  two \t\r\nx-ONE: three\r\n\r\nrest";
    auto result = parse_head(input, head);
    ASSERT_EQ(result.state, HeadResult::State::complete);
    EXPECT_EQ(result.consumed, input.size() - 4);
    EXPECT_EQ(head.method, "PATCH");
    EXPECT_EQ(head.target, "/a/%2e?q=1");
    EXPECT_EQ(head.version, Version::http11);
    ASSERT_EQ(head.headers.size(), 3U);
    EXPECT_EQ(head.headers[0].name, "host");
    EXPECT_EQ(head.headers[0].value, "Example.com:8080");
    EXPECT_EQ(head.headers[1].value, "two");
    EXPECT_EQ(head.headers.count("x-one"), 2U);
    EXPECT_EQ(result.framing.kind, Framing::Kind::none);
    EXPECT_TRUE(result.keep_alive);
    EXPECT_FALSE(result.expect_continue);
}

TEST(RequestHead, AbsoluteTargetBecomesOriginForm)
{
    auto target = [](std::string_view method, std::string_view absolute) {
        RequestHead head;
        parse_head(std::string(method) + ' ' + std::string(absolute) + " HTTP/1.1\r\nHost: h:80\r\n\r\n", head);
        return head.target;
    };
    EXPECT_EQ(target("GET", "http://h:80/a?b"), "/a?b");
    EXPECT_EQ(target("GET", "https://H:80?b/c"), "/?b/c");
    EXPECT_EQ(target("GET", "http://h:80"), "/");
    EXPECT_EQ(target("OPTIONS", "http://h:80"), "*");
    EXPECT_EQ(target("OPTIONS", "http://h:80/"), "/");
}

TEST(RequestHead, ConnectionCloseIsFoundInAnyList)
{
    auto keep_alive = [](std::string_view version, std::string_view lines) {
        RequestHead head;
        return parse_head("GET / " + std::string(version) + "\r\nHost: h\r\n" + std::string(lines) + "\r\n", head)
            .keep_alive;
    };
    EXPECT_TRUE(keep_alive("HTTP/1.1", ""));
    EXPECT_TRUE(keep_alive("HTTP/1.1", "Connection: keep-alive\r\n"));
    EXPECT_TRUE(keep_alive("HTTP/1.1", "Connection: x-close, closed\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1", "Connection: CLOSE\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1", "Connection: te , ,close\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.0", ""));
    EXPECT_FALSE(keep_alive("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestHead, ExpectContinueNeedsHttp11)
{
    RequestHead head;
    EXPECT_TRUE(parse_head("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n", head).expect_continue);
    EXPECT_FALSE(parse_head("PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", head).expect_continue);
    EXPECT_FALSE(parse_head("PUT / HTTP/1.1\r\nHost: h\r\nExpect: other\r\n\r\n", head).expect_continue);
}

TEST(RequestHead, NextMessageStartsFresh)
{
    RequestHead head;
    ASSERT_EQ(parse_head("GET /first HTTP/1.0\r\nHost: h\r\nA: b\r\n\r\n", head).state, HeadResult::State::complete);
    ASSERT_EQ(parse_head("PUT /second HTTP/1.1\r\nHost: i\r\n\r\n", head).state, HeadResult::State::complete);
    EXPECT_EQ(line_of(head), "PUT /second 1.1");
    EXPECT_EQ(head.headers.size(), 1U);
    EXPECT_EQ(parse_head("", head).state, HeadResult::State::incomplete);
}

TEST(RequestHead, ExactlyTheLargestHeadIsAccepted)
{
    RequestHead head;
    std::string fixed = "GET / HTTP/1.1\r\nHost: h\r\nA: \r\n\r\n";
    auto of_size = [&](std::size_t size) {
        std::string text = fixed;
        return text.insert(text.size() - 4, std::string(size - fixed.size(), 'b'));
    };
    EXPECT_EQ(parse_head(of_size(limits.head_bytes_max), head).state, HeadResult::State::complete);
    EXPECT_EQ(parse_head(of_size(limits.head_bytes_max) + "body", head).state, HeadResult::State::complete);
    EXPECT_EQ(parse_head(of_size(limits.head_bytes_max + 1), head).error, ParseError::head_too_large);
}

TEST(RequestHead, ParsingIntoAUsedHeadAllocatesNothing)
{
    RequestHead head;
    std::string input = "GET /api/items/0195f0d2?expand=owner&limit=20 HTTP/1.1\r\nHost: gateway.example.com\r\n"
                        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\n"
                        "Authorization: Bearer " +
                        std::string(400, 'x') + "\r\nContent-Length: 12\r\n\r\n";
    ASSERT_EQ(parse_head(input, head).state, HeadResult::State::complete);
    auto before = gatehouse::testing::allocations;
    auto result = parse_head(input, head);
    EXPECT_EQ(gatehouse::testing::allocations, before);
    EXPECT_EQ(result.framing.length, 12U);
}

TEST(RequestHead, ByteByByteCostsLinearTime)
{
    ParserLimits wide;
    wide.head_bytes_max = 4 * 1024 * 1024;
    wide.target_bytes_max = wide.head_bytes_max;
    auto seconds_for = [&](std::size_t size) {
        RequestHead head;
        std::string input =
            "GET /" + std::string(size, 'a') + " HTTP/1.1\r\nHost: h\r\nA: " + std::string(size, 'b') + "\r\n\r\n";
        std::size_t scanned = 0;
        auto state = HeadResult::State::incomplete;
        auto start = std::chrono::steady_clock::now();
        for (std::size_t arrived = 1; state == HeadResult::State::incomplete; ++arrived)
            state = parse_request_head({input.data(), arrived}, scanned, wide, head).state;
        EXPECT_EQ(state, HeadResult::State::complete);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    // Quadratic work on a million bytes would take minutes; linear takes far less than a second, even in a slow build.
    EXPECT_LT(seconds_for(1'000'000), 10.0);
}

TEST(ResponseHead, SomeAnswersHaveNoBodyWhateverTheySay)
{
    auto framing = [](std::string_view input, std::string_view method = "GET") {
        return parse_response(input, method).framing;
    };
    Framing nothing;
    EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n", "HEAD"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\n\r\n"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 100 Continue\r\n\r\n"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), nothing);
    EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), (Framing{Framing::Kind::length, 5}));
    EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n"), (Framing{Framing::Kind::until_close, 0}));
}

TEST(ResponseHead, BrokenFramingIsRefusedEvenWhereThereIsNoBody)
{
    EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HEAD").error,
              ParseError::bad_content_length);
    EXPECT_EQ(parse_response("HTTP/1.1 304 X\r\nTransfer-Encoding: gzip\r\n\r\n").error,
              ParseError::bad_transfer_encoding);
}

TEST(ResponseHead, ConnectionIsKeptOnlyWhenItsEndIsBeyondDoubt)
{
    auto keep_alive = [](std::string_view input) { return parse_response(input).keep_alive; };
    EXPECT_TRUE(keep_alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(keep_alive("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1 200 OK\r\n\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"));
    EXPECT_FALSE(keep_alive("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(BodyDecoder, StopsAtTheEndOfTheBody)
{
    BodyDecoder decoder({Framing::Kind::length, 3}, limits);
    auto step = decoder.decode("abcGET / HTTP/1.1");
    EXPECT_EQ(step.data, "abc");
    EXPECT_EQ(step.consumed, 3U);
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(decoder.decode("GET").consumed, 0U);

    BodyDecoder chunks({Framing::Kind::chunked, 0}, limits);
    step = chunks.decode("1\r\na\r\n0\r\n\r\nGET");
    EXPECT_EQ(step.data, "a");
    EXPECT_EQ(step.consumed, 11U);
    EXPECT_TRUE(chunks.done());
}

TEST(BodyDecoder, GivesOnePieceForEachStepWithoutCopying)
{
    BodyDecoder decoder({Framing::Kind::chunked, 0}, limits);
    std::string_view input = "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    auto first = decoder.decode(input);
    EXPECT_EQ(first.data, "a");
    EXPECT_EQ(first.data.data(), input.data() + 3);
    auto second = decoder.decode(input.substr(first.consumed));
    EXPECT_EQ(second.data, "bc");
    EXPECT_EQ(first.consumed + second.consumed, input.size());
    EXPECT_TRUE(decoder.done());
}

TEST(BodyDecoder, EndOfTheConnectionEndsOnlyABodyThatMayEndThere)
{
    BodyDecoder open({Framing::Kind::until_close, 0}, limits);
    open.decode("abc");
    EXPECT_FALSE(open.done());
    EXPECT_TRUE(open.finish_at_close());
    EXPECT_TRUE(open.done());

    BodyDecoder counted({Framing::Kind::length, 5}, limits);
    counted.decode("abc");
    EXPECT_FALSE(counted.finish_at_close());

    BodyDecoder chunks({Framing::Kind::chunked, 0}, limits);
    chunks.decode("3\r\nabc\r\n");
    EXPECT_FALSE(chunks.finish_at_close());
    chunks.decode("0\r\n");
    EXPECT_FALSE(chunks.finish_at_close());
}

TEST(BodyDecoder, KnowsTheAnnouncedLength)
{
    EXPECT_EQ(BodyDecoder({Framing::Kind::length, 5}, limits).length(), 5U);
    EXPECT_EQ(BodyDecoder({Framing::Kind::none, 0}, limits).length(), 0U);
    EXPECT_EQ(BodyDecoder({Framing::Kind::chunked, 0}, limits).length(), std::nullopt);
    EXPECT_EQ(BodyDecoder({Framing::Kind::until_close, 0}, limits).length(), std::nullopt);
    EXPECT_TRUE(BodyDecoder().done());
}

TEST(BodyDecoder, AnErrorBehindAPieceIsTheSameWhenItIsMetAgain)
{
    ParserLimits narrow;
    narrow.trailer_bytes_max = 5;
    BodyDecoder decoder({Framing::Kind::chunked, 0}, narrow);
    std::string_view input = "1\r\nx\r\n0\r\nA: \rb";
    auto piece = decoder.decode(input);
    EXPECT_EQ(piece.data, "x");
    EXPECT_EQ(piece.error, ParseError::none);
    EXPECT_EQ(decoder.decode(input.substr(piece.consumed)).error, ParseError::bad_line_end);
}

TEST(BodyDecoder, StaysFailed)
{
    BodyDecoder decoder({Framing::Kind::chunked, 0}, limits);
    EXPECT_EQ(decoder.decode("1\r\nxy").data, "x");
    EXPECT_EQ(decoder.decode("y").error, ParseError::bad_chunk_end);
    EXPECT_EQ(decoder.decode("\r\n0\r\n\r\n").error, ParseError::bad_chunk_end);
    EXPECT_FALSE(decoder.done());
    EXPECT_FALSE(decoder.finish_at_close());
}

TEST(ParseError, EachHasItsStatusAndItsSentence)
{
    EXPECT_EQ(status_for(ParseError::head_too_large), 431);
    EXPECT_EQ(status_for(ParseError::too_many_fields), 431);
    EXPECT_EQ(status_for(ParseError::target_too_long), 414);
    EXPECT_EQ(status_for(ParseError::unsupported_version), 505);
    for (int i = 1; i <= static_cast<int>(ParseError::bad_trailer); ++i) {
        auto error = static_cast<ParseError>(i);
        EXPECT_TRUE(describe(error).ends_with('.')) << i;
        auto status = status_for(error);
        EXPECT_TRUE(status == 400 || status == 414 || status == 431 || status == 505) << i;
    }
}

}  // namespace gatehouse::http
