// SPDX-License-Identifier: Apache-2.0
// GET /events on a local store: what a client reads, and when a stream ends.
#include "files/files_fixture.hpp"

#include "base/task_group.hpp"
#include "files/change_log.hpp"
#include "http/interruption.hpp"

#include <future>

namespace gatehouse::files {

namespace {

using namespace std::chrono_literals;
using testing::FilesFixture;

// Event streams of the fixture, read piece by piece.
class EventsTest : public FilesFixture {
protected:
    explicit EventsTest(std::size_t per_user = 3, std::size_t streams = 4)
    {
        Config config;
        config.event_streams_per_user = per_user;
        config.event_streams_max = streams;
        files_ = std::make_unique<Files>(config, needs(), "");
        asio::post(threads_.context(0), [this] { group_.spawn(files_->follow_changes()); });
    }
    ~EventsTest() override
    {
        streams_.clear();
        run(stop_group());
    }

    // A request that stays open.
    struct Stream {
        http::StringBody nothing;
        http::Interruption interruption;
        http::Request request;
        http::Response response;
    };

    Stream& open(const std::string& token, const std::string& method = "GET")
    {
        auto stream = std::make_unique<Stream>();
        stream->request.head.method = method;
        stream->request.head.target = "/events";
        stream->request.head.headers.add("authorization", "Bearer " + token);
        stream->request.body = &stream->nothing;
        stream->request.interruption = &stream->interruption;
        stream->response = run(begin(stream->request));
        return *streams_.emplace_back(std::move(stream));
    }
    std::future<std::string> read_later(Stream& stream)
    {
        return asio::co_spawn(threads_.context(0), next(stream), asio::use_future);
    }
    std::string read(Stream& stream)
    {
        auto piece = read_later(stream);
        if (piece.wait_for(10s) != std::future_status::ready)
            throw std::runtime_error("nothing came in time");
        return piece.get();
    }
    // Reads on until the text is there; throws when it does not come.
    std::string read_until(Stream& stream, const std::string& text)
    {
        std::string all;
        while (all.find(text) == std::string::npos) {
            std::string piece = read(stream);
            if (piece.empty())
                throw std::runtime_error("the stream ended after: " + all);
            all += piece;
        }
        return all;
    }
    void interrupt(Stream& stream, http::BodyError::Kind why)
    {
        asio::post(threads_.context(0), [&stream, why] { stream.interruption.fire(why); });
    }
    // As the server asks while a request takes long.
    bool is_over(Stream& stream) { return run(ask(stream)); }

private:
    static Task<bool> ask(Stream& stream) { co_return stream.interruption.is_over(); }
    Task<http::Response> begin(http::Request& request)
    {
        co_return co_await http::answer(http::make_handler(files_->router()), request);
    }
    static Task<std::string> next(Stream& stream) { co_return std::string(co_await stream.response.stream->read()); }
    Task<int> stop_group()
    {
        co_await group_.stop(0ms);
        co_return 0;
    }

