// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.hpp"
#include "base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace gatehouse {

TEST(Metrics, TheSameNameAndLabelsAreTheSameCounter)
{
    Metrics metrics;
    auto& first = metrics.counter("gatehouse_test_total", "Tests.", {{"result", "ok"}});
    auto& same = metrics.counter("gatehouse_test_total", "Tests.", {{"result", "ok"}});
    auto& other = metrics.counter("gatehouse_test_total", "Tests.", {{"result", "failed"}});
    EXPECT_EQ(&first, &same);
    EXPECT_NE(&first, &other);
    first.Increment();
    same.Increment();
    EXPECT_THAT(metrics.serialize(), ::testing::HasSubstr("gatehouse_test_total{result=\"ok\"} 2"));
    EXPECT_THAT(metrics.serialize(), ::testing::HasSubstr("# TYPE gatehouse_test_total counter"));
}

TEST(Metrics, ADurationHasBucketsInSeconds)
{
    Metrics metrics;
    metrics.duration("gatehouse_test_seconds", "Time.").Observe(0.07);
    auto text = metrics.serialize();
    EXPECT_THAT(text, ::testing::HasSubstr("gatehouse_test_seconds_bucket{le=\"0.05\"} 0"));
    EXPECT_THAT(text, ::testing::HasSubstr("gatehouse_test_seconds_bucket{le=\"0.075\"} 1"));
}

TEST(RandomBytes, HaveTheLengthAskedForAndDiffer)
{
    std::set<std::string> seen;
    for (int round = 0; round < 200; ++round)  // across several refills of the block
        for (std::size_t count : {16U, 32U, 64U, 65U, 1000U}) {
            auto bytes = random_bytes(count);
            EXPECT_EQ(bytes.size(), count);
            EXPECT_TRUE(seen.insert(bytes.substr(0, 16)).second);
        }
    EXPECT_EQ(random_bytes(0), "");
}

}  // namespace gatehouse
