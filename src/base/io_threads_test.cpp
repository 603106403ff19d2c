// SPDX-License-Identifier: Apache-2.0
#include "base/io_threads.hpp"
#include "base/unique_fd.hpp"

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>

#include <future>

namespace gatehouse {

TEST(IoThreads, EachRunsItsOwnContext)
{
    IoThreads threads(3);
    PerThread<std::size_t> numbers(threads.size(), [](std::size_t i) { return std::make_unique<std::size_t>(i * 10); });
    threads.start();
    for (std::size_t i = 0; i < threads.size(); ++i) {
        std::promise<std::pair<std::size_t, std::size_t>> told;
        asio::post(threads.context(i), [&] { told.set_value({IoThreads::current(), numbers.local()}); });
        EXPECT_EQ(told.get_future().get(), std::pair(i, i * 10));
    }
    threads.stop();
}

TEST(IoThreads, StopFinishesWhatWasPosted)
{
    IoThreads threads(2);
    threads.start();
    std::atomic<int> done = 0;
    for (int i = 0; i < 100; ++i)
        asio::post(threads.context(static_cast<std::size_t>(i % 2)), [&] { ++done; });
    threads.stop();
    EXPECT_EQ(done, 100);
}

TEST(UniqueFd, ClosesWhatItOwnsAndNothingElse)
{
    auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) != -1; };
    int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    {
        UniqueFd first(fd);
        UniqueFd second(std::move(first));
        EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(second.get(), fd);
        UniqueFd third;
        third = std::move(second);
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));

    int kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        UniqueFd owner(kept);
        EXPECT_EQ(owner.release(), kept);
    }
    EXPECT_TRUE(is_open(kept));
    ::close(kept);
}

}  // namespace gatehouse
