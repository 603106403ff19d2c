// SPDX-License-Identifier: Apache-2.0
#include "identity/session_cookie.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace gatehouse::identity {
namespace {

http::Headers with_cookies(std::initializer_list<std::string_view> fields)
{
    http::Headers headers;
    headers.add("host", "gate.example");
    for (auto field : fields)
        headers.add("cookie", field);
    return headers;
}

std::vector<std::string> stripped(std::initializer_list<std::string_view> fields)
{
    auto headers = with_cookies(fields);
    strip_session_cookies(headers);
    std::vector<std::string> left;
    for (http::Field field : headers)
        if (field.name == "cookie")
            left.emplace_back(field.value);
    EXPECT_TRUE(headers.contains("host"));
    return left;
}

TEST(FindCookie, FindsTheOneOfThatName)
{
    EXPECT_EQ(find_cookie(with_cookies({"a=1; __Host-gatehouse=tok.en.x; b=2"}), access_cookie), "tok.en.x");
    EXPECT_EQ(find_cookie(with_cookies({"a=1", "__Host-gatehouse=t"}), access_cookie), "t");
    EXPECT_EQ(find_cookie(with_cookies({"__Host-gatehouse=a=b"}), access_cookie), "a=b");
    EXPECT_EQ(find_cookie(with_cookies({"__Host-gatehouse-refresh=r; __Host-gatehouse=t"}), refresh_cookie), "r");
}

TEST(FindCookie, FindsNothingWhenAbsentOrSentTwice)
{
    EXPECT_EQ(find_cookie(with_cookies({}), access_cookie), std::nullopt);
    EXPECT_EQ(find_cookie(with_cookies({"x__Host-gatehouse=t; __Host-gatehouse2=t; gatehouse=t"}), access_cookie),
              std::nullopt);
    EXPECT_EQ(find_cookie(with_cookies({"__Host-gatehouse"}), access_cookie), std::nullopt);
    EXPECT_EQ(find_cookie(with_cookies({"__Host-gatehouse=a; __Host-gatehouse=b"}), access_cookie), std::nullopt);
    EXPECT_EQ(find_cookie(with_cookies({"__Host-gatehouse=a", "__Host-gatehouse=a"}), access_cookie), std::nullopt);
}

TEST(StripSessionCookies, LeavesTheCookiesOfOthers)
{
    using Fields = std::vector<std::string>;
    EXPECT_EQ(stripped({"a=1; __Host-gatehouse=t; b=2"}), Fields{"a=1; b=2"});
    EXPECT_EQ(stripped({"__Host-gatehouse=t; __Host-gatehouse-refresh=r"}), Fields{});
    EXPECT_EQ(stripped({"__Host-gatehouse=t", "b=\"x y\"; c"}), Fields{"b=\"x y\"; c"});
    EXPECT_EQ(stripped({"__Host-gatehouse=t; __Host-gatehouse=u;a=1"}), Fields{"a=1"});
    EXPECT_EQ(stripped({" __Host-gatehouse =t; a=1"}), Fields{"a=1"});
    EXPECT_EQ(stripped({"a=1;b=2;"}), Fields{"a=1;b=2;"});
    EXPECT_EQ(stripped({}), Fields{});
}

TEST(MakeSessionCookie, CannotBeReadByScriptsOrSentFromElsewhere)
{
    EXPECT_EQ(make_session_cookie(access_cookie, "a.b.c", std::chrono::seconds{600}),
              "__Host-gatehouse=a.b.c; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Strict");
    EXPECT_EQ(make_session_cookie(refresh_cookie, "", std::chrono::seconds{0}),
              "__Host-gatehouse-refresh=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
}

struct Origin {
    std::string_view site, origin, host, scheme;
    bool same;
};

TEST(SameOrigin, IsBelievedFromTheBrowserOnly)
{
    const Origin cases[] = {
        {"same-origin", "", "gate.example", "https", true},
        {"same-origin", "https://evil.example", "gate.example", "https", true},
        {"same-site", "https://gate.example", "gate.example", "https", false},
        {"cross-site", "https://gate.example", "gate.example", "https", false},
        {"none", "", "gate.example", "https", false},
        {"", "https://gate.example", "gate.example", "https", true},
        {"", "https://GATE.example", "gate.example:443", "https", true},
        {"", "http://gate.example:8080", "gate.example:8080", "http", true},
        {"", "http://gate.example:8081", "gate.example:8080", "http", false},
        {"", "http://gate.example", "gate.example", "https", false},
        {"", "https://gate.example.evil.example", "gate.example", "https", false},
        {"", "https://evil.example", "gate.example", "https", false},
        {"", "null", "gate.example", "https", false},
        {"", "", "gate.example", "https", false},
        {"", "https://", "", "https", false},
    };
    for (const Origin& one : cases) {
        http::Request request;
        request.scheme = one.scheme;
        if (!one.host.empty())
            request.head.headers.add("host", one.host);
        if (!one.site.empty())
            request.head.headers.add("sec-fetch-site", one.site);
        if (!one.origin.empty())
            request.head.headers.add("origin", one.origin);
        EXPECT_EQ(is_same_origin(request), one.same) << one.site << ' ' << one.origin << ' ' << one.host;
    }
}

}  // namespace
}  // namespace gatehouse::identity
