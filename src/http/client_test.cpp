// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include "http/client_fixture.hpp"
#include "support/imposter_server.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using testing::Answer;
using ::testing::HasSubstr;
using ::testing::Not;
using Script = ImposterServer::Script;

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers as many requests without a body as there are answers, then waits for the client to close.
Script answers(std::vector<std::string> list)
{
    return [list = std::move(list)](RawSocket& peer) {
        for (const std::string& answer : list) {
            peer.read_until("\r\n\r\n");
            peer.send(answer);
        }
        EXPECT_EQ(peer.read_to_end(), "");
    };
}

class ClientTest : public testing::ClientFixture {
protected:
    using ClientFixture::ask;
    Answer ask(std::uint16_t port, std::string method = "GET", std::unique_ptr<BodyReader> body = nullptr)
    {
        return ask(Endpoint{.scheme = "http", .host = "127.0.0.1", .port = port}, std::move(method), std::move(body));
    }

    UpstreamError::Kind failure(std::uint16_t port, std::string method = "GET",
                                std::unique_ptr<BodyReader> body = nullptr)
    {
        try {
            Answer answer = ask(port, std::move(method), std::move(body));
            ADD_FAILURE() << "answered " << answer.status;
        } catch (const UpstreamError& error) {
            return error.kind();
        }
        throw std::runtime_error("no failure");
    }

    std::size_t kept() const { return client_->idle_count(); }
};

TEST_F(ClientTest, SendsTheRequestAndUsesTheConnectionAgain)
{
    std::string seen;
    ImposterServer server({[&](RawSocket& peer) {
        seen = peer.read_until("\r\n\r\n");
        peer.send(ok);
        peer.read_until("\r\n\r\n");
        peer.send(ok);
        peer.read_to_end();
    }});
    Answer first = ask(server.port());
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, "ok");
    EXPECT_FALSE(first.streamed);
    EXPECT_EQ(kept(), 1U);
    EXPECT_EQ(ask(server.port()).body, "ok");
    EXPECT_THAT(seen, HasSubstr("GET /t?q=1 HTTP/1.1\r\n"));
    EXPECT_THAT(seen, HasSubstr("host: 127.0.0.1:" + std::to_string(server.port())));
    EXPECT_THAT(seen, Not(HasSubstr("content-length")));
    client_.reset();
}

TEST_F(ClientTest, PutsTheEndpointsPrefixBeforeThePath)
{
    ImposterServer server({[](RawSocket& peer) {
        EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("GET /base/t?q=1 HTTP/1.1\r\n"));
        peer.send(ok);
        peer.read_to_end();
    }});
    ask(Endpoint{.scheme = "http", .host = "localhost", .port = server.port(), .prefix = "/base"});
    client_.reset();
}

TEST_F(ClientTest, SendsABodyWithItsLength)
{
    ImposterServer server({[](RawSocket& peer) {
        EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("content-length: 5\r\n"));
        EXPECT_EQ(peer.read_exactly(5), "hello");
        peer.send(ok);
        peer.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<StringBody>("hello")).status, 200);
    EXPECT_EQ(kept(), 1U);
    client_.reset();
}

