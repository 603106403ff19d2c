// SPDX-License-Identifier: Apache-2.0
// Deadlines, windows, the end of a server, and HTTP/2 clients that behave badly.
#include "http/problem.hpp"
#include "http/server.hpp"
#include "support/http2_client.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

constexpr std::int64_t calm = NGHTTP2_ENHANCE_YOUR_CALM;

ServerOptions http2_options()
{
    ServerOptions options = quick_options();
    options.http2.cleartext = true;
    return options;
}

Task<Response> wait_and_echo(Gate& gate, Request& request)
{
    co_await gate.pass();
    co_return co_await echo(request);
}

// A server whose handlers wait until the test lets them go on.
struct GatedServer {
    explicit GatedServer(const ServerOptions& options = http2_options())
        : server([this](Request& request) { return wait_and_echo(*gate, request); }, options),
          gate(std::make_unique<Gate>(server.context().get_executor()))
    {
    }
    TestServer server;
    std::unique_ptr<Gate> gate;
};

TEST(Http2Limits, TheWindowStaysShutWhileNobodyReadsTheBody)
{
    GatedServer gated;
    Http2Client client(gated.server.port());
    std::int32_t id = client.post("/", std::string(200'000, 'x'));
    gated.gate->wait_until_entered();
    client.raw(http2_frame(6, 0, 0, "pingpong"));
    client.receive();
    EXPECT_EQ(client.send_window(id), 0);
    gated.gate->open();
    EXPECT_EQ(client.wait(id).body.size(), 200'000U + 7U);
}

TEST(Http2Limits, AnswersASlowBodyWith408)
{
    ServerOptions options = http2_options();
    options.body_timeout = 100ms;
    TestServer server(echo, options);
    Http2Client client(server.port());
    EXPECT_EQ(client.wait(client.post("/", "part", false)).status, 408);
    EXPECT_EQ(client.wait(client.get("/")).status, 200);
}

TEST(Http2Limits, EndsAConnectionThatSaysNothing)
{
    ServerOptions options = http2_options();
    options.header_timeout = 100ms;
    TestServer server(echo, options);
    RawSocket client = RawSocket::connect(server.port());
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.read_to_end();
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(Http2Limits, EndsAConnectionWhoseHeadStopsComing)
{
    ServerOptions options = http2_options();
    options.header_timeout = 100ms;
    TestServer server(echo, options);
    Http2Client client(server.port());
    client.wait(client.get("/"));
    client.raw(http2_frame(1, 1, 3, "\x82"));  // no END_HEADERS
    EXPECT_EQ(client.wait_for_end(), NGHTTP2_NO_ERROR);
}

TEST(Http2Limits, EndsAnIdleConnectionWithGoaway)
{
    ServerOptions options = http2_options();
    options.idle_timeout = 100ms;
    TestServer server(echo, options);
    Http2Client client(server.port());
    client.wait(client.get("/"));
    EXPECT_EQ(client.wait_for_end(), NGHTTP2_NO_ERROR);
    EXPECT_EQ(client.goaway_last_stream(), 1);
}

Task<Response> long_answer(Request&) { co_return stream_response(std::make_unique<LongBody>(1ULL << 30U, true)); }
Task<Response> long_text(Request&) { co_return text_response(std::string(1'000'000, 'x')); }

TEST(Http2Limits, ResetsAStreamThatIsNotRead)
{
    for (const Handler& handler : {Handler(long_answer), Handler(long_text)}) {
        ServerOptions options = http2_options();
        options.body_timeout = 200ms;
        TestServer server(handler, options);
        Http2Client client(server.port(), false);
        const Http2Answer& answer = client.wait(client.get("/"));
        EXPECT_EQ(answer.error, NGHTTP2_CANCEL);
        EXPECT_LE(answer.body.size(), 65'535U);
    }
}

TEST(Http2Limits, CutsAConnectionThatTakesNothing)
{
    ServerOptions options = http2_options();
    options.body_timeout = 200ms;
    TestServer server(long_answer, options);
    Http2Client client(server.port());
    client.raw(http2_frame(8, 0, 0, std::string("\x7f\xff\x00\x00", 4)));
    std::int32_t id = client.get("/");
    client.raw(http2_frame(8, 0, static_cast<std::uint32_t>(id), std::string("\x7f\xff\x00\x00", 4)));
    EXPECT_TRUE(server.wait_for_connections(1));
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(Http2Limits, CutsARequestThatTakesTooLong)
{
    ServerOptions options = http2_options();
    options.request_timeout = 300ms;
    TestServer server(echo, options);
    Http2Client client(server.port());
    std::int32_t id = client.post("/", "x", false);
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(client.wait(id).error, NGHTTP2_CANCEL);
}

Task<Response> read_and_tell(std::atomic<int>& ended, Request& request)
{
    try {
        while (!(co_await request.body->read()).empty()) {
        }
    } catch (const BodyError& error) {
        if (error.kind() == BodyError::Kind::closed)
            ++ended;
        throw;
    }
    co_return text_response("whole");
}

void wait_for(const std::atomic<int>& count, int wanted)
{
    for (int i = 0; i < 5'000 && count != wanted; ++i)
        std::this_thread::sleep_for(1ms);
    EXPECT_EQ(count, wanted);
}

TEST(Http2Limits, AResetEndsTheReadingOfItsBody)
{
    std::atomic<int> ended = 0;
    TestServer server([&ended](Request& request) { return read_and_tell(ended, request); }, http2_options());
    Http2Client client(server.port());
    std::int32_t id = client.post("/", "x", false);
    client.wait(client.get("/"));
    client.reset(id);
    wait_for(ended, 1);
    EXPECT_EQ(client.wait(client.get("/")).status, 200);
}

TEST(Http2Limits, AClosedConnectionEndsTheReadingOfItsBodies)
{
    std::atomic<int> ended = 0;
    TestServer server([&ended](Request& request) { return read_and_tell(ended, request); }, http2_options());
    {
        Http2Client client(server.port());
        for (int i = 0; i < 10; ++i)
            client.post("/", "x", false);
        client.wait(client.get("/"));
    }
    wait_for(ended, 10);
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST(Http2Limits, DrainingLetsRequestsFinish)
{
    GatedServer gated;
    Http2Client client(gated.server.port());
    std::int32_t id = client.post("/", "body");
    gated.gate->wait_until_entered();
    std::thread drain([&] { gated.server.server().drain(10s); });
    while (client.goaway() < 0)
        client.receive();
    gated.gate->open();
    EXPECT_EQ(client.wait(id).body, "POST / body");
    EXPECT_EQ(client.wait_for_end(), NGHTTP2_NO_ERROR);
    client.socket().close();
    drain.join();
}

TEST(Http2Limits, DrainingEndsAnIdleConnection)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    client.wait(client.get("/"));
    std::thread drain([&] { server.server().drain(10s); });
    EXPECT_EQ(client.wait_for_end(), NGHTTP2_NO_ERROR);
    client.socket().close();
    drain.join();
}

TEST(Http2Limits, DrainingCutsWhatTakesTooLong)
{
    TestServer server(echo, http2_options());
    Http2Client client(server.port());
    client.post("/", "never ends", false);
    client.raw(http2_frame(6, 0, 0, "pingpong"));
    client.receive();
    auto began = std::chrono::steady_clock::now();
    server.server().drain(100ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

struct Flood {
    const char* name;
    int frame_count;  // that are certainly too many
    std::string (*frame)(int i);
};

std::string next_stream(int i)
{
    return http2_frame(1, 4, static_cast<std::uint32_t>(3 + 2 * i),
                       "\x83\x84\x86\x41\x01"
                       "a");
}

class Http2Flood : public ::testing::TestWithParam<Flood> {};

// The connection ends with ENHANCE_YOUR_CALM, and others do not notice.
TEST_P(Http2Flood, EndsTheConnection)
{
    TestServer server(echo, http2_options());
    Http2Client good(server.port());
    Http2Client bad(server.port());
    bad.wait(bad.get("/"));
    // In portions, so that it is not the number of open streams that is too much.
    std::string portion;
    for (int i = 0; i < GetParam().frame_count; ++i) {
        portion += GetParam().frame(i);
        if (i % 20 == 19 || i + 1 == GetParam().frame_count) {
            bad.raw(std::exchange(portion, {}));
            std::this_thread::sleep_for(20ms);
        }
    }
    EXPECT_EQ(bad.find_goaway_to_end(), calm);
    EXPECT_EQ(good.wait(good.get("/")).status, 200);
    bad.socket().close();
    EXPECT_TRUE(server.wait_for_connections(1));
}

INSTANTIATE_TEST_SUITE_P(
    All, Http2Flood,
    ::testing::Values(
        Flood{"RapidReset", 200,
              [](int i) {
                  return next_stream(i) +
                         http2_frame(3, 0, static_cast<std::uint32_t>(3 + 2 * i), std::string("\0\0\0\x08", 4));
              }},
        // MadeYouReset: each request makes the server reset it, by widening its window too far.
        Flood{"ServerCausedReset", 200,
              [](int i) {
                  return next_stream(i) +
                         http2_frame(8, 0, static_cast<std::uint32_t>(3 + 2 * i), std::string("\x7f\xff\xff\xff", 4));
              }},
        Flood{"RefusedHeads", 200,
              [](int i) {  // an upper-case name
                  return http2_frame(1, 5, static_cast<std::uint32_t>(3 + 2 * i),
                                     std::string("\x82\x84\x86\x41\x01"
                                                 "a\x00\x01X\x01y",
                                                 11));
              }},
        Flood{"HeadsOfClosedStreams", 200, [](int) { return next_stream(-1); }},
        Flood{"Ping", 2'000, [](int) { return http2_frame(6, 0, 0, "pingpong"); }},
        Flood{"PingAnswers", 2'000, [](int) { return http2_frame(6, 1, 0, "pingpong"); }},
        Flood{"Settings", 200, [](int) { return http2_frame(4, 0, 0, ""); }},
        Flood{"EmptyData", 201, [](int i) { return i == 0 ? next_stream(0) : http2_frame(0, 0, 3, ""); }},
        Flood{"Priority", 2'000, [](int) { return http2_frame(2, 0, 1, std::string("\0\0\0\0\x10", 5)); }},
        Flood{"WindowUpdates", 300, [](int) { return http2_frame(8, 0, 0, std::string("\0\0\0\x01", 4)); }},
        Flood{"Continuations", 100,
              [](int i) { return i == 0 ? http2_frame(1, 1, 3, "\x82\x84\x86") : http2_frame(9, 0, 3, ""); }},
        // 8 frames of 16,384 fields each, out of one byte for each.
        Flood{"HpackReferences", 9,
              [](int i) {
                  return i == 0 ? http2_frame(1, 1, 3, "\x82\x84\x86\x40\x01x\x7f\xa0\x1e" + std::string(3'999, 'y'))
                                : http2_frame(9, i == 8 ? 4 : 0, 3, std::string(16'384, '\xbe'));
              }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gatehouse::http
