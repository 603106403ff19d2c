// SPDX-License-Identifier: Apache-2.0
#include "worker/processor.hpp"

#include "base/encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Processor command_processor()
{
    return {.name = "upper", .types = {"text/plain"}, .command = {"tr", "{input}", "{output}"}, .suffix = ".txt"};
}

TEST(Processor, TakesTheTypesItNames)
{
    Processor audio = Config{}.processors.at(0);
    EXPECT_TRUE(takes(audio, "video/mp4"));
    EXPECT_TRUE(takes(audio, "audio/ogg"));
    EXPECT_TRUE(takes(audio, "Video/MP4; codecs=\"avc1\""));
    EXPECT_FALSE(takes(audio, "image/png"));
    EXPECT_FALSE(takes(audio, "videos/mp4"));
    EXPECT_FALSE(takes(audio, "video"));
    EXPECT_FALSE(takes(audio, ""));
    Processor exact{.name = "x", .types = {"image/png"}, .command = {}, .suffix = ""};
    EXPECT_TRUE(takes(exact, "image/png"));
    EXPECT_FALSE(takes(exact, "image/png2"));
    Processor all{.name = "x", .types = {"*/*"}, .command = {}, .suffix = ""};
    EXPECT_TRUE(takes(all, "application/octet-stream"));
}

TEST(Processor, TheBuiltInOnesAreKnownByTheirOnlyWord)
{
    EXPECT_EQ(kind_of(Config{}.processors.at(0)), Kind::audio);
    EXPECT_EQ(kind_of(Config{}.processors.at(1)), Kind::thumbnail);
    EXPECT_EQ(kind_of(command_processor()), Kind::command);
}

TEST(DerivedName, SwapsTheSuffix)
{
    EXPECT_EQ(derived_name("holiday.mp4", ".mp3"), "holiday.mp3");
    EXPECT_EQ(derived_name("a.tar.gz", ".mp3"), "a.tar.mp3");
    EXPECT_EQ(derived_name("noise", ".mp3"), "noise.mp3");
    EXPECT_EQ(derived_name(".hidden", ".mp3"), ".hidden.mp3");
    EXPECT_EQ(derived_name("ends.", ".mp3"), "ends.mp3");
    EXPECT_EQ(derived_name("", ".mp3"), ".mp3");
}

TEST(DerivedName, StaysWithinTheLimitAndWithinCharacters)
{
    std::string long_name;
    for (int i = 0; i < 127; ++i)
        long_name += "\u00e9";  // two bytes each
    long_name += "x";
    std::string name = derived_name(long_name, ".mp3");
    EXPECT_LE(name.size(), 255U);
    EXPECT_TRUE(is_utf8(name));
    EXPECT_TRUE(name.ends_with("\u00e9.mp3"));
}

TEST(TypeOfSuffix, KnowsTheCommonOnes)
{
    EXPECT_EQ(type_of_suffix(".mp3"), "audio/mpeg");
    EXPECT_EQ(type_of_suffix(".jpg"), "image/jpeg");
    EXPECT_EQ(type_of_suffix(".webm"), "video/webm");
    EXPECT_EQ(type_of_suffix(".exe"), "application/octet-stream");
}

TEST(ExpandCommand, FillsPlaceholdersAnywhereInAWord)
{
    EXPECT_THAT(expand_command({"convert", "{input}[0]", "-o={output}", "{other}"}, "/s/in", "/s/out.png"),
                ElementsAre("convert", "/s/in[0]", "-o=/s/out.png", "{other}"));
}

TEST(ExpandCommand, DoesNotFillWhatItFilledIn)
{
    EXPECT_THAT(expand_command({"{input}"}, "/s/{input}", "/s/out"), ElementsAre("/s/{input}"));
}

TEST(LastLine, IsTheLastOneWithSomethingInIt)
{
    EXPECT_EQ(last_line("first\nsecond\n\n  \n", "/s"), "second");
    EXPECT_EQ(last_line("", "/s"), "");
    EXPECT_EQ(last_line("\n\n", "/s"), "");
    EXPECT_EQ(last_line("progress 1%\rprogress 2%\r", "/s"), "progress 2%");
}

TEST(LastLine, SaysNothingOfOurDirectoriesOrAddresses)
{
    EXPECT_EQ(last_line("/s/job/input: Invalid data\n", "/s/job"), "input: Invalid data");
    EXPECT_EQ(last_line("[mov,mp4 @ 0x55aef8c712c0] moov atom not found", "/s"), "moov atom not found");
    EXPECT_EQ(last_line("[important] keep this", "/s"), "[important] keep this");
}

TEST(LastLine, IsFitToBeShown)
{
    EXPECT_EQ(last_line("a\x1b[31mred\x07", "/s"), "a [31mred ");
    EXPECT_EQ(last_line("bad \xff\xfe bytes", "/s"), "bad ?? bytes");
    EXPECT_LE(last_line(std::string(5000, 'x'), "/s").size(), 200U);
}

TEST(CheckConfig, TheDefaultsAreGood) { EXPECT_THAT(check(Config{}), IsEmpty()); }

struct BadSetting {
    const char* what;
    void (*spoil)(Config&);
    const char* expected;
};

class BadSettingTest : public ::testing::TestWithParam<BadSetting> {};

TEST_P(BadSettingTest, IsNamed)
{
    Config config;
    config.processors = {command_processor()};
    ASSERT_THAT(check(config), IsEmpty());
    GetParam().spoil(config);
    EXPECT_THAT(check(config), ElementsAre(HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(
    CheckConfig, BadSettingTest,
    ::testing::Values(
        BadSetting{"NoJobs", [](Config& c) { c.jobs = 0; }, "worker.jobs"},
        BadSetting{"NoAttempts", [](Config& c) { c.attempts_max = 0; }, "worker.attempts_max"},
        BadSetting{"NameThatIsAPath", [](Config& c) { c.processors[0].name = "../x"; }, "processors[0].name"},
        BadSetting{"SameNameTwice", [](Config& c) { c.processors.push_back(c.processors[0]); }, "there twice"},
        BadSetting{"NoTypes", [](Config& c) { c.processors[0].types.clear(); }, ".types"},
        BadSetting{"TypeWithoutSlash", [](Config& c) { c.processors[0].types = {"video"}; }, "\"video\""},
        BadSetting{"SuffixThatIsAPath", [](Config& c) { c.processors[0].suffix = "./../x"; }, ".suffix"},
        BadSetting{"NoCommand", [](Config& c) { c.processors[0].command.clear(); }, ".command"},
        BadSetting{"UnknownBuiltin", [](Config& c) { c.processors[0].command = {"builtin:x", "{output}"}; },
                   "builtin:x"},
        BadSetting{"NoOutput", [](Config& c) { c.processors[0].command = {"tr"}; }, "{output}"},
        BadSetting{"NoTime", [](Config& c) { c.processors[0].timeout = {}; }, ".timeout"},
        BadSetting{"NoMemory", [](Config& c) { c.processors[0].memory_bytes_max = 1; }, ".memory_bytes_max"}),
    [](const auto& info) { return std::string(info.param.what); });

}  // namespace
}  // namespace gatehouse::worker
