// SPDX-License-Identifier: Apache-2.0
#include "files/file_name.hpp"

#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace gatehouse::files {

namespace {

using namespace std::string_literals;

TEST(FileName, OrdinaryNamesStayAsTheyAre)
{
    for (const auto& name :
         {"holiday.mp4"s, "a b (1).tar.gz"s, ".hidden"s, "\xC3\xBC\x62\x65r.txt"s, "\xE6\x97\xA5\xE6\x9C\xAC.mp4"s,
          "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9.png"s, "quote\"'.txt"s, "a;b&c=d%20.txt"s, "<script>.html"s})
        EXPECT_EQ(sanitize_name(name), name);
}

TEST(FileName, DirectoriesAreDropped)
{
    EXPECT_EQ(sanitize_name("../../etc/passwd"), "passwd");
    EXPECT_EQ(sanitize_name("C:\\Users\\me\\video.mp4"), "video.mp4");
    EXPECT_EQ(sanitize_name("/absolute"), "absolute");
    EXPECT_EQ(sanitize_name("a/b\\c"), "c");
    EXPECT_EQ(sanitize_name("directory/"), "file");
}

TEST(FileName, NothingUsableIsFile)
{
    for (const auto& name : {""s, "."s, ".."s, "../.."s, "   "s, "\r\n"s, "\0"s, "\xE2\x80\xAE"s, " .. "s})
        EXPECT_EQ(sanitize_name(name), "file") << name;
}

TEST(FileName, ControlCharactersAreDropped)
{
    EXPECT_EQ(sanitize_name("a\r\nSet-Cookie: x\0y\x1b[31m\x7f.mp4"s), "aSet-Cookie: xy[31m.mp4");
    EXPECT_EQ(sanitize_name("a\xC2\x85\xC2\x9B.txt"), "a.txt") << "C1";
    EXPECT_EQ(sanitize_name("a\xE2\x80\xA8\xE2\x80\xA9.txt"), "a.txt") << "line and paragraph separators";
}

TEST(FileName, CharactersThatReorderTextAreDropped)
{
    for (const char* character :
         {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA", "\xE2\x80\xAB", "\xE2\x80\xAC", "\xE2\x80\xAD",
          "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA7", "\xE2\x81\xA8", "\xE2\x81\xA9", "\xEF\xBB\xBF"})
        EXPECT_EQ(sanitize_name("invoice"s + character + "fdp.exe"), "invoicefdp.exe");
}

TEST(FileName, WhatIsNotUtf8IsReplaced)
{
    const std::string mark = "\xEF\xBF\xBD";
    EXPECT_EQ(sanitize_name("caf\xE9.mp4"), "caf" + mark + ".mp4");
    EXPECT_EQ(sanitize_name("\xC0\xAFx"), mark + mark + "x") << "an overlong slash";
    EXPECT_EQ(sanitize_name("\xED\xA0\x80x"), mark + mark + mark + "x") << "a surrogate";
    EXPECT_EQ(sanitize_name("x\xF0\x9F\x8E"), "x" + mark + mark + mark) << "cut in the middle";
    EXPECT_EQ(sanitize_name("\xFF"), mark);
}

TEST(FileName, LongNamesAreCutBetweenCharacters)
{
    EXPECT_EQ(sanitize_name(std::string(300, 'x')), std::string(255, 'x'));
    std::string name = "x";
    for (int i = 0; i < 100; ++i)
        name += "\xE6\x97\xA5";
    std::string cut = sanitize_name(name);
    EXPECT_EQ(cut.size(), 253U);
    EXPECT_TRUE(is_utf8(cut));
    EXPECT_EQ(sanitize_name(std::string(100'000, '\xFF')).size(), 255U);
}

}  // namespace

}  // namespace gatehouse::files
