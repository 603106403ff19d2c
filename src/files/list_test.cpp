// SPDX-License-Identifier: Apache-2.0
#include "files/files_fixture.hpp"

namespace gatehouse::files::testing {

namespace {

class List : public FilesFixture {
protected:
    std::vector<std::string> ids_of(const Answer& answer)
    {
        std::vector<std::string> ids;
        for (const auto& item : answer.items())
            ids.push_back(find_string(item.as_object(), "id").value());
        return ids;
    }

    // What the worker does with a finished job.
    File add_derived(const std::string& source, const std::string& processor)
    {
        File file;
        file.id = make_derived_id(source, processor);
        file.owner = alice_;
        file.name = processor + ".bin";
        file.type = "audio/mpeg";
        file.created_at = clock_.now();
        file.state = State::processed;
        file.derived_from = source;
        file.processor = processor;
        auto writer = run(store_->create(file.id));
        run(writer->write("made by " + processor));
        EXPECT_TRUE(run(writer->commit(file, std::nullopt)));
        return file;
    }
};

TEST_F(List, PagesFollowEachOtherFromTheNewest)
{
    std::vector<std::string> expected;
    for (int i = 0; i < 5; ++i)
        expected.insert(expected.begin(), upload_id("x"));
    std::vector<std::string> seen;
    std::string target = "/files?limit=2";
    for (int page = 0; page < 3; ++page) {
        Answer answer = get(target);
        ASSERT_EQ(answer.status, 200) << answer.body;
        for (auto& id : ids_of(answer))
            seen.push_back(std::move(id));
        auto next = find_string(answer.object(), "next");
        EXPECT_EQ(next.has_value(), page < 2) << page;
        target = "/files?limit=2&cursor=" + next.value_or("");
    }
    EXPECT_EQ(seen, expected);
    EXPECT_TRUE(get("/files?limit=5").object().at("next").is_null()) << "a full last page has no next one";
}

TEST_F(List, EverybodySeesTheirOwnFiles)
{
    std::string id = upload_id("x");
    EXPECT_EQ(ids_of(get("/files")), std::vector{id});
    EXPECT_TRUE(call("GET", "/files", bob_token_).items().empty());
    EXPECT_EQ(ids_of(get("/files?owner=" + alice_)), std::vector{id});
    for (const std::string& target : {"/files?owner=" + alice_, std::string("/files?all=true")}) {
        Answer answer = call("GET", target, bob_token_);
        EXPECT_EQ(answer.status, 403) << target;
        EXPECT_EQ(answer.code(), "insufficient_scope");
        EXPECT_NE(answer.header("www-authenticate").find("files:read:any"), std::string::npos);
    }
}

TEST_F(List, WithThePermissionTheFilesOfOthersAreListed)
{
    std::string id = upload_id("x");
    std::string auditor = token_for(bob_, {"files:read", "files:read:any"});
    EXPECT_TRUE(call("GET", "/files", auditor).items().empty()) << "one's own unless asked otherwise";
    EXPECT_EQ(ids_of(call("GET", "/files?owner=" + alice_, auditor)), std::vector{id});
    EXPECT_EQ(ids_of(call("GET", "/files?all=true", auditor)), std::vector{id});
}

TEST_F(List, BadParametersAreNamed)
{
    for (const char* query : {"limit=0", "limit=101", "limit=x", "limit=", "limit=-1", "limit=5x", "cursor=x",
                              "after=x", "owner=x", "owner=", "all=1"}) {
        Answer answer = get(std::string("/files?") + query);
        EXPECT_EQ(answer.status, 422) << query;
        EXPECT_EQ(answer.code(), "invalid_fields") << query;
        std::string name = std::string(query).substr(0, std::string(query).find('='));
        EXPECT_NE(answer.body.find('"' + name + '"'), std::string::npos) << answer.body;
    }
}

TEST_F(List, DerivedFilesStandInsideTheirSource)
{
    std::string id = upload_id("x");
    upload_id("another");
    File audio = add_derived(id, "audio");
    File thumbnail = add_derived(id, "thumbnail");
    Answer list = get("/files");
    ASSERT_EQ(list.items().size(), 2U);
    EXPECT_TRUE(list.item(0).at("derived").as_array().empty());
    json::object file = list.item(1);
    ASSERT_EQ(file.at("derived").as_array().size(), 2U);
    json::object first = file.at("derived").as_array().at(0).as_object();
    EXPECT_EQ(find_string(first, "id"), audio.id);
    EXPECT_EQ(find_string(first, "processor"), "audio");
    EXPECT_EQ(find_string(first, "derived_from"), id);
    EXPECT_EQ(find_string(first, "state"), "processed");
    EXPECT_EQ(get("/files/" + id).object(), file);
    EXPECT_EQ(get("/download?fid=" + thumbnail.id).body, "made by thumbnail");
}

TEST_F(List, ADeletedFileTakesItsDerivedFilesAlong)
{
    std::string id = upload_id("x", "gone.txt");
    File audio = add_derived(id, "audio");
    run(store_->clear_outbox({run(store_->read_outbox(1)).front().id}));
    EXPECT_EQ(call("DELETE", "/files/" + id, token_for(alice_, {"files:read"})).status, 403);
    Answer answer = call("DELETE", "/files/" + id + "?permanent=true", alice_token_);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(get("/files/" + id).status, 404);
    EXPECT_EQ(get("/files/" + audio.id).status, 404);
    EXPECT_EQ(call("DELETE", "/files/" + id, alice_token_).status, 404);
    auto waiting = run(store_->read_outbox(10));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting.front().type, "file.deleted");
    EXPECT_EQ(waiting.front().subject, id);
    json::object data{{"file", id}, {"owner", alice_}, {"name", "gone.txt"}, {"deleted_by", alice_}};
    EXPECT_EQ(waiting.front().data, data);
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(List, AnAdministratorDeletesFilesOfOthers)
{
    std::string id = upload_id("x");
    EXPECT_EQ(call("DELETE", "/files/" + id, token_for(bob_, {"files:write", "files:write:any"})).status, 204);
    EXPECT_EQ(find_string(run(store_->read_outbox(10)).back().data, "trashed_by"), bob_);
}

TEST_F(List, AFailureCarriesItsReason)
{
    std::string id = upload_id("x");
    run(store_->set_state(id, State::failed, "There is no sound in this video.", std::nullopt));
    json::object file = get("/files/" + id).object();
    EXPECT_EQ(find_string(file, "state"), "failed");
    EXPECT_EQ(find_string(file, "reason"), "There is no sound in this video.");
}

TEST_F(List, OtherMethodsAreRefused)
{
    std::string id = upload_id("x");
    Answer answer = call("PUT", "/files/" + id, alice_token_);
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.header("allow"), "DELETE, GET, HEAD");
}

}  // namespace

}  // namespace gatehouse::files::testing
