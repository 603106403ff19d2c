// SPDX-License-Identifier: Apache-2.0
#include "notifier/notice.hpp"

#include "base/encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::notifier {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

events::Event event_of(std::string type)
{
    events::Event event;
    event.id = "0190163d-8694-739b-aea5-966c26f8ad91";
    event.type = std::move(type);
    event.data = {{"name", "holiday.mp4"}, {"reason", "The video has no audio track."}};
    event.data["derived"] = json::array{json::object{{"id", "0190163d-8694-839b-aea5-966c26f8ad91"},
                                                     {"name", "holiday.mp3"},
                                                     {"type", "audio/mpeg"},
                                                     {"processor", "audio"}}};
    return event;
}

TEST(Notice, TellsWhatWasMade)
{
    auto notice = make_notice(event_of("file.processed"), "ada", "https://files.example.org");
    ASSERT_TRUE(notice);
    EXPECT_EQ(notice->subject, "\"holiday.mp4\" is ready");
    EXPECT_EQ(notice->text, "Hello ada,\n"
                            "\n"
                            "your file \"holiday.mp4\" is ready.\n"
                            "\n"
                            "Made from it:\n"
                            "  - holiday.mp3 (audio/mpeg)\n"
                            "    id 0190163d-8694-839b-aea5-966c26f8ad91\n"
                            "\n"
                            "Your files: https://files.example.org/console/\n");
}

TEST(Notice, TellsWhyItFailedAndWhatCouldBeMade)
{
    auto notice = make_notice(event_of("file.failed"), "ada", "https://files.example.org");
    ASSERT_TRUE(notice);
    EXPECT_EQ(notice->subject, "\"holiday.mp4\" could not be processed");
    EXPECT_THAT(notice->text, HasSubstr("\n  The video has no audio track.\n"));
    EXPECT_THAT(notice->text, HasSubstr("holiday.mp3"));
    EXPECT_THAT(notice->text, HasSubstr("https://files.example.org/console/\n"));
}

TEST(Notice, SaysNothingOfWhatWasNotMade)
{
    auto event = event_of("file.processed");
    event.data["derived"] = json::array{};
    EXPECT_THAT(make_notice(event, "ada", "x")->text, Not(HasSubstr("Made from it")));
    event.data.erase("derived");
    EXPECT_THAT(make_notice(event, "ada", "x")->text, Not(HasSubstr("Made from it")));
}

TEST(Notice, OtherEventsGetNoMail)
{
    EXPECT_FALSE(make_notice(event_of("file.uploaded"), "ada", "x"));
    EXPECT_FALSE(make_notice(event_of("user.created"), "ada", "x"));
}

TEST(Notice, SurvivesDataOfAnotherShape)
{
    auto event = event_of("file.failed");
    event.data = {{"name", 7}, {"derived", json::array{1, json::object{{"name", json::array{}}}}}};
    EXPECT_TRUE(make_notice(event, "ada", "x"));
}

TEST(Notice, AnEndlessListIsCut)
{
    auto event = event_of("file.processed");
    json::array many;
    for (int i = 0; i < 1000; ++i)
        many.push_back(json::object{{"name", "x"}, {"type", "y"}, {"id", "z"}});
    event.data["derived"] = many;
    auto notice = make_notice(event, "ada", "x");
    EXPECT_LT(notice->text.size(), 2000U);
    EXPECT_THAT(notice->text, HasSubstr("  ...\n"));
}

TEST(Printable, KeepsOrdinaryNames)
{
    EXPECT_EQ(printable("Urlaub \u00fc \u4e2d\u6587 \U0001F600.mp4"), "Urlaub \u00fc \u4e2d\u6587 \U0001F600.mp4");
}

TEST(Printable, HasNoLineBreaksAndNoTurnsOfDirection)
{
    EXPECT_EQ(printable("a\r\nb\tc"), "a  b c");
    EXPECT_EQ(printable("photo_\u202egpj.exe"), "photo_gpj.exe");
    EXPECT_EQ(printable("a\u2028b\u2066c\u2069\u200e\u0085"), "abc ");
    EXPECT_EQ(printable("bad \xff"), "?");
}

TEST(Printable, IsBounded)
{
    std::string name;
    for (int i = 0; i < 200; ++i)
        name += "\u4e2d";
    EXPECT_LE(printable(name).size(), 203U);
    EXPECT_TRUE(is_utf8(printable(name)));
}

}  // namespace
}  // namespace gatehouse::notifier
