// SPDX-License-Identifier: Apache-2.0
#include "console/assets.hpp"
#include "console/console_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace gatehouse::console {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Pages : public testing::ConsoleTest {};

const Asset& page() { return *std::ranges::find(assets(), "index.html", &Asset::name); }

TEST_F(Pages, TheRootLeadsToTheConsole)
{
    for (const char* target : {"/", "/console"}) {
        auto reply = send("GET", target);
        EXPECT_EQ(reply.status, 303) << target;
        EXPECT_EQ(reply.header("location"), "/console/");
    }
}

TEST_F(Pages, EveryViewIsThePage)
{
    for (const char* target :
         {"/console/", "/console/profile", "/console/setup", "/console/a/view/of/later", "/console/?x=1"}) {
        auto reply = send("GET", target);
        EXPECT_EQ(reply.status, 200) << target;
        EXPECT_EQ(reply.header("content-type"), "text/html; charset=utf-8");
        EXPECT_EQ(reply.header("cache-control"), "no-cache");
        EXPECT_EQ(reply.body, page().identity);
    }
}

TEST_F(Pages, ThePageHasNothingInline)
{
    std::string text(page().identity);
    EXPECT_THAT(text, Not(HasSubstr("<style")));
    EXPECT_THAT(text, Not(HasSubstr(" style=")));
    EXPECT_THAT(text, Not(HasSubstr("data:")));
    EXPECT_THAT(text, Not(HasSubstr("<script>")));
    EXPECT_THAT(text, Not(HasSubstr("http:")));
    EXPECT_THAT(text, Not(HasSubstr("https:")));
}

TEST_F(Pages, APageThatTheBrowserHasIsNotSentAgain)
{
    std::string etag = send("GET", "/console/").header("etag");
    ASSERT_THAT(etag, StartsWith("\""));
    for (const std::string& known : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
        auto reply = send("GET", "/console/users", {{"if-none-match", known}});
        EXPECT_EQ(reply.status, 304) << known;
        EXPECT_EQ(reply.header("etag"), etag);
        EXPECT_EQ(reply.body, "");
    }
    EXPECT_EQ(send("GET", "/console/", {{"if-none-match", "\"other\""}}).status, 200);
}

TEST_F(Pages, EveryAnswerSaysWhatABrowserMayDo)
{
    auth_.will_answer(http::Problem::unauthorized("wrong_credentials", "No."));
    std::vector<testing::Reply> replies{
        send("GET", "/"),
        send("GET", "/console/"),
        send("GET", "/console/assets/none"),
        send("GET", "/console/session"),
        send("POST", "/console/session", own_form(), R"({"username":"a","password":"b"})"),
        send("POST", "/console/session"),
        send("PUT", "/console/")};
    for (const auto& reply : replies) {
        std::string policy = reply.header("content-security-policy");
        for (const char* part :
             {"default-src 'none';", "script-src 'self';", "style-src 'self';", "connect-src 'self';",
              "img-src 'self' blob:;", "font-src 'self';", "media-src 'self' blob:;", "frame-ancestors 'none';",
              "base-uri 'none';", "form-action 'self';", "require-trusted-types-for 'script'"})
            EXPECT_THAT(policy, HasSubstr(part)) << reply.status;
        EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
        EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
        EXPECT_EQ(reply.header("referrer-policy"), "no-referrer");
        EXPECT_EQ(reply.header("cross-origin-opener-policy"), "same-origin");
        EXPECT_EQ(reply.header("cross-origin-resource-policy"), "same-origin");
        EXPECT_THAT(reply.header("permissions-policy"), HasSubstr("camera=()"));
    }
}

TEST_F(Pages, AssetsMayBeKeptForEver)
{
    for (const Asset& asset : assets()) {
        if (asset.name == "index.html")
            continue;
        auto reply = send("GET", "/console/" + std::string(asset.name));
        EXPECT_EQ(reply.status, 200) << asset.name;
        EXPECT_EQ(reply.header("content-type"), asset.content_type);
        EXPECT_EQ(reply.header("cache-control"), "public, max-age=31536000, immutable");
        EXPECT_EQ(reply.body, asset.identity);
        EXPECT_THAT(std::string(page().identity), HasSubstr("/console/assets/"));
    }
}

TEST_F(Pages, AnUnknownAssetIsNotThePage)
{
    auto reply = send("GET", "/console/assets/index-00000000.js");
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.code(), "not_found");
}

TEST_F(Pages, NoPathLeadsOutOfTheAssets)
{
    for (const char* target : {"/console/assets/..%2findex.html", "/console/assets/%2e%2e", "/console/assets/a%00"})
        EXPECT_EQ(send("GET", target).status, 404) << target;
}

TEST_F(Pages, OtherMethodsAreRefused)
{
    auto reply = send("DELETE", "/console/");
    EXPECT_EQ(reply.status, 405);
    EXPECT_THAT(reply.header("allow"), HasSubstr("GET"));
}

class Compression : public Pages {
protected:
    void SetUp() override
    {
        if (page().gzip.empty() || page().brotli.empty())
            GTEST_SKIP() << "the placeholder is not compressed";
    }
};

TEST_F(Compression, TheClientChoosesTheForm)
{
    struct Case {
        const char* accepted;
        std::string_view coding;
        std::string_view bytes;
    };
    for (const Case& c :
         {Case{"gzip, deflate, br, zstd", "br", page().brotli}, Case{"gzip", "gzip", page().gzip},
          Case{"br;q=0, GZIP;q=0.5", "gzip", page().gzip}, Case{"br;q=0.0,gzip;q=0", "", page().identity},
          Case{"bro", "", page().identity}, Case{"", "", page().identity}}) {
        auto reply = send("GET", "/console/", {{"accept-encoding", c.accepted}});
        EXPECT_EQ(reply.header("content-encoding"), c.coding) << c.accepted;
        EXPECT_EQ(reply.body, c.bytes) << c.accepted;
        EXPECT_EQ(reply.header("vary"), "accept-encoding");
        EXPECT_EQ(reply.header("content-type"), "text/html; charset=utf-8");
    }
}

TEST_F(Compression, EachFormHasItsOwnTag)
{
    std::string plain = send("GET", "/console/").header("etag");
    std::string brotli = send("GET", "/console/", {{"accept-encoding", "br"}}).header("etag");
    EXPECT_NE(plain, brotli);
    EXPECT_EQ(send("GET", "/console/", {{"accept-encoding", "br"}, {"if-none-match", plain}}).status, 200);
    EXPECT_EQ(send("GET", "/console/", {{"accept-encoding", "br"}, {"if-none-match", brotli}}).status, 304);
}

}  // namespace
}  // namespace gatehouse::console
