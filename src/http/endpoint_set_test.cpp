// SPDX-License-Identifier: Apache-2.0
#include "http/endpoint_set.hpp"

#include "http/retry_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace gatehouse::http {
namespace {

using namespace std::chrono_literals;

std::vector<WeightedEndpoint> endpoints(const std::vector<unsigned>& weights)
{
    std::vector<WeightedEndpoint> list;
    for (std::size_t i = 0; i < weights.size(); ++i)
        list.push_back(
            {{.scheme = "http", .host = "10.0.0.1", .port = static_cast<std::uint16_t>(8000 + i)}, weights[i]});
    return list;
}

class EndpointSetTest : public ::testing::Test {
protected:
    EndpointSet& make(const std::vector<unsigned>& weights)
    {
        set_ = std::make_unique<EndpointSet>("orders", endpoints(weights), options_);
        turns_ = set_->make_turns(42);
        return *set_;
    }
    std::size_t choose(std::uint64_t affinity = 0) { return *set_->choose(turns_, affinity, {}, now_); }
    std::vector<int> shares(int requests)
    {
        std::vector<int> counts(set_->size());
        for (int i = 0; i < requests; ++i)
            ++counts[choose()];
        return counts;
    }
    void fail(std::size_t index, int times)
    {
        for (int i = 0; i < times; ++i)
            set_->failed(index, "test", now_);
    }

    UpstreamOptions options_;
    std::unique_ptr<EndpointSet> set_;
    EndpointSet::Turns turns_;
    SteadyTime now_ = coarse_now();
};

TEST_F(EndpointSetTest, TakesTurnsByWeightAndSmoothly)
{
    make({5, 1, 1});
    std::vector<std::size_t> order;
    for (int i = 0; i < 7; ++i)
        order.push_back(choose());
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 0, 1, 0, 2, 0, 0}));
    EXPECT_EQ(shares(700), (std::vector<int>{500, 100, 100}));
}

TEST_F(EndpointSetTest, LeastRequestsAvoidsTheBusyAndRespectsWeights)
{
    options_.balance = Balance::least_requests;
    make({1, 1, 1});
    for (int i = 0; i < 50; ++i)
        set_->enter(1);
    auto counts = shares(3000);
    EXPECT_LT(counts[1], 400) << "only when chance names it twice is it chosen, which cannot be";
    make({3, 1});
    auto idle = shares(4000);
    EXPECT_NEAR(idle[0], 3000, 300) << "among idle ones the weight decides";
    // With every request kept in progress the load settles by weight.
    make({3, 1});
    for (int i = 0; i < 400; ++i)
        set_->enter(choose());
    EXPECT_NEAR(static_cast<int>(set_->in_progress(0)), 300, 10);
}

TEST_F(EndpointSetTest, AHashKeepsACallerAtItsEndpointAndMovesOnlyThoseOfOneThatGoes)
{
    options_.balance = Balance::hash_user;
    make({1, 1, 1, 1});
    std::map<std::string, std::size_t> before;
    std::vector<int> counts(4);
    for (int i = 0; i < 4000; ++i) {
        std::string user = "user-" + std::to_string(i);
        before[user] = choose(affinity_of(user));
        EXPECT_EQ(choose(affinity_of(user)), before[user]);
        ++counts[before[user]];
    }
    for (int count : counts)
        EXPECT_NEAR(count, 1000, 120);
    fail(2, 5);
    std::vector<int> moved_to(4);
    for (const auto& [user, at] : before) {
        std::size_t now_at = choose(affinity_of(user));
        if (at != 2)
            EXPECT_EQ(now_at, at);
        else
            ++moved_to[now_at];
    }
    EXPECT_EQ(moved_to[2], 0);
    EXPECT_GT(moved_to[0], 200) << "the others share them";
    EXPECT_GT(moved_to[1], 200);
    EXPECT_GT(moved_to[3], 200);
    now_ += 5s + 10s;
    for (const auto& [user, at] : before)
        EXPECT_EQ(choose(affinity_of(user)), at) << "and they come back";
}

