// SPDX-License-Identifier: Apache-2.0
#include "gateway/recent_requests.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

http::Request request(std::string id, std::string target = "/a?secret=1")
{
    http::Request request;
    request.request_id = std::move(id);
    request.head.method = "GET";
    request.head.target = std::move(target);
    return request;
}

TEST(RecentRequests, AreFoundByTheirIdAsLongAsTheyAreRecent)
{
    RecentRequests recent;
    for (int i = 0; i < 5; ++i)
        recent.begin(request(std::to_string(i)), 3);
    EXPECT_EQ(recent.find("1"), nullptr);
    ASSERT_NE(recent.find("2"), nullptr);
    EXPECT_EQ(recent.find("4")->path.view(), "/a") << "never the query";
}

TEST(RecentRequests, OfTheSameIdTheNewestIsFound)
{
    RecentRequests recent;
    recent.begin(request("same", "/old"), 3);
    recent.begin(request("same", "/new"), 3);
    EXPECT_EQ(recent.find("same")->path.view(), "/new");
}

TEST(RecentRequests, ARequestThatWasForgottenTakesNobodyElsesPlace)
{
    RecentRequests recent;
    auto first = recent.begin(request("first"), 2);
    auto second = recent.begin(request("second"), 2);
    recent.begin(request("third"), 2);
    EXPECT_EQ(recent.at(first), nullptr);
    EXPECT_NE(recent.at(second), nullptr);
    recent.begin(request("fourth"), 5);  // another number is kept from now on
    EXPECT_EQ(recent.at(second), nullptr);
}

TEST(RecentRequests, NoneAreRememberedWhenNoneAreWanted)
{
    RecentRequests recent;
    EXPECT_EQ(recent.at(recent.begin(request("id"), 0)), nullptr);
    EXPECT_EQ(recent.find("id"), nullptr);
}

TEST(RecentRequests, LongTextsAreCutAndStrangeOnesMadeHarmless)
{
    RecentRequests recent;
    recent.begin(request("id", "/" + std::string(1000, 'x')), 1);
    EXPECT_EQ(recent.find("id")->path.view().size(), 256U);
    recent.begin(request("id", "/\xff\x01"), 1);
    EXPECT_EQ(to_json(*recent.find("id")).at("path"), "/??");
}

TEST(RecentRequests, TellTheStepThatRefused)
{
    RecentRequests recent;
    auto* it = recent.at(recent.begin(request("id"), 1));
    it->step = Step::permission;
    it->status = 403;
    auto steps = to_json(*it).at("steps").as_array();
    auto outcome = [&](Step step) { return steps[static_cast<std::size_t>(step)].at("outcome").as_string(); };
    EXPECT_EQ(outcome(Step::authentication), "passed");
    EXPECT_EQ(outcome(Step::permission), "refused");
    EXPECT_EQ(outcome(Step::upstream), "not reached");
}

}  // namespace
}  // namespace gatehouse::gateway
