// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as a client sees it.
#include "http/problem.hpp"
#include "http/server.hpp"
#include "http/tls_server.hpp"
#include "support/certificates.hpp"
#include "support/http2_client.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

ServerOptions http2_options()
{
    ServerOptions options = quick_options();
    options.http2.cleartext = true;
    return options;
}

// The request's head, one line for each part.
Task<Response> show(Request& request)
{
    std::string text = request.head.method + ' ' + request.head.target + '\n';
    for (Field field : request.head.headers)
        text += std::string(field.name) + ": " + std::string(field.value) + '\n';
    co_return text_response(std::move(text));
}

TEST(Http2Server, AnswersRequestsOnOneConnection)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    for (int i = 0; i < 3; ++i) {
        const Http2Answer& answer = client.wait(client.get("/" + std::to_string(i)));
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "GET /" + std::to_string(i) + " ");
        EXPECT_EQ(answer.error, 0U);
        EXPECT_TRUE(answer.fields.contains("date"));
    }
    EXPECT_EQ(server.server().connection_count(), 1U);
}

TEST(Http2Server, StillSpeaksHttp1OnTheSamePort)
{
    TestServer server(echo, http2_options());
    RawSocket client = RawSocket::connect(server.port());
    client.send("P");
    std::this_thread::sleep_for(20ms);
    client.send("OST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(client.read_response().body, "POST /x hi");
    EXPECT_EQ(client.ask("GET /y HTTP/1.1\r\nHost: a\r\n\r\n").body, "GET /y ");
}

TEST(Http2Server, IsOffUnlessAskedFor)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), ::testing::StartsWith("HTTP/1.1 "));
}

TEST(Http2Server, ReadsBodies)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    std::string large(1'000'000, 'x');
    EXPECT_EQ(client.wait(client.post("/a", "small")).body, "POST /a small");
    EXPECT_EQ(client.wait(client.post("/b", large)).body, "POST /b " + large);
    EXPECT_EQ(client.wait(client.post("/c", "")).body, "POST /c ");
}

TEST(Http2Server, ServesManyRequestsAtOnce)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 100; ++i)
        ids.push_back(client.post("/" + std::to_string(i), std::string(5'000, 'a'), false));
    for (std::int32_t id : ids)
        client.send_body(id, "end", true);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(client.wait(ids[static_cast<std::size_t>(i)]).body,
                  "POST /" + std::to_string(i) + " " + std::string(5'000, 'a') + "end");
}

Task<Response> long_known(Request&) { co_return stream_response(std::make_unique<LongBody>(20'000'000, true)); }
Task<Response> long_unknown(Request&) { co_return stream_response(std::make_unique<LongBody>(20'000'000, false)); }

TEST(Http2Server, SendsStreamsOfKnownAndUnknownLength)
{
    for (const Handler& handler : {Handler(long_known), Handler(long_unknown)}) {
        TestServer server(handler, http2_options());
        Http2Client client(server.port());
        const Http2Answer& answer = client.wait(client.get("/"));
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body.size(), 20'000'000U);
        EXPECT_EQ(answer.error, 0U);
    }
}

Task<Response> breaks_off(Request&)
{
    co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{"one"}, std::nullopt, true));
}
Task<Response> breaks_at_once(Request&)
{
    co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{}, 7, true));
}
Task<Response> too_short(Request&)
{
    co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{"one"}, 7));
}

TEST(Http2Server, ABrokenBodyResetsItsStreamOnly)
{
    for (const Handler& handler : {Handler(breaks_off), Handler(too_short)}) {
        TestServer server(handler, http2_options());
        Http2Client client(server.port());
        for (int i = 0; i < 2; ++i) {
            const Http2Answer& answer = client.wait(client.get("/"));
            EXPECT_EQ(answer.status, 200);
            EXPECT_EQ(answer.error, NGHTTP2_INTERNAL_ERROR);
        }
    }
}

TEST(Http2Server, AStreamThatBreaksBeforeItsFirstPieceIsAProperAnswer)
{
    TestServer server(breaks_at_once, http2_options());
    Http2Client client(server.port());
    const Http2Answer& answer = client.wait(client.get("/"));
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.error, 0U);
}

TEST(Http2Server, AnswersHeadWithoutABody)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    const Http2Answer& answer = client.wait(client.request(Http2Client::head("HEAD", "/abc"), true));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.fields.at("content-length"), "10");
    EXPECT_EQ(answer.body, "");
}

TEST(Http2Server, GivesTheHandlerTheHeadOfHttp1)
{
    TestServer server(show, http2_options());
    Http2Client client(server.port());
    Http2Fields fields{{":method", "GET"},    {":scheme", "https"}, {":authority", "Example.org:8443"},
                       {":path", "/a?b=%20"}, {"cookie", "a=1"},    {"x-one", "1"},
                       {"cookie", "b=2"},     {"cookie", ""},       {"cookie", "c=3"},
                       {"te", "trailers"}};
    EXPECT_EQ(client.wait(client.request(fields, true)).body, "GET /a?b=%20\n"
                                                              "host: Example.org:8443\n"
                                                              "x-one: 1\n"
                                                              "te: trailers\n"
                                                              "cookie: a=1; b=2; c=3\n");
}

