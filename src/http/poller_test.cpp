// SPDX-License-Identifier: Apache-2.0
#include "http/poller.hpp"

#include "http/polled_socket.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::http {
namespace {

using boost::system::error_code;

struct Pair {
    explicit Pair(asio::io_context& io)
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
            throw std::runtime_error("socketpair");
        socket.emplace(io.get_executor());
        socket->assign(ends[0]);
        peer.reset(ends[1]);
    }

    void send(std::string_view text) const
    {
        EXPECT_EQ(::send(peer.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::string read() const
    {
        char space[64];
        ssize_t size = ::recv(socket->native_handle(), space, sizeof space, 0);
        return size > 0 ? std::string(space, static_cast<std::size_t>(size)) : std::string();
    }

    std::optional<PolledSocket> socket;
    UniqueFd peer;
};

class PollerTest : public ::testing::Test {
protected:
    // Where a wait's end goes.
    std::optional<error_code>& wait(Pair& pair, asio::socket_base::wait_type what = asio::socket_base::wait_read)
    {
        auto& ended = *ends_.emplace_back(std::make_unique<std::optional<error_code>>());
        pair.socket->async_wait(what, [&ended](error_code error) { ended = error; });
        return ended;
    }
    // Until nothing more happens by itself.
    void settle()
    {
        io_.restart();
        while (io_.poll() > 0) {
        }
    }

    std::vector<std::unique_ptr<std::optional<error_code>>> ends_;
    asio::io_context io_;
};

TEST_F(PollerTest, AWaitEndsWhenSomethingArrives)
{
    Pair pair(io_);
    auto& ended = wait(pair);
    settle();
    EXPECT_FALSE(ended);
    pair.send("x");
    settle();
    EXPECT_EQ(ended, error_code());
}

TEST_F(PollerTest, AWaitEndsSoonWhenSomethingIsThereAlready)
{
    Pair pair(io_);
    pair.send("x");
    EXPECT_EQ(wait(pair), std::nullopt);  // never within the call
    settle();
    EXPECT_EQ(*ends_.back(), error_code());
}

TEST_F(PollerTest, AWaitOfADrySocketWaitsForWhatIsNew)
{
    Pair pair(io_);
    for (int i = 0; i < 3; ++i) {
        auto& ended = wait(pair);
        pair.send("abc");
        settle();
        ASSERT_EQ(ended, error_code());
        EXPECT_EQ(pair.read(), "abc");
        pair.socket->set_dry();
    }
    auto& ended = wait(pair);
    settle();
    EXPECT_FALSE(ended);
}

TEST_F(PollerTest, TheEndOfTheStreamIsNotMissedAfterAShortRead)
{
    Pair pair(io_);
    auto& ended = wait(pair);
    pair.send("last words");
    pair.peer.reset();
    settle();
    ASSERT_EQ(ended, error_code());
    EXPECT_EQ(pair.read(), "last words");
    pair.socket->set_dry();
    EXPECT_FALSE(pair.socket->is_quiet());
    auto& again = wait(pair);
    settle();
    EXPECT_EQ(again, error_code());
    EXPECT_EQ(pair.read(), "");
}

TEST_F(PollerTest, AFullSocketIsWaitedForUntilItTakesMore)
{
    Pair pair(io_);
    std::string block(64 * 1024, 'x');
    while (::send(pair.socket->native_handle(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
    auto& ended = wait(pair, asio::socket_base::wait_write);
    settle();
    EXPECT_FALSE(ended);
    while (::recv(pair.peer.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
    settle();
    EXPECT_EQ(ended, error_code());
}

TEST_F(PollerTest, ACancelledWaitSaysSoAndTheContextRunsOutOfWork)
{
    Pair pair(io_);
    auto& ended = wait(pair);
    settle();
    error_code ignored;
    pair.socket->cancel(ignored);
    io_.restart();
    io_.run();
    EXPECT_EQ(ended, asio::error::operation_aborted);
}

TEST_F(PollerTest, ASocketThatIsQuietIsKnownToBeOnlyWhileSomebodyWatches)
{
    Pair watched(io_);
    Pair idle(io_);
    idle.socket->set_dry();
    EXPECT_FALSE(idle.socket->is_quiet());
    wait(watched);
    EXPECT_TRUE(idle.socket->is_quiet());
    idle.send("nobody asked");
    settle();
    EXPECT_FALSE(idle.socket->is_quiet());
}

TEST_F(PollerTest, AnEventOfASocketClosedMeanwhileReachesNobody)
{
    Pair first(io_);
    std::optional<Pair> second(std::in_place, io_);
    settle();
    std::optional<Pair> newcomer;
    std::optional<error_code> of_newcomer;
    // Both are ready in one batch; whoever comes first closes the second, whose place goes to a newcomer.
    first.socket->async_wait(asio::socket_base::wait_read, [&](error_code) {
        second.reset();
        newcomer.emplace(io_);
        newcomer->socket->async_wait(asio::socket_base::wait_read, [&](error_code error) { of_newcomer = error; });
    });
    auto& of_second = wait(*second);
    first.send("x");
    second->send("x");
    settle();
    EXPECT_EQ(of_second, asio::error::operation_aborted);
    EXPECT_FALSE(of_newcomer);
    newcomer->send("x");
    settle();
    EXPECT_EQ(of_newcomer, error_code());
}

TEST(Poller, AContextThatEndsTakesItsWaitsWithIt)
{
    auto held = std::make_shared<int>(1);
    auto io = std::make_unique<asio::io_context>();
    auto pair = std::make_shared<Pair>(*io);
    PolledSocket& socket = *pair->socket;
    // As a coroutine's frame does, the wait owns the socket.
    socket.async_wait(asio::socket_base::wait_read, [held, pair = std::move(pair)](error_code) { FAIL(); });
    EXPECT_EQ(held.use_count(), 2);
    io.reset();
    EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace gatehouse::http
