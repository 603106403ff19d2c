// SPDX-License-Identifier: Apache-2.0
#include "http/request_figures.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace gatehouse::http {
namespace {

std::uint64_t count_of(const RequestFigures::Total& total)
{
    return std::accumulate(total.seconds.buckets.begin(), total.seconds.buckets.end(), std::uint64_t{0});
}

TEST(RequestFigures, MethodsThatNobodyNamesAreOne)
{
    EXPECT_EQ(to_string(known_method("GET")), "GET");
    EXPECT_EQ(to_string(known_method("PATCH")), "PATCH");
    EXPECT_EQ(to_string(known_method("get")), "_OTHER");
    EXPECT_EQ(to_string(known_method("BREW")), "_OTHER");
    EXPECT_EQ(to_string(known_method("_OTHER")), "_OTHER");
}

TEST(RequestFigures, AKindComesBackFromItsKey)
{
    RequestKind kind{.method = KnownMethod::delete_,
                     .https = true,
                     .version = Version::http10,
                     .status = 999,
                     .error = RequestError::other};
    RequestKind same = RequestKind::of_key(kind.key());
    EXPECT_EQ(same.method, kind.method);
    EXPECT_EQ(same.https, kind.https);
    EXPECT_EQ(same.version, kind.version);
    EXPECT_EQ(same.status, kind.status);
    EXPECT_EQ(same.error, kind.error);
}

TEST(RequestFigures, TheThreadsAreAddedUp)
{
    RequestFigures figures(2);
    std::size_t group = figures.group("/files");
    EXPECT_EQ(figures.group("/files"), group);
    RequestFigures::Sample sample{.kind = {.method = KnownMethod::get, .status = 200},
                                  .took = std::chrono::milliseconds{30},
                                  .request_bytes = 0,
                                  .response_bytes = 2000};
    figures.thread(0).count(group, sample);
    figures.thread(1).count(group, sample);
    auto totals = figures.totals();
    ASSERT_EQ(totals.size(), 1u);
    const auto& total = totals.begin()->second;
    EXPECT_EQ(count_of(total), 2u);
    EXPECT_EQ(total.seconds.buckets[3], 2u);  // up to 50 ms
    EXPECT_NEAR(total.seconds.sum, 0.06, 1e-9);
    EXPECT_EQ(total.response_bytes.buckets[1], 2u);
    EXPECT_EQ(total.response_bytes.sum, 4000);
}

TEST(RequestFigures, AGroupOfTooManyKindsCountsTheFurtherOnesTogether)
{
    RequestFigures figures(1);
    std::size_t group = figures.group("/any");
    for (int status = 100; status < 600; ++status)
        figures.thread(0).count(group, {.kind = {.method = KnownMethod::get, .status = status}});
    auto totals = figures.totals();
    EXPECT_LT(totals.size(), 150u);
    std::uint64_t all = 0;
    for (const auto& [key, total] : totals)
        all += count_of(total);
    EXPECT_EQ(all, 500u);
}

}  // namespace
}  // namespace gatehouse::http