TEST(Http2Server, TakesHostInsteadOfAuthority)
{
    TestServer server(show, http2_options());
    Http2Client client(server.port());
    Http2Fields fields{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "b"}};
    EXPECT_EQ(client.wait(client.request(fields, true)).body, "GET /\nhost: b\n");
}

struct RefusedHead {
    const char* name;
    Http2Fields fields;
    int status;  // 0: the stream is reset
};

class Http2RefusedHead : public ::testing::TestWithParam<RefusedHead> {};

TEST_P(Http2RefusedHead, IsRefusedAndTheConnectionGoesOn)
{
    TestServer server(show, http2_options());
    Http2Client client(server.port());
    const Http2Answer& refused = client.wait(client.request(GetParam().fields, true));
    EXPECT_EQ(refused.status, GetParam().status) << refused.body;
    if (GetParam().status == 0)
        EXPECT_EQ(refused.error, NGHTTP2_PROTOCOL_ERROR);
    EXPECT_EQ(client.wait(client.get("/after")).status, 200);
}

Http2Fields with(Http2Fields more) { return Http2Client::head("GET", "/", std::move(more)); }
Http2Fields changed(const std::string& name, const std::string& value)
{
    Http2Fields fields = with({});
    for (auto& field : fields)
        if (field.first == name)
            field.second = value;
    return fields;
}
Http2Fields without(const std::string& name)
{
    Http2Fields fields = with({});
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    return fields;
}

INSTANTIATE_TEST_SUITE_P(
    All, Http2RefusedHead,
    ::testing::Values(
        RefusedHead{"Fragment", changed(":path", "/a#b"), 400},
        RefusedHead{"HighBytes", changed(":path", "/a\x80"), 400},
        RefusedHead{"EscapedNul", changed(":path", "/a%00"), 400},
        RefusedHead{"HalfEscape", changed(":path", "/a%2"), 400},
        RefusedHead{"AbsolutePath", changed(":path", "http://b/"), 0},
        RefusedHead{"StarForGet", changed(":path", "*"), 0}, RefusedHead{"EmptyPath", changed(":path", ""), 0},
        RefusedHead{"SpaceInPath", changed(":path", "/a b"), 0},
        RefusedHead{"LongPath", changed(":path", "/" + std::string(9'000, 'a')), 414},
        RefusedHead{"Userinfo", changed(":authority", "u@a"), 400},
        RefusedHead{"SlashInAuthority", changed(":authority", "a/b"), 0},
        RefusedHead{"EmptyAuthority", changed(":authority", ""), 0},
        RefusedHead{"NoAuthority", without(":authority"), 0},
        RefusedHead{"BadPort", changed(":authority", "a:99999"), 400},
        RefusedHead{"OtherHost", with({{"host", "b"}}), 400},
        RefusedHead{"TwoHosts", with({{"host", "a"}, {"host", "a"}}), 0},
        RefusedHead{"Connect", Http2Fields{{":method", "CONNECT"}, {":authority", "a:1"}}, 400},
        RefusedHead{"ExtendedConnect",
                    Http2Fields{{":method", "CONNECT"},
                                {":protocol", "websocket"},
                                {":scheme", "http"},
                                {":path", "/"},
                                {":authority", "a"}},
                    0},
        RefusedHead{"Trace", changed(":method", "TRACE"), 400},
        RefusedHead{"TwoAuthorizations", with({{"authorization", "a"}, {"authorization", "a"}}), 400},
        RefusedHead{"TwoContentTypes", with({{"content-type", "a/b"}, {"content-type", "a/b"}}), 400},
        RefusedHead{"LongMethod", changed(":method", std::string(40, 'A')), 400},
        RefusedHead{"MethodWithSpace", changed(":method", "GET /"), 0}, RefusedHead{"NoMethod", without(":method"), 0},
        RefusedHead{"NoScheme", without(":scheme"), 0}, RefusedHead{"OtherScheme", changed(":scheme", "ftp"), 400},
        RefusedHead{"TwoPaths", with({{":path", "/b"}}), 0},
        RefusedHead{
            "PseudoAfterField",
            Http2Fields{{":method", "GET"}, {":scheme", "http"}, {"x", "y"}, {":path", "/"}, {":authority", "a"}}, 0},
        RefusedHead{"ResponsePseudo", with({{":status", "200"}}), 0},
        RefusedHead{"UnknownPseudo", with({{":foo", "200"}}), 0},
        RefusedHead{"Underscore", with({{"x_user_id", "1"}}), 400},
        RefusedHead{"SpaceInName", with({{"x a", "1"}}), 400}, RefusedHead{"ColonInName", with({{"x:a", "1"}}), 400},
        RefusedHead{"EmptyName", with({{"", "1"}}), 400},
        RefusedHead{"LineBreakInValue", with({{"x", "a\r\nb: c"}}), 400},
        RefusedHead{"NulInValue", with({{"x", std::string("a\0b", 3)}}), 400},
        RefusedHead{"TransferEncoding", with({{"transfer-encoding", "chunked"}}), 0},
        RefusedHead{"Connection", with({{"connection", "close"}}), 0},
        RefusedHead{"KeepAlive", with({{"keep-alive", "1"}}), 0},
        RefusedHead{"ProxyConnection", with({{"proxy-connection", "close"}}), 0},
        RefusedHead{"Upgrade", with({{"upgrade", "h2c"}}), 0}, RefusedHead{"Te", with({{"te", "gzip"}}), 0},
        RefusedHead{"LengthWithoutBody", with({{"content-length", "5"}}), 0},
        RefusedHead{"LeadingZero", with({{"content-length", "00"}}), 400},
        RefusedHead{"TwoLengths", with({{"content-length", "0"}, {"content-length", "0"}}), 0},
        RefusedHead{"SignedLength", with({{"content-length", "+0"}}), 0},
        RefusedHead{"LargeHead", with({{"x", std::string(31'000, 'a')}, {"y", std::string(31'000, 'a')}}), 431},
        RefusedHead{"ManyFields", with(Http2Fields(101, {"x", "y"})), 431}),
    [](const auto& info) { return info.param.name; });

TEST(Http2Server, TakesAHundredFields)
{
    TestServer server(show, http2_options());
    Http2Client client(server.port());
    EXPECT_EQ(client.wait(client.get("/", Http2Fields(100, {"x", "y"}))).status, 200);
}

TEST(Http2Server, ABodyOfAnotherLengthThanAnnouncedIsReset)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    for (const char* length : {"3", "5"}) {
        const Http2Answer& answer = client.wait(client.post("/", "four", true, {{"content-length", length}}));
        EXPECT_EQ(answer.status, 0);
        EXPECT_EQ(answer.error, NGHTTP2_PROTOCOL_ERROR);
    }
    EXPECT_EQ(client.wait(client.post("/", "four", true, {{"content-length", "4"}})).body, "POST / four");
}

TEST(Http2Server, SaysContinueWhenTheBodyIsAskedFor)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    std::int32_t id = client.request(Http2Client::head("POST", "/", {{"expect", "100-continue"}}), false);
    while (client.answer(id).interim_count == 0)
        ASSERT_TRUE(client.receive());
    client.send_body(id, "now", true);
    EXPECT_EQ(client.wait(id).body, "POST / now");
    EXPECT_EQ(client.wait(client.get("/", {{"expect", "100-continue"}})).interim_count, 0);
}

TEST(Http2Server, DropsTrailers)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    std::int32_t id = client.post("/", "body", false, {{"trailer", "x"}});
    // HEADERS with END_STREAM and END_HEADERS: a literal field without indexing, "x: y".
    client.raw(http2_frame(1, 5, static_cast<std::uint32_t>(id), std::string("\x00\x01x\x01y", 5)));
    const std::string expected = "POST / body";
    while (client.answer(id).body.size() < expected.size())
        ASSERT_TRUE(client.receive());
    EXPECT_EQ(client.answer(id).body, expected);
}

