// SPDX-License-Identifier: Apache-2.0
#include "files/files_fixture.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gatehouse::files::testing {

namespace {

const std::string png_head("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0", 29);

std::string part(const std::string& disposition, const std::string& content)
{
    return "--frontier\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
}

const Fields form_fields{{"content-type", "multipart/form-data; boundary=frontier"}};

class Upload : public FilesFixture {
protected:
    Answer upload_form(std::string form, std::size_t piece = 100'000, bool broken = false)
    {
        PiecewiseBody body(std::move(form), piece, broken);
        return call("POST", "/upload", alice_token_, form_fields, &body);
    }
    std::size_t listed() { return get("/files").items().size(); }
};

class UploadWithALimit : public FilesFixture {
protected:
    UploadWithALimit() : FilesFixture(1000) {}
};

TEST_F(Upload, ARawBodyBecomesAFile)
{
    Answer answer = upload("hello", "hello.txt");
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_TRUE(answer.object().at("next").is_null());
    json::object file = answer.item(0);
    std::string id = find_string(file, "id").value();
    EXPECT_TRUE(is_id(id));
    EXPECT_EQ(answer.header("location"), "/files/" + id);
    EXPECT_EQ(find_string(file, "owner"), alice_);
    EXPECT_EQ(find_string(file, "name"), "hello.txt");
    EXPECT_EQ(find_string(file, "type"), "text/plain");
    EXPECT_EQ(find_integer(file, "size"), 5);
    EXPECT_EQ(find_string(file, "sha256"), to_hex(sha256("hello")));
    EXPECT_EQ(find_string(file, "created_at")->size(), std::string_view("2026-11-24T03:41:00.123Z").size());
    EXPECT_EQ(find_string(file, "state"), "stored");
    EXPECT_EQ(find_integer(file, "progress"), 0);
    for (const char* absent : {"reason", "derived_from", "processor"})
        EXPECT_TRUE(file.at(absent).is_null()) << absent;
    EXPECT_TRUE(file.at("derived").as_array().empty());
    EXPECT_EQ(get("/files/" + id).object(), file);
    EXPECT_EQ(get("/files/" + id + "/content").body, "hello");
}

TEST_F(Upload, TheFileIsAnnouncedWithWhatConsumersNeed)
{
    http::StringBody body("hello");
    std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    Answer answer = call("POST", "/upload?name=a.txt", alice_token_, {{"traceparent", trace}}, &body);
    ASSERT_EQ(answer.status, 201);
    std::string id = find_string(answer.item(0), "id").value();
    auto waiting = run(store_->read_outbox(10));
    ASSERT_EQ(waiting.size(), 1U);
    const events::Event& event = waiting.front();
    EXPECT_EQ(event.type, "file.uploaded");
    EXPECT_EQ(event.source, "/files");
    EXPECT_EQ(event.subject, id);
    EXPECT_EQ(event.traceparent, trace);
    json::object data{{"file", id},
                      {"owner", alice_},
                      {"name", "a.txt"},
                      {"type", "text/plain"},
                      {"size", 5},
                      {"sha256", to_hex(sha256("hello"))},
                      {"username", "name-of-" + alice_.substr(32)}};
    EXPECT_EQ(event.data, data) << json::serialize(event.data);
}

TEST_F(Upload, AMalformedTraceIsNotPassedOn)
{
    http::StringBody body("hello");
    ASSERT_EQ(call("POST", "/upload?name=a", alice_token_, {{"traceparent", "00-nothing"}}, &body).status, 201);
    EXPECT_EQ(run(store_->read_outbox(10)).front().traceparent, "");
}

TEST_F(Upload, AFormMayCarrySeveralFilesAndOtherFields)
{
    std::string form = part("name=\"comment\"", "not a file") + part("name=\"a\"; filename=\"one.png\"", png_head) +
                       part("name=\"b\"; filename=\"two.txt\"", "second\r\n--not a boundary") + "--frontier--\r\n";
    for (std::size_t piece : {1UL, 7UL, 100'000UL}) {
        Answer answer = upload_form(form, piece);
        ASSERT_EQ(answer.status, 201) << answer.body;
        ASSERT_EQ(answer.items().size(), 2U);
        EXPECT_EQ(find_string(answer.item(0), "name"), "one.png");
        EXPECT_EQ(find_string(answer.item(0), "type"), "image/png");
        EXPECT_EQ(find_string(answer.item(1), "name"), "two.txt");
        std::string id = find_string(answer.item(1), "id").value();
        EXPECT_EQ(get("/files/" + id + "/content").body, "second\r\n--not a boundary");
        EXPECT_EQ(answer.header("location"), "");
    }
    EXPECT_EQ(listed(), 6U);
    EXPECT_EQ(run(store_->read_outbox(10)).size(), 6U);
    EXPECT_EQ(stored_content_count(), 6U);
}

TEST_F(Upload, AFormOfOneFileIsTheSimplestUpload)
{
    Answer answer = upload_form(part("name=\"file\"; filename=\"video.mp4\"", "content") + "--frontier--\r\n");
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.header("location"), "/files/" + find_string(answer.item(0), "id").value());
}

TEST_F(Upload, AFormWithoutAFileIsRefused)
{
    for (const std::string& form :
         {std::string("--frontier--\r\n"), part("name=\"comment\"", "text") + "--frontier--\r\n",
          part("name=\"file\"; filename=\"\"", "") + "--frontier--\r\n"}) {
        Answer answer = upload_form(form);
        EXPECT_EQ(answer.status, 400) << form;
        EXPECT_EQ(answer.code(), "invalid_request");
    }
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Upload, ANamedEmptyFileIsAFile)
{
    Answer form = upload_form(part("name=\"file\"; filename=\"empty.bin\"", "") + "--frontier--\r\n");
    ASSERT_EQ(form.status, 201) << form.body;
    EXPECT_EQ(find_integer(form.item(0), "size"), 0);
    EXPECT_EQ(find_string(form.item(0), "type"), "application/x-empty");
    EXPECT_EQ(upload("", "empty.bin").status, 201);
    EXPECT_EQ(call("POST", "/upload", alice_token_).status, 400) << "no name and no body";
}

TEST_F(Upload, ABrokenFormLeavesNothing)
{
    std::string good = part("name=\"a\"; filename=\"one.txt\"", "first");
    std::string begun = "--frontier\r\nContent-Disposition: form-data; name=\"b\"; filename=\"two.txt\"\r\n\r\nsecond";
    Answer cut = upload_form(good + begun);
    EXPECT_EQ(cut.status, 400);
    EXPECT_EQ(cut.code(), "bad_multipart");
    EXPECT_NE(cut.detail(), "");
    Answer closed = upload_form(good + begun, 10, true);
    EXPECT_EQ(closed.status, 400);
    EXPECT_EQ(closed.code(), "body_incomplete");
    EXPECT_EQ(listed(), 0U);
    EXPECT_TRUE(run(store_->read_outbox(10)).empty());
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Upload, ARawBodyThatBreaksOffLeavesNothing)
{
    PiecewiseBody body(std::string(300'000, 'x'), 10'000, true);
    Answer answer = call("POST", "/upload?name=a.txt", alice_token_, {}, &body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(listed(), 0U);
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Upload, OtherMultipartTypesAndBadBoundariesAreRefused)
{
    for (const char* type :
         {"multipart/mixed; boundary=frontier", "multipart/form-data", "Multipart/Form-Data; boundary="}) {
        http::StringBody body("--frontier--\r\n");
        Answer answer = call("POST", "/upload?name=a", alice_token_, {{"content-type", type}}, &body);
        EXPECT_EQ(answer.status, 400) << type;
        EXPECT_EQ(answer.code(), "bad_multipart") << type;
    }
}

TEST_F(Upload, MoreThanAHundredFilesAreRefused)
{
    std::string form;
    for (int i = 0; i < 101; ++i)
        form += part("name=\"f\"; filename=\"f.txt\"", "x");
    Answer answer = upload_form(form + "--frontier--\r\n");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(listed(), 0U);
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Upload, TheNameComesFromTheQueryOrTheDispositionAndIsMadeHarmless)
{
    struct Case {
        std::string target;
        Fields fields;
        std::string name;
    };
    for (const auto& [target, fields, name] :
         {Case{"/upload?name=a.txt", {{"content-disposition", "attachment; filename=b.txt"}}, "a.txt"},
          Case{"/upload", {{"content-disposition", "attachment; filename=\"b c.txt\""}}, "b c.txt"},
          Case{"/upload", {{"content-disposition", "attachment; filename*=UTF-8''%C3%BC.mp4"}}, "\xC3\xBC.mp4"},
          Case{"/upload?name=..%2F..%2Fetc%2Fpasswd", {}, "passwd"},
          Case{"/upload?name=a%0D%0ASet-Cookie:%20x", {}, "aSet-Cookie: x"}, Case{"/upload", {}, "file"}}) {
        http::StringBody body("x");
        Answer answer = call("POST", target, alice_token_, fields, &body);
        ASSERT_EQ(answer.status, 201) << target << answer.body;
        EXPECT_EQ(find_string(answer.item(0), "name"), name) << target;
    }
}

TEST_F(Upload, ItTakesATokenWithThePermission)
{
    http::StringBody body("x");
    EXPECT_EQ(call("POST", "/upload?name=a", "", {}, &body).status, 401);
    EXPECT_EQ(call("POST", "/upload?name=a", alice_token_ + "x", {}, &body).status, 401);
    Answer reader = call("POST", "/upload?name=a", token_for(alice_, {"files:read"}), {}, &body);
    EXPECT_EQ(reader.status, 403);
    EXPECT_EQ(reader.code(), "insufficient_scope");
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(Upload, FilesAndBytesAreCounted)
{
    upload_id("hello");
    upload_id("you");
    std::string metrics = metrics_.serialize();
    EXPECT_NE(metrics.find("gatehouse_files_uploads_total 2"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find("gatehouse_files_uploaded_bytes_total 8"), std::string::npos) << metrics;
}

TEST_F(UploadWithALimit, AFileOfExactlyTheLimitIsTaken) { EXPECT_EQ(upload(std::string(1000, 'x')).status, 201); }

TEST_F(UploadWithALimit, ALargerBodyIsRefusedBeforeItIsRead)
{
    PiecewiseBody body(std::string(1001, 'x'), 10);
    Answer answer = call("POST", "/upload?name=big.bin", alice_token_, {}, &body);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.code(), "file_too_large");
    EXPECT_NE(answer.detail().find("big.bin"), std::string::npos) << answer.detail();
    EXPECT_NE(answer.detail().find("1000 bytes"), std::string::npos) << answer.detail();
    EXPECT_EQ(body.taken(), 0U);
}

TEST_F(UploadWithALimit, ABodyOfUnknownLengthIsCutOffAtTheLimit)
{
    PiecewiseBody body(std::string(100'000, 'x'), 10, false, false);
    Answer answer = call("POST", "/upload?name=big.bin", alice_token_, {}, &body);
    EXPECT_EQ(answer.code(), "file_too_large");
    EXPECT_EQ(body.taken(), 1010U);
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(UploadWithALimit, ItCountsForEachFileOfAForm)
{
    std::string fits(900, 'x');
    http::StringBody two(part("name=\"a\"; filename=\"a\"", fits) + part("name=\"b\"; filename=\"b\"", fits) +
                         "--frontier--\r\n");
    EXPECT_EQ(call("POST", "/upload", alice_token_, form_fields, &two).status, 201);
    http::StringBody large(part("name=\"a\"; filename=\"a\"", fits) +
                           part("name=\"b\"; filename=\"b.bin\"", fits + fits) + "--frontier--\r\n");
    Answer answer = call("POST", "/upload", alice_token_, form_fields, &large);
    EXPECT_EQ(answer.status, 413);
    EXPECT_NE(answer.detail().find("b.bin"), std::string::npos);
    EXPECT_EQ(get("/files").items().size(), 2U) << "the first file of the refused form did not become visible";
    EXPECT_EQ(stored_content_count(), 2U);
}

TEST_F(Upload, AStoreThatIsAwayIsAnsweredWith503)
{
    store_->stop();
    Answer answer = upload("x");
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.header("retry-after"), "");
    EXPECT_EQ(answer.body.find("pool"), std::string::npos) << "the cause is for the log";
}

}  // namespace

}  // namespace gatehouse::files::testing
