// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate_limit.hpp"
#include "gateway/rate_limit_metrics.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gatehouse::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RateLimits : public ::testing::Test {
protected:
    RateLimit make(std::size_t requests, seconds per, std::size_t burst = 0, RateLimitKey key = RateLimitKey::address,
                   std::string_view policy = "p")
    {
        return {{.requests = requests, .per = per, .burst = burst, .key = key}, "address", policy, buckets_};
    }
    // How many of `tries` are let through.
    int allowed(const RateLimit& limit, int tries, const std::string& address = "192.0.2.1", std::string_view user = {})
    {
        int count = 0;
        for (int i = 0; i < tries; ++i)
            count += limit.count(user, address, now_).allowed ? 1 : 0;
        return count;
    }

    RateBuckets buckets_{1024};
    SteadyTime now_ = std::chrono::steady_clock::now();
};

TEST_F(RateLimits, ABurstIsLetThroughAndTheRestComesBackWithTime)
{
    auto limit = make(60, seconds{60}, 5);
    EXPECT_EQ(allowed(limit, 10), 5);
    now_ += milliseconds{999};
    EXPECT_EQ(allowed(limit, 10), 0);
    now_ += milliseconds{1};
    EXPECT_EQ(allowed(limit, 10), 1);
    now_ += seconds{3};
    EXPECT_EQ(allowed(limit, 10), 3);
    now_ += std::chrono::hours{1};
    EXPECT_EQ(allowed(limit, 10), 5) << "no more than a burst is saved up";
}

TEST_F(RateLimits, SayWhatIsLeftAndWhenToComeAgain)
{
    auto limit = make(100, seconds{60}, 2);
    http::Headers headers;
    auto first = limit.count("", "192.0.2.1", now_);
    limit.set_fields(headers, &first);
    EXPECT_EQ(headers.find("ratelimit-policy"), R"("address";q=100;w=60)");
    EXPECT_EQ(headers.find("ratelimit"), R"("address";r=1;t=1)");
    auto last = limit.count("", "192.0.2.1", now_);
    EXPECT_TRUE(last.allowed);
    EXPECT_EQ(last.remaining, 0U);
    EXPECT_EQ(last.next_in, milliseconds{600});
    auto refused = limit.count("", "192.0.2.1", now_);
    EXPECT_FALSE(refused.allowed);
    limit.set_fields(headers, &refused);
    EXPECT_EQ(headers.find("ratelimit"), R"("address";r=0;t=1)");
    auto problem = RateLimit::refuse(refused).to_response("id");
    EXPECT_EQ(problem.status, 429);
    EXPECT_EQ(problem.headers.find("retry-after"), "1");
    limit.set_fields(headers, nullptr);
    EXPECT_FALSE(headers.contains("ratelimit")) << "not what a service said";
}

TEST_F(RateLimits, AClientThatWaitsAsLongAsItIsToldIsLetThrough)
{
    for (auto [requests, per] : {std::pair{7U, seconds{60}}, {1U, seconds{3600}}, {3U, seconds{10}}}) {
        auto limit = make(requests, per, 0, RateLimitKey::address, "p" + std::to_string(requests));
        allowed(limit, static_cast<int>(requests));
        auto refused = limit.count("", "192.0.2.1", now_);
        ASSERT_FALSE(refused.allowed);
        now_ += std::chrono::ceil<seconds>(refused.next_in);
        EXPECT_EQ(allowed(limit, 1), 1);
    }
}

TEST_F(RateLimits, AddressesCountForThemselves)
{
    auto limit = make(2, seconds{60});
    EXPECT_EQ(allowed(limit, 3, "192.0.2.1"), 2);
    EXPECT_EQ(allowed(limit, 3, "192.0.2.2"), 2);
    EXPECT_EQ(allowed(limit, 3, "::ffff:192.0.2.1"), 0) << "the same in another form";
}

