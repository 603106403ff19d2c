// SPDX-License-Identifier: Apache-2.0
#include "http/range.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

std::string range_text(std::string_view field, std::uint64_t size)
{
    auto result = parse_range(field, size);
    switch (result.kind) {
    case RangeResult::Kind::whole: return "whole";
    case RangeResult::Kind::unsatisfiable: return "unsatisfiable";
    case RangeResult::Kind::ranges: break;
    }
    std::string text;
    for (const ByteRange& range : result.ranges)
        text += (text.empty() ? "" : ",") + std::to_string(range.first) + '-' + std::to_string(range.last);
    return text;
}

}  // namespace

TEST(Range, OneRangeIsCutToTheContent)
{
    EXPECT_EQ(range_text("bytes=0-0", 10), "0-0");
    EXPECT_EQ(range_text("bytes=2-5", 10), "2-5");
    EXPECT_EQ(range_text("Bytes= 2-5 ", 10), "2-5");
    EXPECT_EQ(range_text("bytes=2-", 10), "2-9");
    EXPECT_EQ(range_text("bytes=2-100", 10), "2-9");
    EXPECT_EQ(range_text("bytes=-3", 10), "7-9");
    EXPECT_EQ(range_text("bytes=-100", 10), "0-9");
    EXPECT_EQ(range_text("bytes=9-", 10), "9-9");
}

TEST(Range, BehindTheContentIsUnsatisfiable)
{
    EXPECT_EQ(range_text("bytes=10-", 10), "unsatisfiable");
    EXPECT_EQ(range_text("bytes=10-20", 10), "unsatisfiable");
    EXPECT_EQ(range_text("bytes=-0", 10), "unsatisfiable");
    EXPECT_EQ(range_text("bytes=0-", 0), "unsatisfiable");
    EXPECT_EQ(range_text("bytes=-5", 0), "unsatisfiable");
}

TEST(Range, NumbersTooLargeAreBehindEveryContent)
{
    EXPECT_EQ(range_text("bytes=0-99999999999999999999999", 10), "0-9");
    EXPECT_EQ(range_text("bytes=99999999999999999999999-", 10), "unsatisfiable");
    EXPECT_EQ(range_text("bytes=-99999999999999999999999", 10), "0-9");
    EXPECT_EQ(range_text("bytes=0-18446744073709551615", UINT64_MAX), "0-18446744073709551614");
}

TEST(Range, WhatIsNoRangeMeansTheWhole)
{
    for (auto field :
         {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,a", "bytes=1-2;4-5", "bytes=,", "bytes=1-2,5-2",
          "bytes=5-2", "bytes=1", "items=0-1", "bytes 0-1", "bytes=+1-2", "bytes=1 -2", "bytes=--1", "bytes=0x1-2"})
        EXPECT_EQ(range_text(field, 10), "whole") << field;
}

TEST(Range, SeveralComeInTheirOrder)
{
    EXPECT_EQ(range_text("bytes=0-9,1000-1009", 5000), "0-9,1000-1009");
    EXPECT_EQ(range_text("bytes=1000-1009 , -5,, 0-9 ,", 5000), "1000-1009,4995-4999,0-9");
    EXPECT_EQ(range_text("bytes=0-9,7000-", 5000), "0-9") << "behind the content";
    EXPECT_EQ(range_text("bytes=6000-6001,7000-", 5000), "unsatisfiable");
}

TEST(Range, ThoseThatOverlapOrAreCloseBecomeOne)
{
    EXPECT_EQ(range_text("bytes=0-9,5-20", 5000), "0-20");
    EXPECT_EQ(range_text("bytes=1-2,4-5", 10), "1-5");
    EXPECT_EQ(range_text("bytes=0-,0-,0-", 5000), "0-4999");
    EXPECT_EQ(range_text("bytes=3000-3009,100-199,0-99,3005-3020", 5000), "3000-3020,0-199");
    EXPECT_EQ(range_text("bytes=0-9,2000-2009,5-2500", 5000), "0-2500");
    EXPECT_EQ(range_text("bytes=0-18446744073709551615,-1", UINT64_MAX), "0-18446744073709551614");
}

TEST(Range, TooManyMeanTheWhole)
{
    std::string field = "bytes=0-0";
    for (int i = 1; i < 32; ++i)
        field += "," + std::to_string(i * 1000) + "-" + std::to_string(i * 1000);
    EXPECT_NE(range_text(field, 1'000'000), "whole");
    EXPECT_EQ(range_text(field + ",50000-50000", 1'000'000), "whole");
}