TEST_F(EndpointSetTest, AHashPassesOverloadedEndpointsByWithinItsBound)
{
    options_.balance = Balance::hash_user;
    make({1, 1, 1, 1});
    // All come from one user: without a bound one endpoint would have them all.
    std::uint64_t user = affinity_of("ada");
    std::size_t home = choose(user);
    std::vector<std::size_t> order;  // of the endpoints, as its requests reach them
    for (std::size_t requests = 1; requests <= 1000; ++requests) {
        std::size_t index = choose(user);
        ASSERT_TRUE(set_->enter(index));
        if (std::ranges::find(order, index) == order.end())
            order.push_back(index);
        if (requests <= 8)
            EXPECT_EQ(index, home) << "so few are no overload";
        for (std::size_t i = 0; i < 4; ++i)
            EXPECT_LE(set_->in_progress(i), std::max<std::size_t>(8, (requests * 125 + 399) / 400));
    }
    EXPECT_EQ(order.size(), 4U);
    // Only as many go elsewhere as must: the ones first in the user's order are full.
    EXPECT_GE(set_->in_progress(order[0]), 312U);
    EXPECT_GE(set_->in_progress(order[1]), 312U);
    // When there is room at home again, it is where the next one goes.
    for (int i = 0; i < 200; ++i)
        set_->leave(home);
    EXPECT_EQ(choose(user), home);
}

TEST_F(EndpointSetTest, AHashWithABoundKeepsAlmostEverybodyWhenTheLoadIsEven)
{
    options_.balance = Balance::hash_user;
    make({2, 1, 1});
    auto unbounded_options = options_;
    unbounded_options.hash_balance_factor = 0;
    EndpointSet unbounded("orders", endpoints({2, 1, 1}), unbounded_options);
    int elsewhere = 0;
    for (int i = 0; i < 4000; ++i) {
        std::uint64_t user = affinity_of("user-" + std::to_string(i));
        std::size_t index = choose(user);
        ASSERT_TRUE(set_->enter(index));
        elsewhere += index != *unbounded.choose(turns_, user, {}, now_) ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(set_->in_progress(0)), 2000, 150) << "its weight is a half";
    EXPECT_NEAR(static_cast<double>(set_->in_progress(1)), 1000, 150);
    EXPECT_LT(elsewhere, 200);
}

TEST_F(EndpointSetTest, UnderLoadOnlyTheCallersOfAnEndpointThatGoesMove)
{
    options_.balance = Balance::hash_user;
    make({1, 1, 1, 1});
    std::map<std::uint64_t, std::size_t> before;
    for (int i = 0; i < 4000; ++i) {
        std::uint64_t user = affinity_of("user-" + std::to_string(i));
        before[user] = choose(user);
        ASSERT_TRUE(set_->enter(before[user]));
    }
    // Its requests end when it goes, and each caller asks again.
    for (std::size_t left = set_->in_progress(2); left > 0; --left)
        set_->leave(2);
    fail(2, 5);
    int others = 0;
    int moved = 0;
    for (const auto& [user, at] : before) {
        if (at == 2)
            continue;
        set_->leave(at);
        std::size_t next = choose(user);
        ASSERT_TRUE(set_->enter(next));
        others += 1;
        moved += next != at ? 1 : 0;
    }
    for (const auto& [user, at] : before)
        if (at == 2) {
            std::size_t next = choose(user);
            EXPECT_NE(next, 2U);
            ASSERT_TRUE(set_->enter(next));
        }
    EXPECT_GT(others, 2800);
    EXPECT_LT(moved, others / 50);
    for (std::size_t i : {0U, 1U, 3U})
        EXPECT_LE(set_->in_progress(i), 4000U * 125 / 300 + 1);
}

TEST_F(EndpointSetTest, AnOverloadedEndpointIsBetterThanNone)
{
    options_.balance = Balance::hash_user;
    make({1, 1});
    for (int i = 0; i < 50; ++i)
        set_->enter(0);
    EndpointSet::Tried tried;
    tried.set(1);
    EXPECT_EQ(set_->choose(turns_, affinity_of("ada"), tried, now_), 0U);
}

TEST_F(EndpointSetTest, FailuresInARowEjectAndASuccessBetweenThemDoesNot)
{
    make({1, 1, 1});
    fail(0, 4);
    set_->succeeded(0);
    fail(0, 4);
    EXPECT_TRUE(set_->fit(0, now_));
    fail(0, 1);
    EXPECT_FALSE(set_->fit(0, now_));
    EXPECT_EQ(shares(30)[0], 0);
    EXPECT_EQ(set_->ejections(0), 1U);
}

TEST_F(EndpointSetTest, AnEjectedEndpointComesBackSlowly)
{
    make({1, 1, 1});
    fail(0, 5);
    now_ += 4900ms;
    EXPECT_EQ(shares(30)[0], 0);
    now_ += 200ms;  // back since 100 ms: a tenth of its weight
    int first = shares(2100)[0];
    EXPECT_NEAR(first, 100, 10);
    now_ += 5s;
    EXPECT_NEAR(shares(2500)[0], 500, 30) << "half of its weight";
    now_ += 5s;
    EXPECT_NEAR(shares(3000)[0], 1000, 30);
}