TEST_F(ClientTest, SendsTheLengthOfAnEmptyPost)
{
    ImposterServer server({[](RawSocket& peer) {
        EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("content-length: 0\r\n"));
        peer.send(ok);
        peer.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST").status, 200);
    client_.reset();
}

TEST_F(ClientTest, SendsABodyOfUnknownLengthInChunks)
{
    ImposterServer server({[](RawSocket& peer) {
        EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("transfer-encoding: chunked\r\n"));
        EXPECT_EQ(peer.read_until("0\r\n\r\n"), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
        peer.send(ok);
        peer.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<PiecesBody>(std::vector<std::string>{"one", "two"})).status,
              200);
    EXPECT_EQ(kept(), 1U);
    client_.reset();
}

TEST_F(ClientTest, ReadsEveryFramingOfAnAnswer)
{
    std::string large(300'000, 'l');
    ImposterServer server(
        {answers({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + large,
                  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"}),
         [](RawSocket& peer) {
             peer.read_until("\r\n\r\n");
             peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
             peer.close();
         }});
    EXPECT_EQ(ask(server.port()).body, "abcde");
    Answer streamed = ask(server.port());
    EXPECT_EQ(streamed.body, large);
    EXPECT_TRUE(streamed.streamed);
    EXPECT_EQ(ask(server.port()).body, "");
    EXPECT_EQ(ask(server.port()).status, 204);
    EXPECT_EQ(kept(), 1U);
    client_->close_idle();
    EXPECT_EQ(ask(server.port()).body, "until the end");
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, WaitsForASmallBodyAndGivesItAsAString)
{
    ImposterServer server({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
        peer.send("one");
        peer.send("two");
        peer.read_to_end();
    }});
    Answer answer = ask(server.port());
    EXPECT_EQ(answer.body, "onetwo");
    EXPECT_FALSE(answer.streamed);
    client_.reset();
}

TEST_F(ClientTest, KeepsTheLengthOfAnAnswerToHead)
{
    ImposterServer server({answers({"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", ok})});
    Answer answer = ask(server.port(), "HEAD");
    EXPECT_EQ(answer.content_length, 1234U);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(ask(server.port()).body, "ok");
    client_.reset();
}

TEST_F(ClientTest, SkipsInterimAnswers)
{
    ImposterServer server({answers({"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok})});
    Answer answer = ask(server.port());
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.headers.contains("link"));
    EXPECT_EQ(kept(), 1U);
    client_.reset();
}

TEST_F(ClientTest, RefusesEndlessInterimAnswersAndASwitchOfProtocols)
{
    std::string endless;
    for (int i = 0; i < 100; ++i)
        endless += "HTTP/1.1 100 Continue\r\n\r\n";
    for (const std::string& answer : {endless, std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")}) {
        ImposterServer server({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.try_send(answer);
        }});
        EXPECT_EQ(failure(server.port()), UpstreamError::Kind::malformed);
    }
}

TEST_F(ClientTest, EndsTheConnectionWhenTheAnswerSaysSo)
{
    ImposterServer server({answers({"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"})});
    EXPECT_EQ(ask(server.port()).body, "ok");
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, EndsTheConnectionWhenSomethingFollowsTheAnswer)
{
    ImposterServer server({answers({ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"}), answers({ok})});
    EXPECT_EQ(ask(server.port()).body, "ok");
    EXPECT_EQ(kept(), 0U);
    EXPECT_EQ(ask(server.port()).body, "ok");
    client_.reset();
}

TEST_F(ClientTest, EndsAKeptConnectionOnWhichSomethingCameUnasked)
{
    std::latch poisoned(1);
    ImposterServer server({[&](RawSocket& peer) {
                               peer.read_until("\r\n\r\n");
                               peer.send(ok);
                               peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
                               poisoned.count_down();
                               peer.read_to_end();
                           },
                           [](RawSocket& peer) {
                               peer.read_until("\r\n\r\nx");
                               peer.send(ok);
                               peer.read_to_end();
                           }});
    ask(server.port());
    poisoned.wait();
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<StringBody>("x")).body, "ok");
    client_.reset();
}

TEST_F(ClientTest, NoticesThatAKeptConnectionWasClosed)
{
    std::latch closed(1);
    ImposterServer server({[&](RawSocket& peer) {
                               peer.read_until("\r\n\r\n");
                               peer.send(ok);
                               peer.close();
                               closed.count_down();
                           },
                           [](RawSocket& peer) {
                               peer.read_until("\r\n\r\nbody");
                               peer.send(ok);
                               peer.read_to_end();
                           }});
    ask(server.port());
    closed.wait();
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<StringBody>("body")).body, "ok");
    client_.reset();
}

// The kept connection is closed only after the second request has arrived on it.
Script closes_at_the_second(std::string_view second_end)
{
    return [second_end](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send(ok);
        peer.read_until(second_end);
        peer.close();
    };
}

TEST_F(ClientTest, RepeatsAnIdempotentRequestOnceWhenTheKeptConnectionDies)
{
    ImposterServer server({closes_at_the_second("\r\n\r\n"), answers({ok})});
    ask(server.port());
    EXPECT_EQ(ask(server.port(), "GET").body, "ok");
    client_.reset();
}

TEST_F(ClientTest, RepeatsNoPost)
{
    ImposterServer server({closes_at_the_second("\r\n\r\n")});
    ask(server.port());
    EXPECT_EQ(failure(server.port(), "POST"), UpstreamError::Kind::closed);
}

TEST_F(ClientTest, RepeatsNoRequestWhoseBodyWasRead)
{
    ImposterServer server({closes_at_the_second("body")});
    ask(server.port());
    EXPECT_EQ(failure(server.port(), "PUT", std::make_unique<StringBody>("body")), UpstreamError::Kind::closed);
}

TEST_F(ClientTest, RepeatsNothingOnAFreshConnection)
{
    ImposterServer server({[](RawSocket& peer) { peer.read_until("\r\n\r\n"); }});
    EXPECT_EQ(failure(server.port()), UpstreamError::Kind::closed);
}

TEST_F(ClientTest, RepeatsNothingAfterAByteOfAnAnswer)
{
    ImposterServer server({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send(ok);
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 2");
    }});
    ask(server.port());
    EXPECT_EQ(failure(server.port()), UpstreamError::Kind::closed);
}

TEST_F(ClientTest, TakesAnEarlyAnswerAndEndsTheConnection)
{
    ImposterServer server({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        // The client is stuck in its body and must not wait for anybody to read it.
        std::this_thread::sleep_for(50ms);
        while (!peer.read_some().empty()) {
        }
    }});
    Answer answer = ask(server.port(), "POST", std::make_unique<LongBody>(1ULL << 40U, true));
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body, "no");
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, TakesAnEarlyAnswerFromAPeerThatStoppedReading)
{
    std::latch done(1);
    ImposterServer server({[&](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        std::this_thread::sleep_for(50ms);  // until the client's sends are stuck
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        done.wait();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<LongBody>(1ULL << 40U, false)).status, 413);
    EXPECT_EQ(kept(), 0U);
    done.count_down();
}

TEST_F(ClientTest, GoesOnSendingAfterAnInterimAnswer)
{
    ImposterServer server({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 102 Processing\r\n\r\n");
        std::size_t size = 0;
        while (size < 10'000'000)
            size += peer.read_some().size();
        peer.send(ok);
        peer.read_to_end();
    }});
    EXPECT_EQ(ask(server.port(), "POST", std::make_unique<LongBody>(10'000'000, true)).body, "ok");
    EXPECT_EQ(kept(), 1U);
    client_.reset();
}

TEST_F(ClientTest, LetsTheErrorOfTheRequestsBodyThrough)
{
    class Failing final : public BodyReader {
    public:
        explicit Failing(bool at_once) : at_once_(at_once) {}
        Task<std::string_view> read() override
        {
            if (std::exchange(at_once_, true))
                throw BodyError(BodyError::Kind::too_slow);
            co_return "piece";
        }
        std::optional<std::uint64_t> length() const override { return 100; }

    private:
        bool at_once_;
    };
    ImposterServer server({[](RawSocket& peer) { peer.read_to_end(); }});
    EXPECT_THROW(ask(server.port(), "POST", std::make_unique<Failing>(true)), BodyError);
    EXPECT_EQ(kept(), 1U) << "nothing was sent yet";
    EXPECT_THROW(ask(server.port(), "POST", std::make_unique<Failing>(false)), BodyError);
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, EndsTheConnectionWhenTheAnswersBodyIsNotReadToItsEnd)
{
    ImposterServer server({[](RawSocket& peer) {
        peer.read_until("\r\n\r\n");
        peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + std::string(100'000, 'x'));
        peer.read_to_end();
    }});
    client_.emplace(context_.get_executor(), options_);
    StringBody none;
    Request request;
    request.head.method = "GET";
    request.head.target = "/";
    request.body = &none;
    {
        Response response = run_task(context_, client_->send({"http", "127.0.0.1", server.port(), ""}, "a", request));
        ASSERT_TRUE(response.stream);
    }
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, TellsAMalformedAnswer)
{
    for (std::string_view answer :
         {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
          "HTTP/1.1 999 Strange\r\n\r\n"}) {
        ImposterServer server({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(answer);
            peer.read_to_end();
        }});
        EXPECT_EQ(failure(server.port()), UpstreamError::Kind::malformed) << answer;
    }
}

TEST_F(ClientTest, TellsABodyThatBreaksOff)
{
    for (std::string_view answer :
         {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
        ImposterServer server({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(answer);
        }});
        EXPECT_EQ(failure(server.port()), UpstreamError::Kind::closed) << answer;
    }
}

TEST_F(ClientTest, TellsAnAnswerThatIsLate)
{
    options_.first_byte_timeout = 100ms;
    options_.body_timeout = 100ms;
    for (std::string_view answer :
         {"", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf",
          "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}) {
        ImposterServer server({[&](RawSocket& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(answer);
            peer.read_to_end();
        }});
        EXPECT_EQ(failure(server.port()), UpstreamError::Kind::timeout) << answer;
    }
}

TEST_F(ClientTest, GivesUpOnAPeerThatTakesNoBody)
{
    options_.body_timeout = 100ms;
    std::latch done(1);
    ImposterServer server({[&](RawSocket&) { done.wait(); }});
    EXPECT_EQ(failure(server.port(), "POST", std::make_unique<LongBody>(1ULL << 40U, true)),
              UpstreamError::Kind::timeout);
    done.count_down();
}

TEST_F(ClientTest, TellsThatNobodyListens)
{
    std::uint16_t port = 0;
    {
        ImposterServer gone({});
        port = gone.port();
    }
    EXPECT_THROW(ask(port), ConnectFailed);
    EXPECT_THROW(ask(Endpoint{.scheme = "http", .host = "no-such-host.invalid", .port = 80}), ConnectFailed);
    EXPECT_THROW(ask(Endpoint{.scheme = "unix", .host = "/no/such/socket"}), ConnectFailed);
    EXPECT_THROW(ask(Endpoint{.scheme = "https", .host = "127.0.0.1", .port = port}), ConnectFailed);
}

TEST_F(ClientTest, ClosesKeptConnectionsThatStayUnused)
{
    options_.idle_timeout = 100ms;
    ImposterServer server({answers({ok})});
    ask(server.port());
    EXPECT_EQ(kept(), 1U);
    context_.restart();
    context_.run_for(5s);  // ends when nothing is left to wait for
    EXPECT_EQ(kept(), 0U);
}

TEST_F(ClientTest, LeavesNothingToWaitForWhenIdleConnectionsAreClosed)
{
    ImposterServer server({answers({ok})});
    ask(server.port());
    client_->close_idle();
    context_.restart();
    auto start = std::chrono::steady_clock::now();
    context_.run();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(ClientTest, TalksToAUnixSocket)
{
    TempDir dir;
    ServerOptions options = quick_options();
    options.unix_path = (dir.path() / "s").string();
    TestServer server(echo, options);
    Endpoint endpoint{.scheme = "unix", .host = options.unix_path};
    EXPECT_EQ(ask(endpoint, "POST", std::make_unique<StringBody>("hello")).body, "POST /t?q=1 hello");
    EXPECT_EQ(ask(endpoint).body, "GET /t?q=1 ");
    EXPECT_EQ(kept(), 1U);
    client_.reset();
}

}  // namespace
}  // namespace gatehouse::http
