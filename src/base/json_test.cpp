// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse {

namespace {

using ::testing::HasSubstr;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST(Json, ReadsEveryKindOfValue)
{
    auto value =
        parse_json(R"( {"a":[1,-2,3.5,1e3,true,false,null,"x\u00e9\n"],"b":{"c":{}},"d":18446744073709551615} )");
    ASSERT_TRUE(value) << value.error();
    const auto& a = value->at("a").as_array();
    EXPECT_EQ(a.at(1).as_int64(), -2);
    EXPECT_EQ(a.at(2).as_double(), 3.5);
    EXPECT_EQ(a.at(3).as_double(), 1000);
    EXPECT_TRUE(a.at(6).is_null());
    EXPECT_EQ(a.at(7).as_string(), "x\xc3\xa9\n");
    EXPECT_TRUE(value->at("b").at("c").as_object().empty());
    EXPECT_EQ(value->at("d").as_uint64(), 18446744073709551615U);
    EXPECT_EQ(parse_json("7"), json::value(7));
    EXPECT_EQ(parse_json("\"\""), json::value(""));
}

TEST(Json, LongStringsAndManyKeysComeThroughWhole)
{
    json::object object;
    for (int i = 0; i < 1000; ++i)
        object[std::to_string(i)] = std::string(static_cast<std::size_t>(i), 'x').c_str();
    EXPECT_EQ(parse_json(json::serialize(object)), json::value(object));
}

TEST(Json, ADuplicateKeyIsRefusedAtAnyDepthWithItsName)
{
    for (const char* text : {R"({"sub":1,"sub":1})", R"({"a":{"sub":1,"sub":2}})", R"([{"b":{},"sub":[],"sub":{}}])",
                             R"({"sub":{"sub":1},"sub":2})", R"({"s\u0075b":1,"sub":2})"}) {
        auto value = parse_json(text);
        ASSERT_FALSE(value) << text;
        EXPECT_THAT(value.error(), HasSubstr("duplicate key \"sub\" at byte ")) << text;
    }
    EXPECT_TRUE(parse_json(R"({"a":{"a":{"a":1}},"b":{"a":1}})")) << "the same key in different objects";
}

TEST(Json, NumbersThatDoNotFitAreRefused)
{
    for (const char* text : {"1e400", "-1e400", "18446744073709551616", "-9223372036854775809",
                             "[100000000000000000000000000000000000000]"})
        EXPECT_FALSE(parse_json(text)) << text;
    EXPECT_EQ(parse_json("9223372036854775807"), json::value(9223372036854775807));
    EXPECT_EQ(parse_json("-9223372036854775808"), json::value(std::numeric_limits<std::int64_t>::min()));
    EXPECT_TRUE(parse_json("1e300"));
    EXPECT_TRUE(parse_json("0.00000000000000000000000000000000001"));
}

class NotJson : public ::testing::TestWithParam<const char*> {};

TEST_P(NotJson, IsRefusedWithAPlace)
{
    auto value = parse_json(GetParam());
    ASSERT_FALSE(value) << GetParam();
    EXPECT_THAT(value.error(), HasSubstr(" at byte ")) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Table, NotJson,
                         ::testing::Values("", " ", "{", "[1,", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "tru", "nul",
                                           "01", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "-", "\"abc", "\"\\x\"",
                                           "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\xff\"", "\"\xc0\x80\"", "\"\n\"",
                                           "{} {}", "1 2", "[1]x", "// c\n1", "/* c */ 1", "\xef\xbb\xbf{}",
                                           "{\"a\\u0000\":1}", "[\"a\":1]", "{\"a\"}", "{1:2}"));

TEST(Json, ANulByteInTheTextIsRefused)
{
    EXPECT_FALSE(parse_json(std::string_view("{}\0", 3)));
    EXPECT_FALSE(parse_json(std::string_view("\"a\0\"", 4)));
}

TEST(Json, DepthIsBounded)
{
    EXPECT_TRUE(parse_json(nested(32)));
    EXPECT_FALSE(parse_json(nested(33)));
    EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(Json, FindersWantTheRightType)
{
    auto object = parse_json(R"({"s":"x","i":-5,"u":18446744073709551615,"d":1.0,"b":true,"n":null})")->as_object();
    EXPECT_EQ(find_string(object, "s"), "x");
    EXPECT_EQ(find_string(object, "i"), std::nullopt);
    EXPECT_EQ(find_string(object, "missing"), std::nullopt);
    EXPECT_EQ(find_integer(object, "i"), -5);
    for (const char* key : {"u", "d", "s", "b", "n", "missing"})
        EXPECT_EQ(find_integer(object, key), std::nullopt) << key;
    EXPECT_EQ(find_bool(object, "b"), true);
    EXPECT_EQ(find_bool(object, "n"), std::nullopt);
}

}  // namespace gatehouse
