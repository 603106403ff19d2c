#include "base/blocking_pool.hpp"
#include "base/encoding.hpp"
#include "base/id.hpp"
#include "base/io_threads.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include <gtest/gtest.h>
using namespace gatehouse;
TEST(Base, Smoke) { EXPECT_TRUE(is_id(make_id())); EXPECT_FALSE(parse_json(R"({"a":1,"a":2})")); EXPECT_TRUE(parse_json(R"({"a":1,"b":[1,"x",null]})")); }