TEST(IfNoneMatch, ComparesWeaklyWithEachTag)
{
    EXPECT_TRUE(matches_if_none_match("\"a\"", "\"a\""));
    EXPECT_TRUE(matches_if_none_match("W/\"a\"", "\"a\""));
    EXPECT_TRUE(matches_if_none_match("\"x\", W/\"y\" ,,\"a\"", "\"a\""));
    EXPECT_TRUE(matches_if_none_match(" * ", "\"a\""));
    EXPECT_TRUE(matches_if_none_match("\"a,b\"", "\"a,b\""));
    for (auto field : {"", "\"b\"", "a", "\"a", "\"A\"", "\"x\" \"a\"", "\"x,\"a\"", "*, \"b\"", "w/\"a\""})
        EXPECT_FALSE(matches_if_none_match(field, "\"a\"")) << field;
}

TEST(Disposition, NamesAFileSafely)
{
    EXPECT_EQ(attachment_disposition("a b.txt"), "attachment; filename=\"a b.txt\"");
    EXPECT_EQ(attachment_disposition("/etc/../x.txt"), "attachment; filename=\"x.txt\"");
    EXPECT_EQ(attachment_disposition("C:\\dir\\x.txt"), "attachment; filename=\"x.txt\"");
    EXPECT_EQ(attachment_disposition("a\r\nX: \x7f"), "attachment; filename=\"a__X: _\"");
    EXPECT_EQ(attachment_disposition("a\"b.txt"), "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt");
    EXPECT_EQ(attachment_disposition("\xc3\xa9t\xc3\xa9.mp3"),
              "attachment; filename=\"_t_.mp3\"; filename*=UTF-8''%C3%A9t%C3%A9.mp3");
    EXPECT_EQ(attachment_disposition("100%.txt"), "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt");
    EXPECT_EQ(attachment_disposition("\xff.txt"), "attachment; filename=\"_.txt\"");
    EXPECT_EQ(attachment_disposition(".\xb5"), "attachment; filename=\"._\"");
    for (auto name : {"", "..", ".", " ", "a/", "../"})
        EXPECT_EQ(attachment_disposition(name), "attachment; filename=\"download\"") << name;
}

TEST(Disposition, LongNamesAreCutBetweenCharacters)
{
    std::string name;
    for (int i = 0; i < 200; ++i)
        name += "\xc3\xa9";
    auto field = attachment_disposition(name);
    auto back = find_disposition_filename(field);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->size(), 254U);
    EXPECT_EQ(*back, name.substr(0, 254));
}

TEST(Disposition, EncodedNameWins)
{
    EXPECT_EQ(find_disposition_filename("form-data; name=\"f\"; filename=\"a.txt\""), "a.txt");
    EXPECT_EQ(find_disposition_filename("attachment; filename=a.txt"), "a.txt");
    EXPECT_EQ(find_disposition_filename("attachment; filename=\"a.txt\"; filename*=utf-8'en'%e2%82%ac.txt"),
              "\xe2\x82\xac.txt");
    EXPECT_EQ(find_disposition_filename("attachment; filename*=iso-8859-1''%e9; filename=b"), "b");
    EXPECT_EQ(find_disposition_filename("attachment; filename*=UTF-8''%ff; filename=b"), "b");
    EXPECT_EQ(find_disposition_filename("attachment; filename*=UTF-8''a%00b"), std::nullopt);
    EXPECT_EQ(find_disposition_filename("attachment"), std::nullopt);
    EXPECT_EQ(find_disposition_filename("attachment; filename=\"open"), std::nullopt);
}

TEST(Parameter, IsFoundAndUnquoted)
{
    EXPECT_EQ(find_parameter("text/plain; charset=utf-8", "charset"), "utf-8");
    EXPECT_EQ(find_parameter("text/plain ;; Charset = x", "charset"), std::nullopt);
    EXPECT_EQ(find_parameter("text/plain ;; Charset=\"x\" ; y=z", "charset"), "x");
    EXPECT_EQ(find_parameter("text/plain; a=\";charset=no\"; charset=yes", "charset"), "yes");
    EXPECT_EQ(find_parameter("f; a=\"b\\\"c\\\\d\\e\"", "a"), "b\"c\\d\\e");
    EXPECT_EQ(find_parameter("f; a=\"\"", "a"), "");
    EXPECT_EQ(find_parameter("f; a=b c; d=e", "d"), std::nullopt);
    EXPECT_EQ(find_parameter("charset=utf-8", "charset"), std::nullopt);
    EXPECT_EQ(find_parameter("", "a"), std::nullopt);
}

}  // namespace gatehouse::http
