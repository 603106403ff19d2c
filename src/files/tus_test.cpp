// SPDX-License-Identifier: Apache-2.0
// Every answer of the protocol, as a client of the role sees it.
#include "files/files_fixture.hpp"

#include "base/digest.hpp"
#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "files/tus_fields.hpp"
#include "support/content.hpp"

#include <utility>

namespace gatehouse::files::testing {

namespace {

using gatehouse::testing::make_content;

class Tus : public FilesFixture {
protected:
    static Fields with_version(Fields fields)
    {
        fields.emplace_back("tus-resumable", "1.0.0");
        return fields;
    }
    Answer create(const Fields& fields, std::optional<std::string> content = std::nullopt)
    {
        http::StringBody body(content.value_or(""));
        return call("POST", "/uploads/", alice_token_, with_version(fields), &body);
    }
    // An upload of Alice's.
    std::string path_of_new(std::size_t length)
    {
        Answer answer = create(
            {{"upload-length", std::to_string(length)}, {"upload-metadata", "filename " + to_base64("note.txt")}});
        EXPECT_EQ(answer.status, 201) << answer.body;
        return answer.header("location");
    }
    Answer head(const std::string& path) { return call("HEAD", path, alice_token_, with_version({})); }
    Answer patch(const std::string& path, std::uint64_t offset, const std::string& content, Fields fields = {})
    {
        http::StringBody body(content);
        return patch_with(path, offset, body, std::move(fields));
    }
    Answer patch_with(const std::string& path, std::uint64_t offset, http::BodyReader& body, Fields fields = {})
    {
        fields.emplace_back("upload-offset", std::to_string(offset));
        fields.emplace_back("content-type", "application/offset+octet-stream");
        return call("PATCH", path, alice_token_, with_version(std::move(fields)), &body);
    }
    std::string offset_of(const std::string& path) { return head(path).header("upload-offset"); }
    Answer file_of(const std::string& path) { return get("/files/" + path.substr(std::string("/uploads/").size())); }
    std::string content_of(const std::string& path)
    {
        return get("/files/" + path.substr(std::string("/uploads/").size()) + "/content").body;
    }
    std::size_t events() { return run(store_->read_outbox(100)).size(); }
    static std::string checksum(const std::string& algorithm, const std::string& content)
    {
        auto digest = Digest::find(algorithm).value();
        digest.update(content);
        return algorithm + " " + to_base64(digest.finish());
    }
};

TEST_F(Tus, OptionsTellAnybodyWhatThereIs)
{
    for (const char* path : {"/uploads", "/uploads/", "/uploads/0190163d-8694-739b-aea5-966c26f8ad91"}) {
        Answer answer = call("OPTIONS", path, "");
        EXPECT_EQ(answer.status, 204) << path;
        EXPECT_EQ(answer.header("tus-version"), "1.0.0");
        EXPECT_EQ(answer.header("tus-resumable"), "1.0.0");
        EXPECT_EQ(answer.header("tus-max-size"), std::to_string(1 << 20));
        EXPECT_EQ(answer.header("tus-extension"),
                  "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation");
        EXPECT_EQ(answer.header("tus-checksum-algorithm"), "sha1,sha256,md5");
    }
}

TEST_F(Tus, AFileArrivesInPieces)
{
    std::string content = make_content(200'000);
    std::string path = path_of_new(content.size());
    Answer at_start = head(path);
    EXPECT_EQ(at_start.status, 200);
    EXPECT_EQ(at_start.header("upload-offset"), "0");
    EXPECT_EQ(at_start.header("upload-length"), "200000");
    EXPECT_EQ(at_start.header("upload-metadata"), "filename " + to_base64("note.txt"));
    EXPECT_EQ(at_start.header("cache-control"), "no-store");
    EXPECT_TRUE(at_start.header("upload-expires").ends_with(" GMT"));
    EXPECT_EQ(at_start.body, "");

    Answer first = patch(path, 0, content.substr(0, 70'000));
    EXPECT_EQ(first.status, 204) << first.body;
    EXPECT_EQ(first.header("upload-offset"), "70000");
    EXPECT_EQ(first.header("tus-resumable"), "1.0.0");
    EXPECT_EQ(offset_of(path), "70000");
    EXPECT_EQ(file_of(path).status, 404);
    EXPECT_EQ(events(), 0U);

    Answer last = patch(path, 70'000, content.substr(70'000));
    EXPECT_EQ(last.status, 204) << last.body;
    EXPECT_EQ(last.header("upload-offset"), "200000");
    json::object record = file_of(path).object();
    EXPECT_EQ(find_string(record, "sha256"), to_hex(sha256(content)));
    EXPECT_EQ(find_string(record, "name"), "note.txt");
    EXPECT_EQ(record.at("size"), 200'000);
    EXPECT_EQ(find_string(record, "owner"), alice_);
    EXPECT_TRUE(content_of(path) == content);
    auto waiting = run(store_->read_outbox(10));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting.front().type, "file.uploaded");
    EXPECT_EQ(find_string(waiting.front().data, "sha256"), to_hex(sha256(content)));
    EXPECT_EQ(stored_content_count(), 1U);
}

TEST_F(Tus, TheTypeIsThatOfTheContentWhateverTheClientSays)
{
    std::string content = "%PDF-1.4\n" + std::string(100, ' ');
    Answer answer =
        create({{"upload-length", std::to_string(content.size())},
                {"upload-metadata", "filename " + to_base64("../../x.mp4") + ",filetype " + to_base64("video/mp4")}});
    std::string path = answer.header("location");
    ASSERT_EQ(patch(path, 0, content).status, 204);
    EXPECT_EQ(find_string(file_of(path).object(), "type"), "application/pdf");
    EXPECT_EQ(find_string(file_of(path).object(), "name"), "x.mp4");
}

TEST_F(Tus, AFinishedUploadSaysSo)
{
    std::string path = path_of_new(5);
    ASSERT_EQ(patch(path, 0, "hello").status, 204);
    Answer answer = head(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("upload-offset"), "5");
    EXPECT_EQ(answer.header("upload-length"), "5");
    EXPECT_EQ(patch(path, 5, "").status, 204) << "the answer before was lost";
    EXPECT_EQ(patch(path, 0, "hello").code(), "wrong_offset");
    EXPECT_EQ(patch(path, 5, "more").code(), "upload_finished");
    EXPECT_EQ(call("DELETE", path, alice_token_, with_version({})).code(), "upload_finished");
    EXPECT_EQ(content_of(path), "hello");
    EXPECT_EQ(events(), 1U);
}

TEST_F(Tus, AnEmptyFileIsFinishedAtOnce)
{
    std::string path = path_of_new(0);
    EXPECT_EQ(offset_of(path), "0");
    EXPECT_EQ(file_of(path).object().at("size"), 0);
    EXPECT_EQ(events(), 1U);
}

TEST_F(Tus, TheFirstBytesMayComeWithTheCreation)
{
    Fields fields{{"upload-length", "10"}, {"content-type", "application/offset+octet-stream"}};
    Answer half = create(fields, "01234");
    EXPECT_EQ(half.status, 201) << half.body;
    EXPECT_EQ(half.header("upload-offset"), "5");
    EXPECT_EQ(patch(half.header("location"), 5, "56789").status, 204);
    EXPECT_EQ(content_of(half.header("location")), "0123456789");
    Answer whole = create(fields, "abcdefghij");
    EXPECT_EQ(whole.header("upload-offset"), "10");
    EXPECT_EQ(content_of(whole.header("location")), "abcdefghij");
    EXPECT_EQ(create({{"upload-length", "10"}}, "01234").code(), "unsupported_media_type");
    EXPECT_EQ(create(fields, "01234567890").code(), "file_too_large");
    fields.emplace_back("upload-checksum", checksum("sha1", "other"));
    EXPECT_EQ(create(fields, "01234").status, 460);
    EXPECT_EQ(stored_content_count(), 2U) << "what the client cannot know of is gone";
}

TEST_F(Tus, TheLengthMayComeLater)
{
    Answer created = create({{"upload-defer-length", "1"}});
    ASSERT_EQ(created.status, 201) << created.body;
    std::string path = created.header("location");
    EXPECT_EQ(head(path).header("upload-defer-length"), "1");
    EXPECT_EQ(head(path).header("upload-length"), "");
    ASSERT_EQ(patch(path, 0, "0123").status, 204);
    EXPECT_EQ(patch(path, 4, "45", {{"upload-length", "3"}}).code(), "invalid_request");
    EXPECT_EQ(patch(path, 4, "45", {{"upload-length", "2000000"}}).code(), "file_too_large");
    EXPECT_EQ(patch(path, 4, "45", {{"upload-length", "5"}}).code(), "file_too_large");
    EXPECT_EQ(patch(path, 4, "45", {{"upload-length", "8"}}).code(), "invalid_request") << "it was said to be 5";
    ASSERT_EQ(patch(path, 4, "4", {{"upload-length", "5"}}).status, 204);
    EXPECT_EQ(content_of(path), "01234");
}

TEST_F(Tus, ADeferredLengthHasTheLimitOfAll)
{
    std::string path = create({{"upload-defer-length", "1"}}).header("location");
    PiecewiseBody body(std::string((1 << 20) + 1, 'x'), 100'000, false, false);
    EXPECT_EQ(patch_with(path, 0, body).code(), "file_too_large");
}

TEST_F(Tus, WrongCreationsAreRefused)
{
    struct Row {
        Fields fields;
        const char* code;
    };
    const std::string name = "filename " + to_base64("x");
    for (const auto& [fields, code] : std::vector<Row>{
             {{}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-defer-length", "1"}}, "invalid_request"},
             {{{"upload-length", "-1"}}, "invalid_request"},
             {{{"upload-length", "+1"}}, "invalid_request"},
             {{{"upload-length", ""}}, "invalid_request"},
             {{{"upload-length", "0x10"}}, "invalid_request"},
             {{{"upload-length", "99999999999999999999"}}, "invalid_request"},
             {{{"upload-length", "18446744073709551615"}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-length", "2"}}, "invalid_request"},
             {{{"upload-length", "1048577"}}, "file_too_large"},
             {{{"upload-defer-length", "0"}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-concat", "part"}}, "invalid_request"},
             {{{"upload-concat", "final;"}}, "invalid_request"},
             {{{"upload-concat", "final;/uploads/1"}}, "invalid_request"},
             {{{"upload-concat", "final;/files/0190163d-8694-739b-aea5-966c26f8ad91"}}, "invalid_request"},
             {{{"upload-concat", "final;/uploads/0190163d-8694-739b-aea5-966c26f8ad91"}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-metadata", "filename not-base64!"}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-metadata", name + "," + name}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-metadata", name + ",,"}}, "invalid_request"},
             {{{"upload-length", "1"}, {"upload-metadata", "a " + std::string(8000, 'A')}}, "invalid_request"},
         }) {
        Answer answer = create(fields);
        EXPECT_EQ(answer.code(), code) << answer.body;
        EXPECT_EQ(answer.header("tus-resumable"), "1.0.0");
    }
    EXPECT_EQ(create({{"upload-length", "1048577"}}).header("tus-max-size"), "1048576");
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Tus, ANameIsTakenFromTheMetadataOrMadeUp)
{
    for (const auto& [metadata, name] : std::vector<std::pair<std::string, std::string>>{
             {"", "file"},
             {"is_confidential", "file"},
             {"is_confidential,name " + to_base64("b.txt"), "b.txt"},
             {"name " + to_base64("b.txt") + ", filename " + to_base64("a.txt"), "a.txt"}}) {
        Answer answer = create({{"upload-length", "0"}, {"upload-metadata", metadata}});
        ASSERT_EQ(answer.status, 201) << answer.body;
        EXPECT_EQ(find_string(file_of(answer.header("location")).object(), "name"), name) << metadata;
    }
}

TEST_F(Tus, WrongRequestsChangeNothing)
{
    std::string path = path_of_new(10);
    ASSERT_EQ(patch(path, 0, "012").status, 204);
    Answer wrong = patch(path, 2, "2345");
    EXPECT_EQ(wrong.status, 409);
    EXPECT_EQ(wrong.code(), "wrong_offset");
    EXPECT_EQ(wrong.header("upload-offset"), "3");
    EXPECT_EQ(patch(path, 3, "01234567").code(), "file_too_large");
    PiecewiseBody unknown("01234567", 3, false, false);
    EXPECT_EQ(patch_with(path, 3, unknown).code(), "file_too_large");
    http::StringBody body("3");
    EXPECT_EQ(call("PATCH", path, alice_token_, with_version({{"upload-offset", "3"}}), &body).status, 415);
    http::StringBody other("3");
    EXPECT_EQ(
        call("PATCH", path, alice_token_, with_version({{"content-type", "application/offset+octet-stream"}}), &other)
            .code(),
        "invalid_request");
    EXPECT_EQ(patch(path, 3, "3", {{"upload-length", "11"}}).code(), "invalid_request");
    EXPECT_EQ(offset_of(path), "3");
    EXPECT_EQ(patch(path, 3, "").status, 204) << "nothing is not wrong";
    EXPECT_EQ(get(path).status, 405);
}

TEST_F(Tus, AnotherVersionIsRefused)
{
    std::string path = path_of_new(10);
    for (const Fields& fields : {Fields{}, Fields{{"tus-resumable", "0.2.2"}}}) {
        for (const char* method : {"HEAD", "PATCH", "DELETE"}) {
            Answer answer = call(method, path, alice_token_, fields);
            EXPECT_EQ(answer.status, 412) << method;
            EXPECT_EQ(answer.header("tus-version"), "1.0.0");
            EXPECT_EQ(answer.header("tus-resumable"), "1.0.0");
        }
        EXPECT_EQ(call("POST", "/uploads", alice_token_, fields).code(), "tus_version");
    }
    EXPECT_EQ(offset_of(path), "0");
}

TEST_F(Tus, AChecksumIsOfTheBodyAndKeepsTheOffsetWhenItIsWrong)
{
    for (const char* algorithm : {"sha1", "sha256", "md5"}) {
        std::string path = path_of_new(300'000);
        std::string content = make_content(300'000);
        std::string half = content.substr(0, 150'000);
        ASSERT_EQ(patch(path, 0, half, {{"upload-checksum", checksum(algorithm, half)}}).status, 204);
        std::string rest = content.substr(150'000);
        std::string damaged = rest;
        damaged[99'999] ^= 1;
        Answer answer = patch(path, 150'000, damaged, {{"upload-checksum", checksum(algorithm, rest)}});
        EXPECT_EQ(answer.status, 460);
        EXPECT_EQ(answer.code(), "checksum_mismatch");
        EXPECT_EQ(offset_of(path), "150000");
        EXPECT_EQ(events(), 0U);
        ASSERT_EQ(patch(path, 150'000, rest, {{"upload-checksum", checksum(algorithm, rest)}}).status, 204);
        EXPECT_TRUE(content_of(path) == content);
        auto waiting = run(store_->read_outbox(10));
        run(store_->clear_outbox({waiting.at(0).id}));
    }
    std::string path = path_of_new(3);
    for (const char* wrong : {"crc32 AAAA", "sha1", "sha1 AAAA", "sha1 ?", "", "sha1  qZk+NkcGgWq6PiVxeFDCbJzQ2J0="})
        EXPECT_EQ(patch(path, 0, "abc", {{"upload-checksum", wrong}}).code(), "invalid_request") << wrong;
}

TEST_F(Tus, WhatArrivedBeforeABreakIsKept)
{
    std::string content = make_content(500'000);
    std::string path = path_of_new(content.size());
    PiecewiseBody broken(content.substr(0, 333'333), 10'000, true);
    EXPECT_EQ(patch_with(path, 0, broken).code(), "body_incomplete");
    EXPECT_EQ(offset_of(path), "333333");
    std::string rest = content.substr(333'333);
    PiecewiseBody checked(rest.substr(0, 100'000), 10'000, true);
    EXPECT_EQ(patch_with(path, 333'333, checked, {{"upload-checksum", checksum("sha1", rest)}}).code(),
              "body_incomplete");
    EXPECT_EQ(offset_of(path), "333333") << "a checksum is of the whole body";
    ASSERT_EQ(patch(path, 333'333, rest).status, 204);
    EXPECT_TRUE(content_of(path) == content);
}

TEST_F(Tus, WhatArrivedWholeButWasNotFinishedIsFinishedByAskingOrByRepeating)
{
    for (bool asks : {true, false}) {
        std::string path = path_of_new(5);
        std::string id = path.substr(std::string("/uploads/").size());
        {  // as a process that ends between the two steps leaves it
            auto writer = run(store_->uploads().open(id, Clock().now() + std::chrono::hours{1})).writer;
            run(writer->write("hello"));
            run(writer->confirm());
        }
        EXPECT_EQ(file_of(path).status, 404);
        Answer answer = asks ? head(path) : patch(path, 5, "");
        EXPECT_EQ(answer.status, asks ? 200 : 204);
        EXPECT_EQ(answer.header("upload-offset"), "5");
        EXPECT_EQ(content_of(path), "hello");
        EXPECT_EQ(head(path).status, 200);
    }
    EXPECT_EQ(events(), 2U);
    EXPECT_EQ(stored_content_count(), 2U);
}

TEST_F(Tus, OneWritesAtATime)
{
    std::string path = path_of_new(5);
    std::string id = path.substr(std::string("/uploads/").size());
    auto writer = run(store_->uploads().open(id, Clock().now() + std::chrono::hours{1})).writer;
    Answer answer = patch(path, 0, "hello");
    EXPECT_EQ(answer.status, 423);
    EXPECT_EQ(answer.code(), "upload_locked");
    EXPECT_EQ(head(path).status, 200);
    writer.reset();
    EXPECT_EQ(patch(path, 0, "hello").status, 204);
}

TEST_F(Tus, ARemovedUploadIsGone)
{
    std::string path = path_of_new(10);
    ASSERT_EQ(patch(path, 0, "01234").status, 204);
    EXPECT_EQ(call("DELETE", path, alice_token_, with_version({})).status, 204);
    EXPECT_EQ(head(path).status, 404);
    EXPECT_EQ(patch(path, 5, "56789").code(), "upload_not_found");
    EXPECT_EQ(call("DELETE", path, alice_token_, with_version({})).code(), "upload_not_found");
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Tus, UploadsExpireAndWritingPutsTheEndOff)
{
    std::string path = path_of_new(10);
    clock_.advance(std::chrono::hours{23});
    auto token = token_for(alice_);
    http::StringBody body("01234");
    Fields fields = with_version({{"upload-offset", "0"}, {"content-type", "application/offset+octet-stream"}});
    ASSERT_EQ(call("PATCH", path, token, fields, &body).status, 204);
    clock_.advance(std::chrono::hours{23});
    token = token_for(alice_);
    EXPECT_EQ(call("HEAD", path, token, with_version({})).header("upload-offset"), "5");
    clock_.advance(std::chrono::hours{2});
    token = token_for(alice_);
    EXPECT_EQ(call("HEAD", path, token, with_version({})).status, 404);
    run(store_->uploads().sweep(clock_.now()));
    EXPECT_EQ(stored_content_count(), 0U);
}

// "01234" comes 23 hours after the request.
class LateBody final : public http::BodyReader {
public:
    explicit LateBody(Clock& clock) : clock_(clock) {}
    Task<std::string_view> read() override
    {
        if (std::exchange(over_, true))
            co_return std::string_view{};
        clock_.advance(std::chrono::hours{23});
        co_return "01234";
    }
    std::optional<std::uint64_t> length() const override { return 5; }

private:
    Clock& clock_;
    bool over_ = false;
};

TEST_F(Tus, TheEndIsPutOffByWhatArrivesNotByTheRequestsBegin)
{
    std::string path = path_of_new(10);
    LateBody late(clock_);
    Answer answer = patch_with(path, 0, late);
    ASSERT_EQ(answer.status, 204);
    clock_.advance(std::chrono::hours{23});
    Answer later = call("HEAD", path, token_for(alice_), with_version({}));
    EXPECT_EQ(later.header("upload-offset"), "5");
    EXPECT_EQ(later.header("upload-expires"), answer.header("upload-expires"));
}

TEST_F(Tus, OthersSeeTheSameAsForNone)
{
    std::string path = path_of_new(5);
    std::string finished = path_of_new(0);
    std::string unknown = "/uploads/" + make_id();
    for (const auto& target : {path, finished, unknown, std::string("/uploads/none")}) {
        EXPECT_EQ(call("HEAD", target, bob_token_, with_version({})).status, 404) << target;
        http::StringBody body("hello");
        Fields fields = with_version({{"upload-offset", "0"}, {"content-type", "application/offset+octet-stream"}});
        EXPECT_EQ(call("PATCH", target, bob_token_, fields, &body).code(), "upload_not_found") << target;
        EXPECT_EQ(call("DELETE", target, bob_token_, with_version({})).code(), "upload_not_found") << target;
    }
    auto admin = token_for(make_id(), {"files:read:any", "files:write:any", "files:write"});
    EXPECT_EQ(call("HEAD", path, admin, with_version({})).status, 404) << "only its owner writes an upload";
    EXPECT_EQ(offset_of(path), "0");
}

TEST_F(Tus, ThePermissionToWriteIsNeeded)
{
    std::string path = path_of_new(5);
    auto reader = token_for(alice_, {"files:read"});
    EXPECT_EQ(call("POST", "/uploads/", reader, with_version({{"upload-length", "1"}})).code(), "insufficient_scope");
    for (const char* method : {"HEAD", "PATCH", "DELETE"}) {
        EXPECT_EQ(call(method, path, reader, with_version({})).status, 403) << method;
        EXPECT_EQ(call(method, path, "", with_version({})).status, 401) << method;
        EXPECT_EQ(call(method, path, "", {}).status, 401) << method;
    }
}

TEST_F(Tus, AUserHasSoManyAtATime)
{
    for (int i = 0; i < 100; ++i)
        path_of_new(1);
    Answer answer = create({{"upload-length", "1"}});
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.code(), "too_many_uploads");
    EXPECT_EQ(call("POST", "/uploads/", bob_token_, with_version({{"upload-length", "1"}})).status, 201);
}

}  // namespace

}  // namespace gatehouse::files::testing
