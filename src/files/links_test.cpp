// SPDX-License-Identifier: Apache-2.0
// Links that anybody may download by: what they open, and what they do not.
#include "files/files_fixture.hpp"

#include "files/download_link.hpp"

namespace gatehouse::files {

namespace {

using testing::Answer;
using testing::FilesFixture;

constexpr std::string_view site = "https://gate.example";

class LinksTest : public FilesFixture {
protected:
    Answer make(const std::string& id, const std::string& form, const std::string& token)
    {
        http::StringBody body(form);
        return call("POST", "/files/" + id + "/links", token, {{"content-type", "application/json"}}, &body);
    }
    // The target of a new link.
    std::string link(const std::string& id, int seconds = 60)
    {
        Answer answer = make(id, "{\"expires_in\":" + std::to_string(seconds) + "}", alice_token_);
        EXPECT_EQ(answer.status, 201) << answer.body;
        std::string url = find_string(answer.object(), "url").value_or("");
        EXPECT_TRUE(url.starts_with(site)) << url;
        return url.substr(site.size());
    }
    Answer follow(const std::string& target, const std::string& method = "GET") { return call(method, target, ""); }
    void expect_refused(const std::string& target, const std::string& code = "link_invalid")
    {
        Answer answer = follow(target);
        EXPECT_EQ(answer.status, 403) << target;
        EXPECT_EQ(answer.code(), code) << target;
    }
};

TEST_F(LinksTest, WhoHasALinkNeedsNoToken)
{
    std::string id = upload_id("for everybody");
    std::string target = link(id);
    Answer answer = follow(target);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "for everybody");
    EXPECT_TRUE(answer.header("content-disposition").starts_with("attachment"));
    EXPECT_EQ(follow(target, "HEAD").announced_length, 13U);
    EXPECT_EQ(call("GET", target, "", {{"range", "bytes=0-2"}}).body, "for");
    EXPECT_EQ(call("GET", target, bob_token_).status, 200) << "whoever else comes with it";
    EXPECT_EQ(call("GET", target, "no token at all").status, 200);
    EXPECT_EQ(follow("/files/" + id + "/content").status, 401);
    EXPECT_EQ(follow("/files/" + id + target.substr(target.find('?'))).status, 401) << "the content alone";
}

TEST_F(LinksTest, ItSaysWhenItEndsAndDoes)
{
    std::string id = upload_id("soon gone");
    Answer made = make(id, R"({"expires_in":60})", alice_token_);
    TimePoint end = std::chrono::floor<std::chrono::seconds>(clock_.now()) + std::chrono::seconds{60};
    std::string expires_at = find_string(made.object(), "expires_at").value_or("");
    EXPECT_LE(expires_at, format_rfc3339(end));
    EXPECT_EQ(made.header("cache-control"), "no-store");
    std::string target = link(id);
    clock_.advance(std::chrono::seconds{58});
    EXPECT_EQ(follow(target).status, 200);
    clock_.advance(std::chrono::seconds{3});
    expect_refused(target, "link_expired");
}

TEST_F(LinksTest, NothingInItCanBeChanged)
{
    std::string id = upload_id("mine");
    std::string other = upload_id("another");
    std::string target = link(id);
    std::string query = target.substr(target.find('?'));
    auto signature = query.find("&signature=");
    std::string expires = query.substr(1, signature - 1);
    std::string signed_part = query.substr(signature + 1);
    std::string path = "/files/" + id + "/content?";
    expect_refused("/files/" + other + "/content" + query);
    expect_refused(path + expires + "0&" + signed_part);
    expect_refused(path + "expires=0" + expires.substr(8) + "&" + signed_part);
    expect_refused(path + signed_part);
    expect_refused(path + expires + "&signature=");
    expect_refused(path + expires + "&signature");
    expect_refused(target.substr(0, target.size() - 1));
    expect_refused(target + "A");
    expect_refused(path + expires + "&signature=" + std::string(43, 'A'));
    expect_refused(path + "expires=99999999999999999999&" + signed_part);
    expect_refused(path + "expires=-1&" + signed_part);
    EXPECT_EQ(follow(target).status, 200);
}

TEST_F(LinksTest, ItEndsWithTheFile)
{
    std::string id = upload_id("removed");
    std::string target = link(id);
    EXPECT_EQ(call("DELETE", "/files/" + id, alice_token_).status, 204);
    EXPECT_EQ(follow(target).status, 404);
    EXPECT_EQ(follow(target).code(), "file_not_found");
    EXPECT_EQ(call("POST", "/files/" + id + "/restore", alice_token_).status, 200);
    expect_refused(target, "link_withdrawn");
    EXPECT_EQ(follow(link(id)).status, 200);
}

TEST_F(LinksTest, AllOfAFileCanBeTakenBack)
{
    std::string id = upload_id("mine");
    std::string other = link(upload_id("another"));
    std::vector<std::string> links{link(id), link(id)};
    std::string path = "/files/" + id + "/links";
    EXPECT_EQ(call("DELETE", path, "").status, 401);
    EXPECT_EQ(call("DELETE", path, bob_token_).status, 404);
    EXPECT_EQ(call("DELETE", path, token_for(bob_, {"files:read", "files:read:any"})).status, 404);
    EXPECT_EQ(follow(links[0]).status, 200);
    EXPECT_EQ(call("DELETE", path, token_for(alice_, {"files:read"})).status, 204);
    EXPECT_EQ(call("DELETE", "/files/" + make_id() + "/links", alice_token_).status, 404);
    for (const auto& target : links)
        expect_refused(target, "link_withdrawn");
    EXPECT_EQ(follow(other).status, 200);
    links.push_back(link(id));
    EXPECT_EQ(follow(links.back()).status, 200);
    std::string changed = links.back();
    changed.replace(changed.find("generation=1"), 12, "generation=0");
    expect_refused(changed);
    EXPECT_EQ(call("DELETE", path, token_for(bob_, {"files:read", "files:write:any"})).status, 204);
    expect_refused(links.back(), "link_withdrawn");
}

TEST_F(LinksTest, OnlyWhoMayReadTheFileGivesItAway)
{
    std::string id = upload_id("mine");
    EXPECT_EQ(make(id, R"({"expires_in":60})", "").status, 401);
    EXPECT_EQ(make(id, R"({"expires_in":60})", bob_token_).status, 404);
    EXPECT_EQ(make(id, R"({"expires_in":60})", token_for(alice_, {"files:write"})).status, 403);
    EXPECT_EQ(make(id, R"({"expires_in":60})", token_for(bob_, {"files:read", "files:read:any"})).status, 201);
    EXPECT_EQ(make(make_id(), R"({"expires_in":60})", alice_token_).status, 404);
}

TEST_F(LinksTest, TheLifetimeIsBounded)
{
    std::string id = upload_id("mine");
    for (const char* form : {"{}", R"({"expires_in":0})", R"({"expires_in":604801})", R"({"expires_in":"60"})",
                             R"({"expires_in":1.5})", R"({"expires_in":60,"inline":true})"}) {
        Answer answer = make(id, form, alice_token_);
        EXPECT_EQ(answer.status, 422) << form;
        EXPECT_EQ(answer.code(), "invalid_fields") << form;
    }
    EXPECT_EQ(make(id, "[]", alice_token_).status, 400);
    EXPECT_EQ(make(id, R"({"expires_in":604800})", alice_token_).status, 201);
}

TEST_F(LinksTest, AnotherProcessWithTheKeyTakesIt)
{
    std::string id = upload_id("shared");
    identity::ServiceKey same(Secret(std::string(32, 's')));
    identity::ServiceKey another(Secret(std::string(32, 't')));
    TimePoint end = clock_.now() + std::chrono::seconds{60};
    EXPECT_EQ(follow(LinkSigner(same).make(id, end)).status, 200);
    expect_refused(LinkSigner(another).make(id, end));
}

}  // namespace

}  // namespace gatehouse::files
