// SPDX-License-Identifier: Apache-2.0
#include "http/url.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

TEST(PercentDecode, IsStrict)
{
    EXPECT_EQ(percent_decode("a%20b+c%C3%a9"), "a b+c\xc3\xa9");
    EXPECT_EQ(percent_decode(""), "");
    for (auto text : {"%", "%4", "%zz", "%4z", "a%00b", "% 41"})
        EXPECT_EQ(percent_decode(text), std::nullopt) << text;
}

TEST(PercentEncode, LeavesUnreservedAlone)
{
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("a b/%\xc3\xa9"), "a%20b%2F%25%C3%A9");
    std::string all;
    for (int byte = 1; byte < 256; ++byte)
        all += static_cast<char>(byte);
    EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(QueryParameter, FirstOneIsDecoded)
{
    EXPECT_EQ(find_query_parameter("a=1&b=2&b=3", "b"), "2");
    EXPECT_EQ(find_query_parameter("name=a+b%26c%3Dd", "name"), "a b&c=d");
    EXPECT_EQ(find_query_parameter("n%61me=x", "name"), "x");
    EXPECT_EQ(find_query_parameter("a", "a"), "");
    EXPECT_EQ(find_query_parameter("a=", "a"), "");
    EXPECT_EQ(find_query_parameter("a=b=c", "a"), "b=c");
    EXPECT_EQ(find_query_parameter("&&a=1", "a"), "1");
    EXPECT_EQ(find_query_parameter("ab=1", "a"), std::nullopt);
    EXPECT_EQ(find_query_parameter("", "a"), std::nullopt);
    EXPECT_EQ(find_query_parameter("a=%zz", "a"), std::nullopt);
    EXPECT_EQ(find_query_parameter("%zz=1&a=2", "a"), "2");
}

TEST(UnambiguousPath, RefusesWhatAServerCouldResolve)
{
    for (auto path : {"/", "/a", "/a/", "/a/b.c", "/a/..b", "/a/b..", "/...", "/%61", "/a%20b", "/a;x/b"})
        EXPECT_TRUE(is_unambiguous_path(path)) << path;
    for (auto path :
         {"",      "a",         "*",       "//",     "/a//b",  "//a",    "/.",    "/..",   "/a/../b", "/a/./b",
          "/a/..", "/%2e%2e/a", "/.%2E/a", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/a%",     "/a%zz"})
        EXPECT_FALSE(is_unambiguous_path(path)) << path;
}

TEST(Endpoint, IsReadFromAUrl)
{
    auto text = [](std::string_view url) {
        auto endpoint = parse_endpoint(url);
        return endpoint ? endpoint->scheme + ' ' + endpoint->host + ' ' + std::to_string(endpoint->port) + ' ' +
                              endpoint->prefix
                        : std::string("none");
    };
    EXPECT_EQ(text("http://backend"), "http backend 80 ");
    EXPECT_EQ(text("HTTPS://backend/"), "https backend 443 ");
    EXPECT_EQ(text("http://127.0.0.1:8080/api/v1/"), "http 127.0.0.1 8080 /api/v1");
    EXPECT_EQ(text("http://[::1]:8080"), "http ::1 8080 ");
    EXPECT_EQ(text("http://a_b.ns.svc:1"), "http a_b.ns.svc 1 ");
    EXPECT_EQ(text("unix:/run/app.sock"), "unix /run/app.sock 0 ");
    for (auto url : {"",
                     "backend",
                     "backend:80",
                     "http://",
                     "http:///a",
                     "http://:80",
                     "ftp://a",
                     "http://u@a",
                     "http://a:0",
                     "http://a:65536",
                     "http://a:",
                     "http://a:b",
                     "http://a:80x",
                     "http://[::1",
                     "http://[]",
                     "http://[a]",
                     "http://[::1]80",
                     "http://[::1]x80",
                     "http://a/b?c",
                     "http://a/b#c",
                     "http://a/../b",
                     "http://a//b",
                     "http://a b",
                     "http://a/b c",
                     "unix:",
                     "unix:/",
                     "unix:relative"})
        EXPECT_EQ(text(url), "none") << url;
}

TEST(Endpoint, AuthorityNamesAnUnusualPort)
{
    EXPECT_EQ(parse_endpoint("http://a")->authority(), "a");
    EXPECT_EQ(parse_endpoint("http://a:443")->authority(), "a:443");
    EXPECT_EQ(parse_endpoint("https://a:443")->authority(), "a");
    EXPECT_EQ(parse_endpoint("http://[::1]:81")->authority(), "[::1]:81");
    EXPECT_EQ(parse_endpoint("unix:/a")->authority(), "localhost");
}

}  // namespace gatehouse::http