    std::vector<std::unique_ptr<Stream>> streams_;
    TaskGroup group_{threads_.context(0).get_executor(), "test", 4};
};

class FewEventsTest : public EventsTest {
protected:
    FewEventsTest() : EventsTest(2, 3) {}
};

TEST_F(EventsTest, AStreamBeginsWithTheLatestUploads)
{
    std::string first = upload_id("one");
    std::string second = upload_id("two");
    Stream& stream = open(alice_token_);
    EXPECT_EQ(stream.response.status, 200);
    EXPECT_EQ(stream.response.headers.find("content-type"), "text/event-stream");
    EXPECT_EQ(stream.response.headers.find("cache-control"), "no-store");
    std::string text = read(stream);
    EXPECT_TRUE(text.starts_with("retry: 2000\n\nevent: file\nid: ")) << text;
    EXPECT_LT(text.find(first), text.find(second));
    EXPECT_TRUE(text.ends_with("\"derived\":[],\"trash\":null}\n\n")) << text;
}

TEST_F(EventsTest, ChangesReachTheOwnerAlone)
{
    Stream& alice = open(alice_token_);
    Stream& bob = open(bob_token_);
    EXPECT_EQ(read(alice), "retry: 2000\n\n");
    EXPECT_EQ(read(bob), "retry: 2000\n\n");
    auto silence = read_later(bob);

    std::string id = upload_id("news");
    std::string made = read_until(alice, id);
    EXPECT_NE(made.find("event: file\n"), std::string::npos);
    EXPECT_NE(made.find("\"state\":\"stored\""), std::string::npos);

    run(store_->set_state(id, State::processing, "", std::nullopt));
    read_until(alice, "\"state\":\"processing\"");
    run(store_->set_progress(id, 40));
    read_until(alice, "\"progress\":40");
    EXPECT_EQ(call("DELETE", "/files/" + id, alice_token_).status, 204);
    EXPECT_NE(read_until(alice, "event: removed").find("data: {\"id\":\"" + id + "\"}\n\n"), std::string::npos);

    EXPECT_EQ(silence.wait_for(0s), std::future_status::timeout);
    files_->stop_waiting();
    EXPECT_EQ(silence.get(), "");
}

TEST_F(EventsTest, OfAFileThatChangesOftenTheLatestIsTold)
{
    std::string id = upload_id("busy");
    Stream& stream = open(alice_token_);
    read(stream);
    run(store_->set_state(id, State::processing, "", std::nullopt));
    for (int percent = 0; percent <= 99; ++percent)
        run(store_->set_progress(id, percent));
    std::string told = read_until(stream, "\"progress\":99");
    std::size_t events = 0;
    for (auto at = told.find("event: "); at != std::string::npos; at = told.find("event: ", at + 1))
        ++events;
    EXPECT_LT(events, 50U);
}

TEST_F(EventsTest, AStreamThatFallsTooFarBehindEnds)
{
    Stream& stream = open(alice_token_);
    read(stream);
    for (int i = 0; i < 300; ++i)
        upload_id("x");
    std::size_t pieces = 0;
    auto until = std::chrono::steady_clock::now() + 10s;
    while (metrics_.serialize().find("gatehouse_files_event_streams_behind_total 1") == std::string::npos) {
        ASSERT_LT(std::chrono::steady_clock::now(), until);
        std::this_thread::sleep_for(10ms);
    }
    while (!read(stream).empty())
        ++pieces;
    EXPECT_LE(pieces, 1U);
}

TEST_F(EventsTest, ItEndsWithItsClientAndItsSession)
{
    Stream& gone = open(alice_token_);
    Stream& ended = open(alice_token_);
    read(gone);
    read(ended);
    auto waits = read_later(gone);
    interrupt(gone, http::BodyError::Kind::closed);
    EXPECT_THROW(waits.get(), http::BodyError);

    EXPECT_FALSE(is_over(ended));
    clock_.advance(11min);  // the token expires
    EXPECT_TRUE(is_over(ended));
    interrupt(ended, http::BodyError::Kind::revoked);
    EXPECT_THROW(read(ended), http::BodyError);
}

TEST_F(EventsTest, ItEndsWhenTheProcessDoes)
{
    Stream& stream = open(alice_token_);
    read(stream);
    auto waits = read_later(stream);
    files_->stop_waiting();
    EXPECT_EQ(waits.get(), "");
    EXPECT_EQ(open(alice_token_).response.status, 503);
}

TEST_F(FewEventsTest, ThereIsALimitForEachUserAndInAll)
{
    open(alice_token_);
    open(alice_token_);
    Stream& third = open(alice_token_);
    EXPECT_EQ(third.response.status, 429);
    EXPECT_NE(third.response.body.find("too_many_streams"), std::string::npos);
    EXPECT_EQ(third.response.headers.find("retry-after"), "30");
    open(bob_token_);
    EXPECT_EQ(open(token_for(make_id())).response.status, 503);
    EXPECT_EQ(open(alice_token_, "HEAD").response.status, 200);
}

TEST_F(FewEventsTest, AStreamThatEndsMakesRoom)
{
    open(alice_token_);
    Stream& second = open(alice_token_);
    second.response.stream.reset();
    EXPECT_EQ(open(alice_token_).response.status, 200);
}

TEST_F(EventsTest, ItTakesATokenWithThePermission)
{
    EXPECT_EQ(open("").response.status, 400);
    EXPECT_EQ(open(token_for(alice_, {"files:write"})).response.status, 403);
}

TEST(ChangeLog, KeepsTheLatestAndSaysWhenSomeAreLost)
{
    ChangeLog log(3);
    int told = 0;
    log.on_change([&] { ++told; });
    std::uint64_t position = log.position();
    for (int i = 0; i < 3; ++i)
        log.add({.id = std::to_string(i)});
    auto first = log.read(position, 2);
    EXPECT_FALSE(first.lost);
    ASSERT_EQ(first.changes.size(), 2U);
    EXPECT_EQ(first.changes[1].id, "1");
    for (int i = 3; i < 7; ++i)
        log.add({.id = std::to_string(i)});
    auto second = log.read(position, 100);
    EXPECT_TRUE(second.lost);
    ASSERT_EQ(second.changes.size(), 3U);
    EXPECT_EQ(second.changes[0].id, "4");
    EXPECT_TRUE(log.read(position, 100).changes.empty());
    EXPECT_EQ(told, 7);
}

}  // namespace

}  // namespace gatehouse::files