TEST_F(RateLimits, AnIpv6NetworkIsOneClient)
{
    auto limit = make(2, seconds{60});
    EXPECT_EQ(allowed(limit, 3, "2001:db8:1:2::1"), 2);
    EXPECT_EQ(allowed(limit, 3, "2001:db8:1:2:ffff::9"), 0);
    EXPECT_EQ(allowed(limit, 3, "2001:db8:1:3::1"), 2);
}

TEST_F(RateLimits, UsersCountWhereverTheyAre)
{
    auto limit = make(2, seconds{60}, 0, RateLimitKey::user);
    EXPECT_EQ(allowed(limit, 2, "192.0.2.1", "ada"), 2);
    EXPECT_EQ(allowed(limit, 2, "192.0.2.2", "ada"), 0);
    EXPECT_EQ(allowed(limit, 2, "192.0.2.1", "eve"), 2);
    EXPECT_EQ(allowed(limit, 3, "192.0.2.1"), 2) << "nobody: the address counts";
}

TEST_F(RateLimits, ARouteCountsForAll)
{
    auto limit = make(3, seconds{60}, 0, RateLimitKey::route);
    EXPECT_EQ(allowed(limit, 2, "192.0.2.1", "ada"), 2);
    EXPECT_EQ(allowed(limit, 2, "192.0.2.2", "eve"), 1);
}

TEST_F(RateLimits, PoliciesCountForThemselves)
{
    EXPECT_EQ(allowed(make(2, seconds{60}, 0, RateLimitKey::address, "a"), 3), 2);
    EXPECT_EQ(allowed(make(2, seconds{60}, 0, RateLimitKey::address, "b"), 3), 2);
    EXPECT_EQ(allowed(make(2, seconds{60}, 0, RateLimitKey::address, "a"), 3), 0);
}

TEST_F(RateLimits, HoldForAllThreadsTogether)
{
    auto limit = make(1'000, seconds{3600});
    std::atomic<int> count{allowed(limit, 1)};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] { count += allowed(limit, 1'000); });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(count, 1'000);
}

TEST_F(RateLimits, AFloodOfAddressesForgetsBucketsOnlyToTheirFavour)
{
    auto limit = make(10, seconds{60});
    EXPECT_EQ(allowed(limit, 20, "192.0.2.1"), 10);
    int spared = 0;
    for (int i = 0; i < 100'000; ++i) {
        std::string address =
            "10." + std::to_string(i >> 16) + "." + std::to_string((i >> 8) & 255) + "." + std::to_string(i & 255);
        spared += limit.count("", address, now_).allowed ? 1 : 0;
    }
    EXPECT_EQ(spared, 100'000) << "nobody is refused for others";
    EXPECT_GT(buckets_.evictions(), 90'000U);
    EXPECT_LE(allowed(limit, 20, "192.0.2.1"), 10) << "at most one more burst";
}

TEST_F(RateLimits, WhatWasForgottenIsCountedOverChangesOfTheTable)
{
    auto flooded = [&] {
        auto buckets = std::make_shared<RateBuckets>(16);
        RateLimit limit({.requests = 10}, "address", "p", *buckets);
        for (int i = 0; i < 100; ++i)
            limit.count("", "10.0.0." + std::to_string(i), now_);
        return buckets;
    };
    RateLimitMetrics metrics;
    auto told = [&] { return metrics.Collect().at(0).metric.at(0).counter.value; };
    EXPECT_EQ(told(), 0);
    auto first = flooded();
    ASSERT_GT(first->evictions(), 50U);
    metrics.show(first);
    metrics.show(first);
    EXPECT_EQ(told(), first->evictions());
    auto second = flooded();
    metrics.show(second);
    EXPECT_EQ(told(), first->evictions() + second->evictions());
}

TEST_F(RateLimits, FullBucketsAreReplacedWithoutAnyLoss)
{
    auto limit = make(10, seconds{1});
    for (int i = 0; i < 100'000; ++i) {
        now_ += milliseconds{30};
        limit.count("", "10.0." + std::to_string((i >> 8) & 255) + "." + std::to_string(i & 255), now_);
    }
    EXPECT_EQ(buckets_.evictions(), 0U);
}

}  // namespace
}  // namespace gatehouse::gateway
