// SPDX-License-Identifier: Apache-2.0
// What a user may store and of which types: on a local store, as a client sees it.
#include "files/files_fixture.hpp"

#include "files/allowed_types.hpp"
#include "files/quota.hpp"

#include <algorithm>
#include <atomic>
#include <future>

namespace gatehouse::files {

namespace {

using testing::Answer;
using testing::FilesFixture;
using testing::PiecewiseBody;

class QuotaTest : public FilesFixture {
protected:
    QuotaTest()
    {
        Config config;
        config.upload_bytes_max = 1 << 20;
        config.quota_bytes = 1000;
        config.quota_by_role = {{"small", 100}, {"large", 5000}, {"all", 0}};
        remake(config);
    }
    void remake(const Config& config) { files_ = std::make_unique<Files>(config, needs(), ""); }

    std::string token_with(std::vector<std::string> roles) const
    {
        return token_for(alice_, {"files:read", "files:write"}, std::move(roles));
    }
    Answer put(std::size_t bytes, const std::string& token, bool length_known = true)
    {
        PiecewiseBody body(std::string(bytes, 'x'), 64, false, length_known);
        Answer answer = call("POST", "/upload?name=x.txt", token, {}, &body);
        taken_ = body.taken();
        return answer;
    }
    Answer put_form(std::vector<std::size_t> sizes)
    {
        std::string form;
        for (std::size_t size : sizes)
            form += "--b\r\ncontent-disposition: form-data; name=f; filename=x.txt\r\n\r\n" + std::string(size, 'x') +
                    "\r\n";
        PiecewiseBody body(form + "--b--\r\n", 64);
        return call("POST", "/upload", alice_token_, {{"content-type", "multipart/form-data; boundary=b"}}, &body);
    }
    Answer begin_resumable(std::size_t length)
    {
        return call("POST", "/uploads/", alice_token_,
                    {{"tus-resumable", "1.0.0"},
                     {"upload-length", std::to_string(length)},
                     {"upload-metadata", "filename eC50eHQ="}});
    }
    Answer resume(const std::string& path, const std::string& content)
    {
        http::StringBody body(content);
        return call(
            "PATCH", path, alice_token_,
            {{"tus-resumable", "1.0.0"}, {"upload-offset", "0"}, {"content-type", "application/offset+octet-stream"}},
            &body);
    }
    json::object usage(const std::string& token)
    {
        Answer answer = call("GET", "/files/usage", token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.object();
    }
    std::int64_t used() { return find_integer(usage(alice_token_), "used_bytes").value_or(-1); }

    std::atomic<std::size_t> taken_ = 0;  // of the body that was sent last
};

TEST_F(QuotaTest, AnUploadThatDoesNotFitIsRefusedBeforeItIsSent)
{
    EXPECT_EQ(put(600, alice_token_).status, 201);
    Answer refused = put(401, alice_token_);
    EXPECT_EQ(refused.status, 507);
    EXPECT_EQ(refused.code(), "quota_exceeded");
    EXPECT_EQ(refused.detail(),
              "The upload needs 401 bytes, and 600 of your 1000 bytes are used. Delete some files for good "
              "first.");
    EXPECT_EQ(taken_, 0U);
    EXPECT_EQ(put(400, alice_token_).status, 201);
    EXPECT_EQ(put(0, alice_token_).status, 201);
    EXPECT_EQ(put(1, alice_token_).status, 507);
    EXPECT_EQ(put(1, bob_token_).status, 201) << "each has one's own";
    EXPECT_EQ(used(), 1000);
}

TEST_F(QuotaTest, WithoutALengthItEndsWhereItIsTooMuch)
{
    Answer refused = put(100'000, alice_token_, false);
    EXPECT_EQ(refused.status, 507);
    EXPECT_NE(refused.detail().find("at least 1024 bytes"), std::string::npos) << refused.detail();
    EXPECT_LT(taken_, 2000U);
    EXPECT_EQ(used(), 0);
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(QuotaTest, TheFilesOfAFormCountTogether)
{
    EXPECT_EQ(put_form({500, 501}).status, 507);
    EXPECT_EQ(used(), 0) << "all or nothing";
    EXPECT_EQ(put_form({500, 500}).status, 201);
    EXPECT_EQ(used(), 1000);
}

TEST_F(QuotaTest, DeletingMakesRoomAndWhatWasDerivedIsFree)
{
    std::string id = find_string(put(1000, alice_token_).item(0), "id").value_or("");
    File derived;
    derived.id = make_derived_id(id, "copy");
    derived.owner = alice_;
    derived.name = "copy";
    derived.type = "text/plain";
    derived.derived_from = id;
    derived.processor = "copy";
    auto writer = run(store_->create(derived.id));
    EXPECT_TRUE(run(writer->commit(derived, std::nullopt)));
    json::object figures = usage(alice_token_);
    EXPECT_EQ(json::serialize(figures),
              R"({"used_bytes":1000,"trash_bytes":0,"files":1,"quota_bytes":1000,"trash_seconds":604800})");
    EXPECT_EQ(call("DELETE", "/files/" + id + "?permanent=true", alice_token_).status, 204);
    EXPECT_EQ(used(), 0);
    EXPECT_EQ(put(1000, alice_token_).status, 201);
}

TEST_F(QuotaTest, WhoManagesUsersSeesWhatEachHasStored)
{
    put(600, alice_token_);
    put(7, alice_token_);
    put(1, bob_token_);
    std::string manager = token_for(make_id(), {"admin:users"});
    std::string nobody = make_id();
    Answer answer = call("GET", "/admin/usage?users=" + bob_ + "," + nobody + "," + alice_, manager);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"items":[{"user":")" + bob_ + R"(","used_bytes":1,"files":1},{"user":")" + nobody +
                               R"(","used_bytes":0,"files":0},{"user":")" + alice_ +
                               R"(","used_bytes":607,"files":2}]})");
    std::string many = alice_;
    for (int i = 1; i < 100; ++i)
        many += "," + alice_;
    EXPECT_EQ(call("GET", "/admin/usage?users=" + many, manager).status, 200);
    for (const std::string& wrong :
         {std::string(), std::string("?users="), "?users=" + alice_ + ",x", many.insert(0, "?users=") + "," + bob_})
        EXPECT_EQ(call("GET", "/admin/usage" + wrong, manager).status, 422) << wrong;
    EXPECT_EQ(call("GET", "/admin/usage?users=" + alice_, alice_token_).status, 403);
}

TEST_F(QuotaTest, TheLargestOfTheRolesCounts)
{
    EXPECT_EQ(put(200, token_with({"small"})).status, 507);
    EXPECT_EQ(put(2000, token_with({"small", "large"})).status, 201);
    EXPECT_EQ(put(6000, token_with({"large", "another"})).status, 507);
    EXPECT_EQ(put(6000, token_with({"large", "all"})).status, 201);
    EXPECT_EQ(put(1, token_with({"another"})).status, 507) << "more than everybody's is used already";
    EXPECT_EQ(*find_integer(usage(token_with({"large"})), "quota_bytes"), 5000);
    EXPECT_TRUE(usage(token_with({"all"})).at("quota_bytes").is_null());
}

TEST_F(QuotaTest, UploadsAtOnceNeverExceedIt)
{
    std::vector<std::future<int>> answers;
    for (int i = 0; i < 12; ++i)
        answers.push_back(std::async(std::launch::async, [this] { return put(300, alice_token_, false).status; }));
    std::vector<int> seen;
    for (auto& answer : answers)
        seen.push_back(answer.get());
    EXPECT_EQ(std::ranges::count(seen, 201), 3);
    EXPECT_EQ(std::ranges::count(seen, 507), 9);
    EXPECT_EQ(used(), 900);
}

TEST_F(QuotaTest, AResumableUploadIsMeasuredWhenItBeginsAndWhenItEnds)
{
    EXPECT_EQ(begin_resumable(1001).status, 507);
    std::string second = begin_resumable(600).header("location");
    std::string first = put(600, alice_token_, false).header("location");
    Answer refused = resume(second, std::string(600, 'x'));
    EXPECT_EQ(refused.status, 507);
    EXPECT_EQ(refused.code(), "quota_exceeded");
    EXPECT_EQ(used(), 600);
    // What has arrived waits until there is room.
    EXPECT_EQ(call("DELETE", first + "?permanent=true", alice_token_).status, 204);
    EXPECT_EQ(call("HEAD", second, alice_token_, {{"tus-resumable", "1.0.0"}}).status, 200);
    EXPECT_EQ(get("/files/" + second.substr(9)).status, 200);
    EXPECT_EQ(used(), 600);
}

TEST_F(QuotaTest, UnfinishedUploadsShareIt)
{
    ASSERT_EQ(put(200, alice_token_, false).status, 201);
    std::string first = begin_resumable(600).header("location");
    Answer refused = begin_resumable(201);
    EXPECT_EQ(refused.status, 507);
    EXPECT_EQ(refused.code(), "quota_exceeded");
    EXPECT_EQ(begin_resumable(200).status, 201);
    EXPECT_EQ(call("DELETE", first, alice_token_, {{"tus-resumable", "1.0.0"}}).status, 204);
    // One that does not tell its length ends where the others begin.
    std::string untold =
        call("POST", "/uploads/", alice_token_, {{"tus-resumable", "1.0.0"}, {"upload-defer-length", "1"}})
            .header("location");
    EXPECT_EQ(resume(untold, std::string(601, 'x')).status, 507);
    EXPECT_EQ(resume(untold, std::string(600, 'x')).status, 204);
    EXPECT_EQ(begin_resumable(1).status, 507);
}

TEST_F(QuotaTest, AResumableUploadOfAnotherTypeIsDropped)
{
    Config config;
    config.allowed_types = {"image/*"};
    remake(config);
    std::string path = begin_resumable(5).header("location");
    Answer refused = resume(path, "hello");
    EXPECT_EQ(refused.status, 415);
    EXPECT_EQ(refused.code(), "file_type_not_allowed");
    EXPECT_EQ(call("HEAD", path, alice_token_, {{"tus-resumable", "1.0.0"}}).status, 404);
    EXPECT_EQ(used(), 0);
}

TEST_F(QuotaTest, OnlyAllowedTypesAreTaken)
{
    Config config;
    config.allowed_types = {"image/*", "text/plain"};
    remake(config);
    EXPECT_EQ(upload("hello").status, 201);
    EXPECT_EQ(upload(std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde", 33)).status,
              201);
    std::string page = "<!DOCTYPE html><html><body>x</body></html>";
    for (const std::string& content : {page, page + std::string(100'000, ' ')}) {
        PiecewiseBody body(content, 1000);
        Answer refused = call("POST", "/upload?name=page.txt", alice_token_, {}, &body);
        EXPECT_EQ(refused.status, 415);
        EXPECT_EQ(refused.code(), "file_type_not_allowed");
        EXPECT_EQ(refused.detail(), "\"page.txt\" is text/html. Files may be: image/*, text/plain.");
        EXPECT_LE(body.taken(), 5000U) << "the beginning tells";
    }
    EXPECT_EQ(upload("", "empty.txt").code(), "file_type_not_allowed");
    EXPECT_EQ(get("/files").items().size(), 2U);
    EXPECT_EQ(stored_content_count(), 2U);
}

TEST_F(QuotaTest, AFormFieldWithoutAFileHasNoType)
{
    Config config;
    config.allowed_types = {"text/plain"};
    remake(config);
    http::StringBody body("--b\r\ncontent-disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n"
                          "--b\r\ncontent-disposition: form-data; name=f; filename=x.txt\r\n\r\nhello\r\n--b--\r\n");
    Answer answer = call("POST", "/upload", alice_token_, {{"content-type", "multipart/form-data; boundary=b"}}, &body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.items().size(), 1U);
}

TEST(AllowedTypes, APatternIsATypeOrAllOfAKind)
{
    for (const char* good : {"image/*", "application/pdf", "application/vnd.oasis.opendocument.text", "image/svg+xml"})
        EXPECT_TRUE(is_type_pattern(good)) << good;
    for (const char* bad : {"", "image", "image/", "/png", "*/*", "image/p*", "Image/png", "image/png; q=1", "a/b/c"})
        EXPECT_FALSE(is_type_pattern(bad)) << bad;
    EXPECT_TRUE(is_allowed_type({}, "text/html"));
    EXPECT_TRUE(is_allowed_type({"image/*"}, "image/png"));
    EXPECT_FALSE(is_allowed_type({"image/*"}, "imagex/png"));
    EXPECT_FALSE(is_allowed_type({"image/pn"}, "image/png"));
}

TEST(AllowedTypes, WrongSettingsAreNamed)
{
    Config config;
    config.allowed_types = {"image/*", "Text"};
    config.quota_by_role = {{"a", 1}, {"a", 2}, {"", 3}};
    auto errors = find_config_errors(config);
    ASSERT_EQ(errors.size(), 3U);
    EXPECT_EQ(errors[0].key, "allowed_types");
    EXPECT_EQ(errors[1].key, "quota_by_role[1].role");
    EXPECT_EQ(errors[2].key, "quota_by_role[2].role");
}

}  // namespace

}  // namespace gatehouse::files
