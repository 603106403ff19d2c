// SPDX-License-Identifier: Apache-2.0
#include "http/serializer.hpp"

#include "http/parser_vectors.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

const ParserLimits limits;

RequestHead make_get()
{
    RequestHead head;
    head.method = "GET";
    head.target = "/a?b";
    head.headers.add("host", "h");
    return head;
}

std::string request_text(const RequestHead& head, Framing framing = {}, bool keep_alive = true)
{
    std::string out;
    append_request_head(out, head, framing, keep_alive);
    return out;
}

std::string response_text(int status, const Headers& headers, Framing framing, bool keep_alive = true)
{
    std::string out;
    append_response_head(out, status, headers, framing, keep_alive);
    return out;
}

Headers dated()
{
    Headers headers;
    headers.add("date", "x");
    return headers;
}

}  // namespace

TEST(RequestSerializer, WritesTheModelAndTheFraming)
{
    auto head = make_get();
    EXPECT_EQ(request_text(head), "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n");
    EXPECT_EQ(request_text(head, {Framing::Kind::length, 0}, false),
              "GET /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    EXPECT_EQ(request_text(head, {Framing::Kind::chunked, 0}),
              "GET /a?b HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    head.version = Version::http10;
    EXPECT_EQ(request_text(head), "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n");
}

TEST(RequestSerializer, FramingAndConnectionFieldsOfTheModelAreNotWritten)
{
    auto head = make_get();
    for (auto name : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
                      "Proxy-Connection"})
        head.headers.add(name, "1");
    EXPECT_EQ(request_text(head), "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n");
}

TEST(RequestSerializer, AFieldThatWouldBreakTheMessageIsLeftOut)
{
    for (const std::string& value : {std::string("a\r\nx: y"), std::string("a\nb"), std::string("a\rb"),
                                     std::string("a\0b", 3), std::string("\x7f")}) {
        auto head = make_get();
        head.headers.add("a", value);
        EXPECT_EQ(request_text(head), "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n");
    }
    auto head = make_get();
    head.headers.add("b c", "d");
    head.headers.add("", "d");
    head.headers.add("e:", "d");
    EXPECT_EQ(request_text(head), "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n");
}

TEST(RequestSerializer, ATargetOrMethodThatIsNoneThrows)
{
    for (std::string_view target : {"", "/a b", "/a\r\n", "/\x80", "/a#b"}) {
        auto head = make_get();
        head.target = target;
        EXPECT_THROW(request_text(head), std::invalid_argument) << target;
    }
    for (std::string_view method : {"", "G T", "GET\r\n"}) {
        auto head = make_get();
        head.method = method;
        EXPECT_THROW(request_text(head), std::invalid_argument) << method;
    }
}

TEST(ResponseSerializer, WritesTheModelAndTheFraming)
{
    EXPECT_EQ(response_text(200, dated(), {Framing::Kind::length, 5}),
              "HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 5\r\n\r\n");
    EXPECT_EQ(response_text(200, dated(), {Framing::Kind::chunked, 0}, false),
              "HTTP/1.1 200 OK\r\ndate: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    EXPECT_EQ(response_text(200, dated(), {Framing::Kind::until_close, 0}),
              "HTTP/1.1 200 OK\r\ndate: x\r\nconnection: close\r\n\r\n");
    EXPECT_EQ(response_text(299, dated(), {Framing::Kind::length, 0}),
              "HTTP/1.1 299 \r\ndate: x\r\ncontent-length: 0\r\n\r\n");
}

TEST(ResponseSerializer, NoContentAndInformationalHaveNoFraming)
{
    EXPECT_EQ(response_text(204, dated(), {Framing::Kind::length, 0}), "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n");
    EXPECT_EQ(response_text(100, {}, {}), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(response_text(304, dated(), {Framing::Kind::length, 7}),
              "HTTP/1.1 304 Not Modified\r\ndate: x\r\ncontent-length: 7\r\n\r\n");
}

TEST(ResponseSerializer, AddsTheDate)
{
    auto text = response_text(200, {}, {Framing::Kind::length, 0});
    auto date = text.find("\r\ndate: ");
    ASSERT_NE(date, std::string::npos);
    EXPECT_EQ(text.substr(date + 8 + 25, 6), " GMT\r\n") << text;
}

TEST(ChunkSerializer, WritesWhatTheDecoderReads)
{
    std::string out;
    append_chunk(out, std::string(26, 'x'));
    append_chunk(out, "y");
    append_last_chunk(out);
    EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n1\r\ny\r\n0\r\n\r\n");
}

TEST(Serializer, WhatTheParserAcceptsIsReadBackTheSame)
{
    for (const Vector& vector : request_vectors()) {
        RequestHead head;
        std::size_t scanned = 0;
        auto result = parse_request_head(vector.bytes, scanned, limits, head);
        if (result.state != HeadResult::State::complete)
            continue;
        auto text = request_text(head, result.framing, result.keep_alive);
        RequestHead again;
        scanned = 0;
        auto second = parse_request_head(text, scanned, limits, again);
        ASSERT_EQ(second.state, HeadResult::State::complete) << vector.name;
        EXPECT_EQ(second.consumed, text.size()) << vector.name;
        EXPECT_EQ(again.method, head.method) << vector.name;
        EXPECT_EQ(again.target, head.target) << vector.name;
        EXPECT_EQ(second.framing, result.framing) << vector.name;
        EXPECT_EQ(second.keep_alive, result.keep_alive) << vector.name;
        EXPECT_EQ(again.headers.find("host"), head.headers.find("host")) << vector.name;
    }
}

}  // namespace gatehouse::http
