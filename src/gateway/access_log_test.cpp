// SPDX-License-Identifier: Apache-2.0
#include "gateway/access_log.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

AccessRecord answered(int status)
{
    AccessRecord record;
    record.status = status;
    record.began = std::chrono::steady_clock::now();
    return record;
}

const AccessLogSampling hardly{.ratio = 0, .slow = std::chrono::hours{1}};

TEST(AccessLog, WithoutSamplingEveryRequestIsLogged) { EXPECT_TRUE(is_logged({}, answered(200))); }

TEST(AccessLog, ARequestThatFailedIsAlwaysLogged)
{
    EXPECT_FALSE(is_logged(hardly, answered(200)));
    EXPECT_FALSE(is_logged(hardly, answered(304)));
    EXPECT_TRUE(is_logged(hardly, answered(401)));
    EXPECT_TRUE(is_logged(hardly, answered(503)));
    AccessRecord broken = answered(200);
    broken.complete = false;
    EXPECT_TRUE(is_logged(hardly, broken));
}

TEST(AccessLog, ASlowRequestIsAlwaysLogged)
{
    AccessLogSampling sampling{.ratio = 0, .slow = std::chrono::milliseconds{500}};
    AccessRecord slow = answered(200);
    slow.began -= std::chrono::milliseconds{501};
    EXPECT_TRUE(is_logged(sampling, slow));
    EXPECT_FALSE(is_logged(sampling, answered(200)));
}

TEST(AccessLog, ARatioLogsThatPartOfTheOthers)
{
    AccessLogSampling sampling{.ratio = 0.25, .slow = std::chrono::hours{1}};
    int logged = 0;
    for (int i = 0; i < 10'000; ++i)
        logged += is_logged(sampling, answered(200)) ? 1 : 0;
    EXPECT_NEAR(logged, 2500, 300);
}

}  // namespace
}  // namespace gatehouse::gateway
