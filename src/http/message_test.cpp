// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

std::string list(const Headers& headers)
{
    std::string text;
    for (Field field : headers)
        text += std::string(field.name) + '=' + std::string(field.value) + ';';
    return text;
}

}  // namespace

TEST(Headers, KeepOrderAndLowerNames)
{
    Headers headers;
    headers.add("Host", "h");
    headers.add("X-A", "1");
    headers.add("x-a", "2");
    EXPECT_EQ(list(headers), "host=h;x-a=1;x-a=2;");
    EXPECT_EQ(headers.find("x-a"), "1");
    EXPECT_EQ(headers.find("x-b"), std::nullopt);
    EXPECT_EQ(headers.count("x-a"), 2U);
    EXPECT_TRUE(headers.contains("host"));
}

TEST(Headers, SetReplacesEveryFieldOfTheName)
{
    Headers headers;
    headers.add("a", "1");
    headers.add("b", "2");
    headers.add("A", "3");
    headers.set("a", "a longer value");
    EXPECT_EQ(list(headers), "a=a longer value;b=2;");
    headers.set("A", "x");
    EXPECT_EQ(list(headers), "a=x;b=2;");
    headers.set("C", "");
    EXPECT_EQ(list(headers), "a=x;b=2;c=;");
}

TEST(Headers, SettingAFieldOverAndOverDoesNotGrow)
{
    Headers headers;
    headers.set("a", "12345");
    auto bytes = headers.bytes();
    for (int i = 0; i < 1000; ++i)
        headers.set("a", "54321");
    EXPECT_EQ(headers.bytes(), bytes);
}

TEST(Headers, RemoveTellsHowMany)
{
    Headers headers;
    headers.add("a", "1");
    headers.add("b", "2");
    headers.add("a", "3");
    EXPECT_EQ(headers.remove("A"), 2U);
    EXPECT_EQ(headers.remove("a"), 0U);
    EXPECT_EQ(list(headers), "b=2;");
    headers.clear();
    EXPECT_EQ(headers.size(), 0U);
    EXPECT_EQ(headers.bytes(), 0U);
}

TEST(Headers, TakeValuesOfTheirOwn)
{
    Headers headers;
    headers.add("a", std::string(15, 'x'));
    // Each of these makes the buffer grow while the value points into it.
    for (int i = 0; i < 20; ++i) {
        headers.add("b", *headers.find("a"));
        headers.set("c", *headers.find("a"));
        headers.set("a", std::string(*headers.find("a")) + 'y');
    }
    EXPECT_EQ(headers.find("a"), std::string(15, 'x') + std::string(20, 'y'));
    EXPECT_EQ(headers.find("c"), std::string(15, 'x') + std::string(19, 'y'));
    headers.set("a", *headers.find("c"));
    EXPECT_EQ(headers.find("a"), headers.find("c"));
}

TEST(Request, SplitsItsTarget)
{
    Request request;
    request.head.target = "/a/b?c=d?e";
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query(), "c=d?e");
    request.head.target = "/a";
    EXPECT_EQ(request.path(), "/a");
    EXPECT_EQ(request.query(), "");
    request.head.target = "/a?";
    EXPECT_EQ(request.query(), "");
}

TEST(StringBody, GivesItsTextOnce)
{
    StringBody body("text");
    EXPECT_EQ(body.length(), 4U);
    EXPECT_EQ(testing::run_task(body.read()), "text");
    EXPECT_EQ(testing::run_task(body.read()), "");
    EXPECT_EQ(testing::run_task(body.read()), "");
}

TEST(Iequals, ComparesAsciiLettersOnly)
{
    EXPECT_TRUE(iequals("Content-Length", "cONTENT-lENGTH"));
    EXPECT_FALSE(iequals("a", "ab"));
    EXPECT_FALSE(iequals("[", "{"));
    EXPECT_FALSE(iequals("\xc3\x89", "\xc3\xa9"));
}

TEST(ReasonPhrase, IsKnownForWhatWeSend)
{
    EXPECT_EQ(reason_phrase(404), "Not Found");
    EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace gatehouse::http
