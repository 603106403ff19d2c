// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace gatehouse {

TEST(Hex, EncodesLowerCaseAndDecodesWhatItEncodes)
{
    EXPECT_EQ(to_hex(std::string("\x00\x7f\xff\xa0", 4)), "007fffa0");
    EXPECT_EQ(from_hex("007fffa0"), std::string("\x00\x7f\xff\xa0", 4));
    EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, RefusesUpperCaseForeignCharactersAndHalfBytes)
{
    for (const char* text : {"AB", "0g", "0", "0x00", " 00", "00\n"})
        EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

struct Base64Case {
    const char* bytes;
    const char* text;
};

class Base64Vectors : public ::testing::TestWithParam<Base64Case> {};

TEST_P(Base64Vectors, OfRfc4648)
{
    EXPECT_EQ(to_base64(GetParam().bytes), GetParam().text);
    EXPECT_EQ(from_base64(GetParam().text), GetParam().bytes);
    std::string unpadded = GetParam().text;
    unpadded.erase(std::min(unpadded.find('='), unpadded.size()));
    EXPECT_EQ(to_base64url(GetParam().bytes), unpadded);
    EXPECT_EQ(from_base64url(unpadded), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Section10, Base64Vectors,
                         ::testing::Values(Base64Case{"", ""}, Base64Case{"f", "Zg=="}, Base64Case{"fo", "Zm8="},
                                           Base64Case{"foo", "Zm9v"}, Base64Case{"foob", "Zm9vYg=="},
                                           Base64Case{"fooba", "Zm9vYmE="}, Base64Case{"foobar", "Zm9vYmFy"}));

TEST(Base64, TheTwoAlphabetsAreNotMixed)
{
    EXPECT_EQ(to_base64("\xfb\xff\xbf"), "+/+/");
    EXPECT_EQ(to_base64url("\xfb\xff\xbf"), "-_-_");
    EXPECT_EQ(from_base64("-_-_"), std::nullopt);
    EXPECT_EQ(from_base64url("+/+/"), std::nullopt);
}

TEST(Base64, OnlyTheOneTextOfAValueIsAccepted)
{
    for (const char* text : {"Zg", "Zg=", "Zg===", "=", "==", "===", "====", "A===", "Z=g=", "Zh==", "Zm9=", "Zm9v\n",
                             " Zm9v", "Zm9v====", "Zm=v"})
        EXPECT_EQ(from_base64(text), std::nullopt) << text;
    for (const char* text : {"Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Zm 9v", "Zm9v\n"})
        EXPECT_EQ(from_base64url(text), std::nullopt) << text;
}

TEST(Base64, AllByteValuesSurvive)
{
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
        EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
        bytes += static_cast<char>(i);
    }
}

TEST(Utf8, AcceptsEveryLengthAtItsLimits)
{
    for (const char* text : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "gr\xc3\xbc\xc3\x9f"})
        EXPECT_TRUE(is_utf8(text)) << to_hex(text);
    EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, RefusesOverlongSurrogateTruncatedAndTooLarge)
{
    for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe0\xa0",
                             "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
                             "\xf5\x80\x80\x80", "\xfe", "\xff", "a\xe2\x82"})
        EXPECT_FALSE(is_utf8(text)) << to_hex(text);
}

}  // namespace gatehouse
