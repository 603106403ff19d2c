// SPDX-License-Identifier: Apache-2.0
#include "files/files_fixture.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gatehouse::files::testing {

namespace {

class Download : public FilesFixture {
protected:
    static Task<int> put(FileWriter& writer, File& file)
    {
        co_await writer.write("derived");
        co_return co_await writer.commit(file, std::nullopt);
    }

    const std::string content_ = "The quick brown fox jumps over the lazy dog.";  // 44 bytes
    const std::string id_ = upload_id(content_, "fox.txt");
    const std::string target_ = "/files/" + id_ + "/content";
    const std::string etag_ = "\"sha256-" + to_hex(sha256(content_)) + "\"";
};

TEST_F(Download, ContentComesAsAnAttachmentThatCanDoNothing)
{
    Answer answer = get(target_);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, content_);
    EXPECT_EQ(answer.announced_length, 44U);
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(answer.header("content-disposition"), "attachment; filename=\"fox.txt\"");
    EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    EXPECT_EQ(answer.header("cache-control"), "private, no-cache");
    EXPECT_EQ(answer.header("accept-ranges"), "bytes");
    EXPECT_EQ(answer.header("etag"), etag_);
    EXPECT_TRUE(answer.header("last-modified").ends_with(" GMT"));
}

TEST_F(Download, AWebPageIsAnAttachmentToo)
{
    std::string id = upload_id("<!DOCTYPE html><html><script>alert(1)</script></html>", "page.html");
    Answer answer = get("/files/" + id + "/content");
    EXPECT_TRUE(answer.header("content-disposition").starts_with("attachment"));
    EXPECT_EQ(answer.header("content-type"), "text/html");
    EXPECT_EQ(answer.header("content-security-policy"), "sandbox; default-src 'none'");
}

TEST_F(Download, ByFidIsTheSame)
{
    Answer answer = get("/download?fid=" + id_);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, content_);
    EXPECT_EQ(answer.header("etag"), etag_);
    EXPECT_EQ(call("HEAD", "/download?fid=" + id_, alice_token_).announced_length, 44U);
    EXPECT_EQ(get("/download").status, 400);
    EXPECT_EQ(get("/download").code(), "invalid_request");
    EXPECT_EQ(call("GET", "/download", "").status, 401);
    EXPECT_EQ(get("/download?fid=" + make_id()).code(), "file_not_found");
}

TEST_F(Download, HeadTellsWithoutSending)
{
    Answer answer = call("HEAD", target_, alice_token_);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.announced_length, 44U);
    EXPECT_EQ(answer.header("etag"), etag_);
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(call("HEAD", target_, alice_token_, {{"range", "bytes=0-1"}}).status, 200) << "Range is for GET";
}

TEST_F(Download, ARangeIsSent)
{
    struct Case {
        const char* range;
        const char* content_range;
        std::string body;
    };
    for (const auto& [range, content_range, body] :
         {Case{"bytes=0-0", "bytes 0-0/44", "T"}, Case{"bytes=4-8", "bytes 4-8/44", "quick"},
          Case{"bytes=40-", "bytes 40-43/44", "dog."}, Case{"bytes=-4", "bytes 40-43/44", "dog."},
          Case{"bytes=40-1000", "bytes 40-43/44", "dog."}, Case{"bytes=-1000", "bytes 0-43/44", content_}}) {
        Answer answer = get(target_, {{"range", range}});
        EXPECT_EQ(answer.status, 206) << range;
        EXPECT_EQ(answer.header("content-range"), content_range) << range;
        EXPECT_EQ(answer.body, body) << range;
        EXPECT_EQ(answer.announced_length, body.size()) << range;
        EXPECT_EQ(answer.header("etag"), etag_) << range;
    }
}

TEST_F(Download, AnythingElseThanRangesIsTheWhole)
{
    for (const char* range : {"bytes=0-1,x", "lines=0-1", "bytes=b-a", "bytes=5-2", "0-1"}) {
        Answer answer = get(target_, {{"range", range}});
        EXPECT_EQ(answer.status, 200) << range;
        EXPECT_EQ(answer.body, content_) << range;
    }
}

