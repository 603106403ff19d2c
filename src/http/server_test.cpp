// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include "http/problem.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using ::testing::HasSubstr;
using ::testing::Not;

std::string get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::string post(std::string_view body, std::string_view fields = "")
{
    return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}

TEST(Server, AnswersAndKeepsTheConnection)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    for (int i = 0; i < 3; ++i) {
        RawResponse response = client.ask(get("/" + std::to_string(i)));
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body, "GET /" + std::to_string(i) + " ");
        EXPECT_THAT(response.head, Not(HasSubstr("connection:")));
    }
    EXPECT_EQ(server.server().connection_count(), 1U);
}

TEST(Server, ClosesWhenTheClientAsksForIt)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    RawResponse response = client.read_response();
    EXPECT_TRUE(response.says("connection: close"));
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Server, ClosesAfterAnHttp10Request)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), HasSubstr("\r\n\r\nGET / "));
}

TEST(Server, AnswersPipelinedRequestsInOrder)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += i % 2 ? get("/" + std::to_string(i)) : post("body " + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(client.read_response().body,
                  i % 2 ? "GET /" + std::to_string(i) + " " : "POST /p body " + std::to_string(i));
}

TEST(Server, TakesARequestThatComesByteByByte)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    for (char c : post("slow"))
        client.send({&c, 1});
    EXPECT_EQ(client.read_response().body, "POST /p slow");
}

TEST(Server, TakesAHeadLargerThanASmallBuffer)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    std::string request = "GET /x HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(30'000, 'y') + "\r\n\r\n";
    EXPECT_EQ(client.ask(request).body, "GET /x ");
    EXPECT_EQ(client.ask(get("/y")).body, "GET /y ");
}

TEST(Server, ReadsAChunkedBody)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send("4;x=y\r\ndefg\r\n0\r\nTrailer: dropped\r\n\r\n" + get("/next"));
    EXPECT_EQ(client.read_response().body, "POST / abcdefg");
    EXPECT_EQ(client.read_response().body, "GET /next ");
}

Task<Response> chunks(Request&)
{
    co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{"one", "two"}));
}

TEST(Server, SendsABodyOfUnknownLengthInChunks)
{
    TestServer server(chunks);
    RawSocket client = RawSocket::connect(server.port());
    for (int i = 0; i < 2; ++i) {
        RawResponse response = client.ask(get("/"));
        EXPECT_TRUE(response.says("transfer-encoding: chunked"));
        EXPECT_EQ(response.body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    }
}

TEST(Server, SendsABodyOfUnknownLengthToHttp10UntilTheEnd)
{
    TestServer server(chunks);
    RawSocket client = RawSocket::connect(server.port());
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    std::string answer = client.read_to_end();
    EXPECT_TRUE(answer.ends_with("\r\n\r\nonetwo"));
    EXPECT_THAT(answer, Not(HasSubstr("transfer-encoding")));
    EXPECT_FALSE(client.was_reset());
}

Task<Response> known_stream(Request&)
{
    co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{"one", "two"}, 6));
}

TEST(Server, SendsAStreamOfKnownLengthWithItsLength)
{
    TestServer server(known_stream);
    RawSocket client = RawSocket::connect(server.port());
    for (int i = 0; i < 2; ++i) {
        RawResponse response = client.ask(get("/"));
        EXPECT_TRUE(response.says("content-length: 6"));
        EXPECT_EQ(response.body, "onetwo");
    }
}

TEST(Server, AnswersHeadWithTheLengthAndNoBody)
{
    for (const Handler& handler : {Handler(echo), Handler(known_stream)}) {
        TestServer server(handler);
        RawSocket client = RawSocket::connect(server.port());
        client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_THAT(client.read_response(false).head, HasSubstr("content-length: "));
        EXPECT_EQ(client.ask(get("/")).status, 200);
    }
}

Task<Response> not_modified(Request& request)
{
    Response response;
    response.status = request.path() == "/204" ? 204 : 304;
    response.body = "must not be sent";
    if (response.status == 304)
        response.content_length = 1234;
    co_return response;
}

TEST(Server, SendsNoBodyWith204And304)
{
    TestServer server(not_modified);
    RawSocket client = RawSocket::connect(server.port());
    client.send(get("/204") + get("/304") + get("/204"));
    EXPECT_THAT(client.read_response(false).head, Not(HasSubstr("content-length")));
    EXPECT_TRUE(client.read_response(false).says("content-length: 1234"));
    EXPECT_EQ(client.read_response(false).status, 204);
}

