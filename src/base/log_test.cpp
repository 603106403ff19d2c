// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gatehouse {

namespace {

std::string as_json(std::string_view text)
{
    std::string out;
    log::append_json_string(out, text);
    return out;
}

class Log : public ::testing::Test {
protected:
    void TearDown() override { log::configure(log::Format::text, log::Level::info); }

    // What `write` puts on standard error.
    template <class F>
    std::string captured(F write)
    {
        ::testing::internal::CaptureStderr();
        write();
        return ::testing::internal::GetCapturedStderr();
    }
};

}  // namespace

TEST(LogJson, StringsAreEscaped)
{
    EXPECT_EQ(as_json("plain"), "\"plain\"");
    EXPECT_EQ(as_json("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(as_json("a\nb\r\t\x1b[31m\x7f"), R"("a\u000ab\u000d\u0009\u001b[31m\u007f")");
    EXPECT_EQ(as_json(std::string_view("\0", 1)), R"("\u0000")");
    EXPECT_EQ(as_json("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
}

TEST(LogJson, WhatIsNotUtf8IsStillJson)
{
    for (const char* text : {"\xff", "a\xc3", "\xed\xa0\x80", "ok \xc3\xbc bad \xfe"})
        EXPECT_TRUE(parse_json(as_json(text))) << as_json(text);
}

TEST_F(Log, AJsonLineIsOneObjectOnOneLine)
{
    log::configure(log::Format::json, log::Level::info);
    auto line = captured([] {
        log::info("worker", "two\nlines",
                  {{"file", "a\"\n"},
                   {"ms", 12},
                   {"share", 0.5},
                   {"done", true},
                   {"nan", std::numeric_limits<double>::quiet_NaN()}});
    });
    ASSERT_EQ(std::ranges::count(line, '\n'), 1) << line;
    auto value = parse_json(line);
    ASSERT_TRUE(value) << value.error() << ": " << line;
    const auto& object = value->as_object();
    EXPECT_EQ(find_string(object, "level"), "info");
    EXPECT_EQ(find_string(object, "role"), "worker");
    EXPECT_EQ(find_string(object, "message"), "two\nlines");
    EXPECT_EQ(find_string(object, "file"), "a\"\n");
    EXPECT_EQ(find_integer(object, "ms"), 12);
    EXPECT_EQ(find_bool(object, "done"), true);
    EXPECT_TRUE(object.at("nan").is_null());
    EXPECT_EQ(find_string(object, "time")->size(), std::string("2026-11-24T03:41:00.123Z").size());
}

TEST_F(Log, AValueCannotBeginALineOfItsOwn)
{
    auto line = captured([] { log::info("worker", "got", {{"name", "x\n2026-11-24 error auth: forged"}}); });
    EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
}

TEST_F(Log, TheLevelIsALowerBoundAndMayChange)
{
    auto write = [] {
        log::debug("worker", "d");
        log::info("worker", "i");
        log::warn("worker", "w");
        log::error("worker", "e");
    };
    log::configure(log::Format::text, log::Level::warn);
    EXPECT_EQ(std::ranges::count(captured(write), '\n'), 2);
    log::set_level(log::Level::debug);
    EXPECT_EQ(std::ranges::count(captured(write), '\n'), 4);
    EXPECT_TRUE(log::enabled(log::Level::debug));
}

}  // namespace gatehouse