TEST_F(Download, TheDateOfADerivedFileIsNoVersion)
{
    File derived;
    derived.id = make_derived_id(id_, "copy");
    derived.owner = alice_;
    derived.name = "copy.txt";
    derived.type = "text/plain";
    derived.created_at = clock_.now();
    derived.derived_from = id_;
    derived.processor = "copy";
    auto writer = run(store_->create(derived.id));
    run(put(*writer, derived));
    std::string target = "/files/" + derived.id + "/content";
    Answer whole = get(target);
    ASSERT_EQ(whole.status, 200);
    Fields by_date{{"range", "bytes=0-1"}, {"if-range", whole.header("last-modified")}};
    Fields by_tag{{"range", "bytes=0-1"}, {"if-range", whole.header("etag")}};
    EXPECT_EQ(get(target, by_date).status, 200);
    EXPECT_EQ(get(target, by_tag).status, 206);
}

TEST_F(Download, SeveralRangesComeAsParts)
{
    std::string content;
    for (int i = 0; i < 100'000; ++i)
        content += static_cast<char>('a' + (i * 7 + i / 1000) % 26);
    std::string id = upload_id(content, "large.txt");
    std::string target = "/files/" + id + "/content";
    Answer answer = get(target, {{"range", "bytes=70000-70009,0-4,-3"}});
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.announced_length, answer.body.size());
    EXPECT_EQ(answer.header("content-range"), "");
    std::string type = answer.header("content-type");
    std::string prefix = "multipart/byteranges; boundary=";
    ASSERT_TRUE(type.starts_with(prefix)) << type;
    std::string boundary = type.substr(prefix.size());
    auto part = [&](std::size_t first, std::size_t size) {
        return "--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + std::to_string(first) + "-" +
               std::to_string(first + size - 1) + "/100000\r\n\r\n" + content.substr(first, size) + "\r\n";
    };
    EXPECT_EQ(answer.body, part(70000, 10) + part(0, 5) + part(99997, 3) + "--" + boundary + "--\r\n");
    Answer again = get(target, {{"range", "bytes=70000-70009,0-4"}});
    EXPECT_NE(again.header("content-type"), type) << "a boundary that can be guessed could be part of the content";

    Answer large = get(target, {{"range", "bytes=0-49999,60000-99999"}});
    EXPECT_EQ(large.announced_length, large.body.size());
    EXPECT_NE(large.body.find(content.substr(60000)), std::string::npos);
}

TEST_F(Download, RangesThatBecomeOneAreSentAsOne)
{
    for (const char* range : {"bytes=0-1,3-4", "bytes=0-3,2-4", "bytes=0-4,100-", "bytes=0-4,,"}) {
        Answer answer = get(target_, {{"range", range}});
        EXPECT_EQ(answer.status, 206) << range;
        EXPECT_EQ(answer.header("content-range"), "bytes 0-4/44") << range;
        EXPECT_EQ(answer.body, "The q") << range;
    }
    EXPECT_EQ(get(target_, {{"range", "bytes=0-,0-,0-"}}).body, content_) << "never more than the whole";
}

TEST_F(Download, TheDigestOfTheWholeComesAlong)
{
    std::string digest = "sha-256=:" + to_base64(sha256(content_)) + ":";
    EXPECT_EQ(get(target_).header("repr-digest"), digest);
    EXPECT_EQ(call("HEAD", target_, alice_token_).header("repr-digest"), digest);
    EXPECT_EQ(get(target_, {{"range", "bytes=0-1"}}).header("repr-digest"), digest);
}

TEST_F(Download, ARangeBehindTheEndIsRefusedWithTheSize)
{
    for (const char* range : {"bytes=44-", "bytes=1000-2000", "bytes=-0"}) {
        Answer answer = get(target_, {{"range", range}});
        EXPECT_EQ(answer.status, 416) << range;
        EXPECT_EQ(answer.header("content-range"), "bytes */44") << range;
        EXPECT_EQ(answer.code(), "range_not_satisfiable") << range;
    }
}

TEST_F(Download, ARangeOfAnotherVersionIsTheWhole)
{
    EXPECT_EQ(get(target_, {{"range", "bytes=0-1"}, {"if-range", etag_}}).status, 206);
    std::string date = get(target_).header("last-modified");
    EXPECT_EQ(get(target_, {{"range", "bytes=0-1"}, {"if-range", date}}).status, 206);
    std::string later = format_http_date(clock_.now() + std::chrono::hours{1});
    for (const std::string& other : {std::string("\"other\""), "W/" + etag_, later, std::string("x")})
        EXPECT_EQ(get(target_, {{"range", "bytes=0-1"}, {"if-range", other}}).status, 200) << other;
}

