// SPDX-License-Identifier: Apache-2.0
// Uploads that are joined of others.
#include "files/files_fixture.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "support/content.hpp"

namespace gatehouse::files::testing {

namespace {

using gatehouse::testing::make_content;

class TusJoin : public FilesFixture {
protected:
    Answer create(Fields fields, const std::string& token)
    {
        fields.emplace_back("tus-resumable", "1.0.0");
        return call("POST", "/uploads/", token, fields);
    }
    // The path of a partial upload of Alice's.
    std::string begin_part(std::size_t length)
    {
        Answer answer = create({{"upload-length", std::to_string(length)}, {"upload-concat", "partial"}}, alice_token_);
        EXPECT_EQ(answer.status, 201) << answer.body;
        return answer.header("location");
    }
    Answer append(const std::string& path, const std::string& content, std::uint64_t offset = 0)
    {
        http::StringBody body(content);
        return call("PATCH", path, alice_token_,
                    {{"tus-resumable", "1.0.0"},
                     {"upload-offset", std::to_string(offset)},
                     {"content-type", "application/offset+octet-stream"}},
                    &body);
    }
    std::string put_part(const std::string& content)
    {
        std::string path = begin_part(content.size());
        EXPECT_EQ(append(path, content).status, 204);
        return path;
    }
    Answer join(const std::string& parts) { return join(parts, alice_token_); }
    Answer join(const std::string& parts, const std::string& token)
    {
        return create({{"upload-concat", "final;" + parts}, {"upload-metadata", "filename " + to_base64("all.txt")}},
                      token);
    }
    Answer head(const std::string& path) { return call("HEAD", path, alice_token_, {{"tus-resumable", "1.0.0"}}); }
    static std::string id_of(const std::string& path) { return path.substr(std::string("/uploads/").size()); }
    std::size_t announced() { return run(store_->read_outbox(100)).size(); }
};

TEST_F(TusJoin, PartsBecomeOneFile)
{
    std::string content = make_content(900'000);
    std::string first = put_part(content.substr(0, 300'001));
    std::string second = put_part(content.substr(300'001, 1));
    std::string third = put_part(content.substr(300'002));
    EXPECT_EQ(head(first).header("upload-concat"), "partial");
    EXPECT_EQ(head(first).header("upload-offset"), "300001");
    EXPECT_EQ(get("/files/" + id_of(first)).status, 404) << "a part is no file";
    EXPECT_EQ(announced(), 0U);

    Answer answer = join(first + " https://gate.example" + second + " " + third);
    EXPECT_EQ(answer.status, 201) << answer.body;
    std::string path = answer.header("location");
    json::object file = get("/files/" + id_of(path)).object();
    EXPECT_EQ(find_string(file, "name"), "all.txt");
    EXPECT_EQ(find_string(file, "sha256"), to_hex(sha256(content)));
    EXPECT_TRUE(get("/files/" + id_of(path) + "/content").body == content);
    EXPECT_EQ(head(path).header("upload-offset"), "900000");
    EXPECT_EQ(head(path).header("upload-length"), "900000");
    EXPECT_EQ(head(first).status, 404) << "the parts are gone";
    EXPECT_EQ(announced(), 1U);

    Answer again = join(first + " " + second + " " + third);
    EXPECT_EQ(again.status, 201) << "whose answer was lost asks again";
    EXPECT_EQ(again.header("location"), path);
    EXPECT_EQ(announced(), 1U);
    EXPECT_EQ(stored_content_count(), 1U);
}

TEST_F(TusJoin, ItGoesOnWhereItWasInterrupted)
{
    std::string content = make_content(500'000);
    std::string first = put_part(content.substr(0, 200'000));
    std::string second = put_part(content.substr(200'000));
    std::string path = join(first + " " + second).header("location");
    // As it is when the process dies: another one, some of whose content is confirmed.
    std::string third = put_part(content.substr(0, 200'000));
    std::string fourth = put_part(content.substr(200'000));
    UploadStore& uploads = store_->uploads();
    // The id that the request will give it.
    std::string id = id_of(third).substr(0, 13);
    id = std::max(id, id_of(fourth).substr(0, 13)) +
         make_derived_id("joined", id_of(third) + " " + id_of(fourth) + " ").substr(13);
    Upload upload;
    upload.id = id;
    upload.owner = alice_;
    upload.name = "all.txt";
    upload.length = content.size();
    upload.parts = {id_of(third), id_of(fourth)};
    upload.created_at = clock_.now();
    upload.expires_at = clock_.now() + std::chrono::hours{1};
    ASSERT_EQ(run(uploads.create(upload, {})), UploadStore::Creation::created);
    auto writer = run(uploads.open(id, upload.expires_at)).writer;
    run(writer->write(std::string_view(content).substr(0, 300'000)));
    run(writer->confirm());
    run(writer->release());
    writer.reset();

    Answer told = head("/uploads/" + id);
    EXPECT_EQ(told.status, 200);
    EXPECT_EQ(told.header("upload-concat"), "final;" + third + " " + fourth);
    EXPECT_EQ(told.header("upload-length"), "500000");
    EXPECT_EQ(told.header("upload-offset"), "") << "not known yet";
    Answer refused = append("/uploads/" + id, "x", 300'000);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.code(), "upload_joined");

    Answer answer = join(third + " " + fourth);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("location"), "/uploads/" + id);
    EXPECT_TRUE(get("/files/" + id + "/content").body == content);
    EXPECT_NE(path, answer.header("location"));
    EXPECT_EQ(stored_content_count(), 2U);
}

TEST_F(TusJoin, WhatCannotBeJoinedIsRefused)
{
    std::string part = put_part("content");
    std::string open = begin_part(5);
    Answer incomplete = join(part + " " + open);
    EXPECT_EQ(incomplete.status, 409);
    EXPECT_EQ(incomplete.code(), "upload_incomplete");
    EXPECT_EQ(join(part + " " + part).status, 400);
    EXPECT_EQ(join(part, bob_token_).status, 400) << "for others it is not there";
    EXPECT_EQ(join(part, token_for(alice_, {"files:read"})).status, 403);
    std::string whole = create({{"upload-length", "5"}}, alice_token_).header("location");
    EXPECT_EQ(join(whole).status, 400) << "it becomes a file by itself";
    EXPECT_EQ(create({{"upload-concat", "final;" + part}, {"upload-length", "7"}}, alice_token_).status, 400);
    http::StringBody body("more");
    EXPECT_EQ(call("POST", "/uploads/", alice_token_,
                   {{"tus-resumable", "1.0.0"},
                    {"upload-concat", "final;" + part},
                    {"content-type", "application/offset+octet-stream"}},
                   &body)
                  .status,
              400);
    EXPECT_EQ(head(part).status, 200);
    EXPECT_EQ(announced(), 0U);
    EXPECT_EQ(call("DELETE", part, alice_token_, {{"tus-resumable", "1.0.0"}}).status, 204);
    EXPECT_EQ(join(part).status, 400);
}

TEST_F(TusJoin, TheWholeIsBounded)
{
    std::string parts;
    for (int i = 0; i < 3; ++i)
        parts += put_part(std::string(400'000, 'x')) + " ";
    Answer refused = join(parts);
    EXPECT_EQ(refused.status, 413);
    EXPECT_EQ(refused.code(), "file_too_large");
}

TEST_F(TusJoin, TheWholeCountsForTheQuota)
{
    Config config;
    config.quota_bytes = 1000;
    files_ = std::make_unique<Files>(config, needs(), "https://gate.example");
    std::string first = put_part(std::string(600, 'x'));
    EXPECT_EQ(upload(std::string(500, 'x')).status, 201);
    EXPECT_EQ(join(first).status, 507);
    EXPECT_EQ(join(first).code(), "quota_exceeded");
}

}  // namespace

}  // namespace gatehouse::files::testing
