// SPDX-License-Identifier: Apache-2.0
#include "app/readiness.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app {

namespace {

TEST(Readiness, IsReadLineByLine)
{
    auto readiness = parse_readiness("ok   started\n"
                                     "ok   not stopping\n"
                                     "FAIL files.store\n"
                                     "warn events.store\n"
                                     "not ready, without files.store, events.store\n");
    ASSERT_TRUE(readiness);
    EXPECT_FALSE(readiness->ready);
    ASSERT_EQ(readiness->checks.size(), 4U);
    EXPECT_EQ(readiness->checks[1].name, "not stopping");
    EXPECT_TRUE(readiness->checks[1].passes);
    EXPECT_TRUE(readiness->checks[1].required);
    EXPECT_EQ(readiness->checks[2].name, "files.store");
    EXPECT_FALSE(readiness->checks[2].passes);
    EXPECT_TRUE(readiness->checks[2].required);
    EXPECT_FALSE(readiness->checks[3].passes);
    EXPECT_FALSE(readiness->checks[3].required);
}

TEST(Readiness, SaysWhatIsRead)
{
    std::string lines = "ok   started\n"
                        "FAIL not stopping\n"
                        "FAIL files.store\n"
                        "warn events.store\n"
                        "not ready, without files.store, events.store: it is stopping\n";
    auto readiness = parse_readiness(lines);
    ASSERT_TRUE(readiness);
    EXPECT_EQ(to_lines(*readiness), lines);
}

TEST(Readiness, IsNotWhatSomethingElseAnswers)
{
    for (const char* text : {"", "ready", "ready\n", "ready\nready\n", "<html>\n", "ok   started\n",
                             "ok started\nready\n", "ok   started\nfine\n", "ok   started\nready\nok   more\n",
                             "ok   started\nready\nmore", "ok   \nready\n", "ok   \x1b[2J\nready\n"})
        EXPECT_FALSE(parse_readiness(text)) << text;
}

TEST(Readiness, IsOneLine)
{
    using Check = Readiness::Check;
    Check running{"not stopping", true, true};
    EXPECT_EQ(summarize({.ready = true, .checks = {{"started", true, true}, running}}), "ready");
    EXPECT_EQ(summarize({.ready = true, .checks = {{"events.store", false, false}}}), "ready, without events.store");
    EXPECT_EQ(summarize({.ready = false, .checks = {{"auth", false, true}, {"files.store", false, true}}}),
              "not ready, without auth, files.store");
    EXPECT_EQ(summarize({.ready = false, .checks = {{"started", false, true}, running, {"auth", false, true}}}),
              "not ready, without auth: it is starting");
    EXPECT_EQ(summarize({.ready = false, .checks = {{"not stopping", false, true}}}), "not ready: it is stopping");
}

}  // namespace

}  // namespace gatehouse::app