Task<Response> early(Request&) { co_return text_response("enough"); }

TEST(Http2Server, AnAnswerBeforeTheEndOfTheBodyEndsTheStreamWithoutAnError)
{
    TestServer server(early, http2_options());
    Http2Client client(server.port());
    const Http2Answer& answer = client.wait(client.post("/", std::string(10'000, 'x'), false));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "enough");
    EXPECT_EQ(answer.error, NGHTTP2_NO_ERROR);
    // Bytes that nobody read do not use up the connection's window.
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(client.wait(client.post("/", std::string(60'000, 'x'), false)).status, 200);
}

// The handler's body is a megabyte and the answer twenty: windows and TLS records cut them in different places.
Task<Response> read_all_and_send_much(Request& request)
{
    std::size_t size = 0;
    for (std::string_view piece = co_await request.body->read(); !piece.empty(); piece = co_await request.body->read())
        size += piece.size();
    Response response = stream_response(std::make_unique<LongBody>(20'000'000, true));
    response.headers.set("x-received", std::to_string(size));
    co_return response;
}

TEST(Http2Server, IsSpokenOverTlsWhereTheClientChoosesIt)
{
    TempDir directory;
    CertificateAuthority authority(directory.path());
    ServerOptions options = quick_options();
    options.tls = std::make_shared<TlsServer>(
        TlsServerOptions{.certificates = {authority.issue("a", "DNS:a.example")}, .http2 = true});
    TestServer server(read_all_and_send_much, options);
    TestTlsClient tls(server.port(), {.alpn = std::string("\x02h2")});
    ASSERT_TRUE(tls.handshake());
    Http2Client client(tls);
    for (int i = 0; i < 2; ++i) {
        const Http2Answer& answer = client.wait(client.post("/", std::string(1'000'000, 'x')));
        EXPECT_EQ(answer.fields.at("x-received"), "1000000");
        EXPECT_EQ(answer.body.size(), 20'000'000U);
        EXPECT_EQ(answer.error, 0U);
    }
}

}  // namespace
}  // namespace gatehouse::http