TEST_F(EndpointSetTest, AnEndpointThatFailsAgainIsOutForLonger)
{
    make({1, 1, 1});
    fail(0, 5);
    now_ += 5001ms;
    ASSERT_TRUE(set_->fit(0, now_));
    fail(0, 1);  // one is enough now
    EXPECT_FALSE(set_->fit(0, now_ + 9s));
    EXPECT_TRUE(set_->fit(0, now_ + 11s));
    for (int i = 0; i < 12; ++i) {
        now_ += 301s;
        if (i < 10)
            now_ -= 1ms;  // not so long ago that it begins anew
        fail(0, 1);
    }
    EXPECT_TRUE(set_->fit(0, now_ + 301s)) << "never longer than time_max";
}

TEST_F(EndpointSetTest, NoMoreThanItsPartOfTheEndpointsIsEjected)
{
    make({1, 1, 1, 1});
    fail(0, 5);
    fail(1, 5);
    fail(2, 5);
    EXPECT_FALSE(set_->fit(0, now_));
    EXPECT_FALSE(set_->fit(1, now_));
    EXPECT_TRUE(set_->fit(2, now_)) << "50 % of four";
    make({1});
    fail(0, 50);
    EXPECT_TRUE(set_->fit(0, now_)) << "there is no other";
}

TEST_F(EndpointSetTest, WhenNoneIsFitAllAreTried)
{
    options_.ejection.percent_max = 100;
    make({1, 1});
    fail(0, 5);
    fail(1, 5);
    EXPECT_FALSE(set_->any_fit({}, now_));
    EXPECT_EQ(shares(20), (std::vector<int>{10, 10}));
}

TEST_F(EndpointSetTest, OneThatWasTriedIsNotChosenAgain)
{
    for (Balance balance : {Balance::round_robin, Balance::least_requests, Balance::hash_user}) {
        options_.balance = balance;
        make({1, 5, 2});
        EndpointSet::Tried tried;
        for (int i = 0; i < 3; ++i) {
            auto index = set_->choose(turns_, 7, tried, now_);
            ASSERT_TRUE(index);
            EXPECT_FALSE(tried[*index]);
            tried.set(*index);
        }
        EXPECT_EQ(set_->choose(turns_, 7, tried, now_), std::nullopt);
    }
}

TEST_F(EndpointSetTest, ChecksNeedTheirThresholdsBothWays)
{
    make({1, 1});
    set_->checked(0, false, "503", now_);
    set_->checked(0, false, "503", now_);
    set_->checked(0, true, "", now_);
    set_->checked(0, false, "503", now_);
    set_->checked(0, false, "503", now_);
    EXPECT_TRUE(set_->fit(0, now_));
    set_->checked(0, false, "503", now_);
    EXPECT_FALSE(set_->fit(0, now_));
    set_->checked(0, true, "", now_);
    EXPECT_FALSE(set_->fit(0, now_));
    set_->checked(0, true, "", now_);
    EXPECT_TRUE(set_->fit(0, now_));
    EXPECT_LT(shares(100)[0], 20) << "it comes back slowly, too";
}

TEST_F(EndpointSetTest, AnEndpointTakesNoMoreThanItMay)
{
    options_.connections_max = 2;
    make({1});
    EXPECT_TRUE(set_->enter(0));
    EXPECT_TRUE(set_->enter(0));
    EXPECT_FALSE(set_->enter(0));
    set_->leave(0);
    EXPECT_TRUE(set_->enter(0));
    EXPECT_EQ(set_->in_progress(), 2U);
}

TEST(RetryBudget, AllowsAPartOfTheRequestsAndAFewPerSecond)
{
    RetryOptions options;
    RetryCredit credit;
    int allowed = 0;
    for (int i = 0; i < 100; ++i) {
        credit.earn(options);
        allowed += credit.take() ? 1 : 0;
    }
    EXPECT_EQ(allowed, 20);

    RetryFloor floor;
    SteadyTime now = coarse_now();
    allowed = 0;
    for (int i = 0; i < 100; ++i)
        allowed += floor.take(options, now) ? 1 : 0;
    EXPECT_EQ(allowed, 3);
    for (int i = 0; i < 100; ++i)
        allowed += floor.take(options, now + std::chrono::milliseconds{i * 100}) ? 1 : 0;
    EXPECT_NEAR(allowed, 3 + 30, 1);
}

}  // namespace
}  // namespace gatehouse::http