TEST_F(Download, WhatTheClientHasIsNotSentAgain)
{
    for (const std::string& tags : {etag_, "W/" + etag_, "\"a\", " + etag_, std::string("*")}) {
        Answer answer = get(target_, {{"if-none-match", tags}, {"range", "bytes=0-1"}});
        EXPECT_EQ(answer.status, 304) << tags;
        EXPECT_EQ(answer.body, "");
        EXPECT_EQ(answer.header("etag"), etag_);
        EXPECT_EQ(answer.header("cache-control"), "private, no-cache");
    }
    EXPECT_EQ(get(target_, {{"if-none-match", "\"other\""}}).status, 200);
    std::string date = get(target_).header("last-modified");
    EXPECT_EQ(get(target_, {{"if-modified-since", date}}).status, 304);
    EXPECT_EQ(get(target_, {{"if-modified-since", date}, {"if-none-match", "\"other\""}}).status, 200);
}

TEST_F(Download, AnEmptyFileIsSentEmpty)
{
    std::string id = upload_id("", "empty.txt");
    Answer answer = get("/files/" + id + "/content");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.announced_length, 0U);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(get("/files/" + id + "/content", {{"range", "bytes=0-"}}).status, 416);
}

TEST_F(Download, HostileNamesStayInsideTheField)
{
    std::string id = upload_id("x", "%C3%BC%22;%20filename=evil.exe%0D%0AX-Evil:%201");
    std::string field = get("/files/" + id + "/content").header("content-disposition");
    EXPECT_TRUE(field.starts_with("attachment; filename=\"")) << field;
    EXPECT_EQ(field.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(std::ranges::count(field, '"'), 2) << field;
    EXPECT_NE(field.find("filename*=UTF-8''%C3%BC%22"), std::string::npos) << field;
}

TEST_F(Download, AFileOfSomebodyElseLooksLikeNone)
{
    std::string unknown = make_id();
    auto expect_same = [&](const std::string& method, const std::string& mine, const std::string& none) {
        Answer theirs = call(method, mine, bob_token_);
        Answer missing = call(method, none, bob_token_);
        EXPECT_EQ(theirs.status, 404) << method << mine;
        EXPECT_EQ(theirs.code(), "file_not_found");
        EXPECT_EQ(theirs.body, missing.body);
        EXPECT_EQ(theirs.headers.size(), missing.headers.size());
    };
    expect_same("GET", target_, "/files/" + unknown + "/content");
    expect_same("HEAD", target_, "/files/" + unknown + "/content");
    expect_same("GET", "/download?fid=" + id_, "/download?fid=" + unknown);
    expect_same("GET", "/files/" + id_, "/files/" + unknown);
    expect_same("DELETE", "/files/" + id_, "/files/" + unknown);
    EXPECT_EQ(call("GET", target_, bob_token_, {{"if-none-match", "*"}}).status, 404);
    EXPECT_EQ(call("GET", target_, bob_token_, {{"range", "bytes=1000-"}}).status, 404);
    EXPECT_EQ(get(target_).status, 200) << "nothing was deleted";
}

TEST_F(Download, IdsThatAreNoneAreUnknown)
{
    for (const char* id : {"x", "..%5C..%5Cetc", "%27%20OR%201=1--", "00000000-0000-0000-0000-00000000000G"})
        EXPECT_EQ(get("/files/" + std::string(id)).code(), "file_not_found") << id;
}

TEST_F(Download, WithThePermissionFilesOfOthersCanBeRead)
{
    std::string auditor = token_for(bob_, {"files:read", "files:read:any", "files:write"});
    EXPECT_EQ(call("GET", target_, auditor).body, content_);
    EXPECT_EQ(call("DELETE", "/files/" + id_, auditor).status, 404) << "reading is not writing";
    EXPECT_EQ(call("GET", target_, token_for(bob_, {"files:read:any"})).status, 403);
}

}  // namespace

}  // namespace gatehouse::files::testing