TEST(Server, SendsContinueWhenTheHandlerReadsTheBody)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    for (int i = 0; i < 2; ++i) {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        EXPECT_EQ(client.ask("hello").body, "POST / hello");
    }
}

TEST(Server, SendsNoContinueForABodyThatIsThere)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    EXPECT_EQ(client.ask(post("hello", "Expect: 100-continue\r\n")).body, "POST /p hello");
}

TEST(Server, ClosesWhenItAnswersInsteadOfContinue)
{
    TestServer server(ignore_body);
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    RawResponse response = client.read_response();
    EXPECT_EQ(response.body, "done");
    EXPECT_TRUE(response.says("connection: close"));
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Server, KeepsTheConnectionAfterASmallUnreadBody)
{
    TestServer server(ignore_body);
    RawSocket client = RawSocket::connect(server.port());
    client.send(post(std::string(100'000, 'b')) + get("/"));
    EXPECT_FALSE(client.read_response().says("connection: close"));
    EXPECT_EQ(client.read_response().body, "done");
}

TEST(Server, LetsTheClientSeeAnEarlyAnswerToALargeBody)
{
    TestServer server(ignore_body);
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" + std::string(200'000, 'b'));
    RawResponse response = client.read_response();
    EXPECT_EQ(response.body, "done");
    EXPECT_TRUE(response.says("connection: close"));
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_FALSE(client.was_reset());
}

TEST(Server, RefusesAMalformedRequestWithAProblemThatTheClientSees)
{
    TestServer server(echo);
    for (std::string_view request :
         {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        RawSocket client = RawSocket::connect(server.port());
        client.send(std::string(request) + std::string(150'000, 'z'));
        RawResponse response = client.read_response();
        EXPECT_EQ(response.status, 400);
        EXPECT_TRUE(response.says("connection: close"));
        EXPECT_TRUE(response.says("content-type: application/problem+json"));
        EXPECT_THAT(response.body, HasSubstr("\"malformed_request\""));
        EXPECT_EQ(client.read_to_end(), "");
        EXPECT_FALSE(client.was_reset());
    }
}

TEST(Server, RefusesATooLargeHead)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x'));
    EXPECT_EQ(client.read_response().status, 431);
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Server, RefusesABrokenChunkWithAProblemAndCloses)
{
    TestServer server(echo);
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX" + get("/smuggled"));
    RawResponse response = client.read_response();
    EXPECT_EQ(response.status, 400);
    EXPECT_TRUE(response.says("connection: close"));
    EXPECT_EQ(client.read_to_end(), "");
}

Task<Response> fail(Request& request)
{
    if (request.path() == "/problem")
        throw Problem::not_found("not_found", "There is nothing.");
    throw std::runtime_error("a bug");
}

TEST(Server, AnswersAProblemForWhatAHandlerThrowsAndGoesOn)
{
    TestServer server(fail);
    RawSocket client = RawSocket::connect(server.port());
    EXPECT_EQ(client.ask(get("/problem")).status, 404);
    RawResponse response = client.ask(get("/bug"));
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, Not(HasSubstr("a bug")));
    EXPECT_THAT(response.body, HasSubstr("\"instance\""));
}

Task<Response> broken_stream(Request& request)
{
    std::vector<std::string> pieces{"one", "two"};
    if (request.path() == "/chunked")
        co_return stream_response(std::make_unique<PiecesBody>(pieces, std::nullopt, true));
    if (request.path() == "/at-once")
        co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{}, 10, true));
    if (request.path() == "/short")
        co_return stream_response(std::make_unique<PiecesBody>(pieces, 10));
    if (request.path() == "/long")
        co_return stream_response(std::make_unique<PiecesBody>(pieces, 5));
    co_return stream_response(std::make_unique<PiecesBody>(pieces, 10, true));
}

TEST(Server, CutsTheConnectionWhenAStreamBreaksOff)
{
    TestServer server(broken_stream);
    for (std::string_view target : {"/known", "/short", "/long", "/chunked"}) {
        RawSocket client = RawSocket::connect(server.port());
        client.send(get(target));
        std::string head = client.read_until("\r\n\r\n");
        std::string body = client.read_to_end();
        if (target == "/chunked")
            EXPECT_THAT(body, Not(HasSubstr("0\r\n\r\n")));
        else
            EXPECT_LT(body.size(), target == "/long" ? 5U : 10U) << target;
    }
}

TEST(Server, ResetsTheConnectionWhenOnlyTheEndCouldTellThatABodyIsWhole)
{
    TestServer server(broken_stream);
    RawSocket client = RawSocket::connect(server.port());
    client.send("GET /chunked HTTP/1.0\r\nHost: a\r\n\r\n");
    client.read_to_end();
    EXPECT_TRUE(client.was_reset());
}

TEST(Server, AnswersAProblemWhenAStreamBreaksBeforeItsFirstByte)
{
    TestServer server(broken_stream);
    RawSocket client = RawSocket::connect(server.port());
    RawResponse response = client.ask(get("/at-once"));
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(client.ask(get("/at-once")).status, 500);
}

Task<Response> describe_request(Request& request)
{
    co_return text_response(request.remote_address + "|" + request.request_id + "|" + request.scheme);
}

TEST(Server, TellsTheHandlerWhoAsksAndTheRequestId)
{
    TestServer server(describe_request);
    RawSocket client = RawSocket::connect(server.port());
    EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-1\r\n\r\n").body, "127.0.0.1|abc-1|http");
    EXPECT_EQ(client.ask(get("/")).body.size(), std::string_view("127.0.0.1||http").size() + 36);
    EXPECT_THAT(client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\"\r\n\r\n").body, Not(HasSubstr("a b")));
}

Task<Response> echo_stream(Request& request)
{
    struct Forward final : BodyReader {
        explicit Forward(BodyReader& from) : source(from) {}
        Task<std::string_view> read() override { return source.read(); }
        std::optional<std::uint64_t> length() const override { return source.length(); }
        BodyReader& source;
    };
    co_return stream_response(std::make_unique<Forward>(*request.body));
}

TEST(Server, SendsTheRequestsBodyBackWhileItArrives)
{
    TestServer server(echo_stream);
    RawSocket client = RawSocket::connect(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("transfer-encoding: chunked"));
    for (int i = 0; i < 3; ++i) {
        client.send("4\r\nping\r\n");
        EXPECT_EQ(client.read_exactly(9), "4\r\nping\r\n");
    }
    client.send("0\r\n\r\n");
    EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
}

TEST(Server, ListensOnAUnixSocketForItsOwnUserAlone)
{
    TempDir dir;
    ServerOptions options = quick_options();
    options.unix_path = (dir.path() / "s").string();
    {
        TestServer server(describe_request, options);
        struct stat info{};
        ASSERT_EQ(::stat(options.unix_path.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777U, 0600U);
        RawSocket client = RawSocket::connect_unix(options.unix_path);
        EXPECT_EQ(client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: 1\r\n\r\n").body, "|1|http");
        IoThreads threads(1);
        EXPECT_THROW(Server(threads, options, echo), std::system_error);
    }
    EXPECT_FALSE(std::filesystem::exists(options.unix_path));
}

TEST(Server, ReplacesAUnixSocketThatNobodyServes)
{
    TempDir dir;
    ServerOptions options = quick_options();
    options.unix_path = (dir.path() / "s").string();
    {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, options.unix_path.c_str());
        ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    TestServer server(echo, options);
    EXPECT_EQ(RawSocket::connect_unix(options.unix_path).ask(get("/")).status, 200);
}

TEST(Server, RefusesAPortThatIsTaken)
{
    TestServer first(echo);
    ServerOptions options = quick_options();
    options.port = first.port();
    IoThreads threads(2);
    try {
        Server second(threads, options, echo);
        FAIL() << "two servers on one port";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(first.port())));
    }
}

TEST(Server, SpreadsConnectionsOverItsThreads)
{
    IoThreads threads(2);
    Server server(threads, quick_options(), echo);
    threads.start();
    server.start();
    {
        std::vector<RawSocket> clients;
        for (int i = 0; i < 32; ++i)
            clients.push_back(RawSocket::connect(server.port()));
        for (RawSocket& client : clients)
            EXPECT_EQ(client.ask(get("/")).status, 200);
        EXPECT_EQ(server.connection_count(), 32U);
    }
    server.drain(std::chrono::milliseconds{1000});
    EXPECT_EQ(server.connection_count(), 0U);
}

}  // namespace
}  // namespace gatehouse::http
