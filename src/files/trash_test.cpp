// SPDX-License-Identifier: Apache-2.0
#include "files/files_fixture.hpp"

namespace gatehouse::files::testing {

namespace {

class TrashTest : public FilesFixture {
protected:
    Answer restore(const std::string& id, const std::string& token)
    {
        return call("POST", "/files/" + id + "/restore", token);
    }
    Answer remove(const std::string& id, const std::string& token, const std::string& query = "")
    {
        return call("DELETE", "/files/" + id + query, token);
    }
    json::array trash_of(const std::string& token, const std::string& query = "")
    {
        return call("GET", "/files?trash=true" + query, token).items();
    }
    std::string admin_token() const
    {
        return token_for(bob_, {"files:read", "files:write", "files:read:any", "files:write:any"});
    }
    std::vector<std::string> announced()
    {
        std::vector<std::string> types;
        for (const auto& event : run(store_->read_outbox(100)))
            types.push_back(event.type);
        return types;
    }
};

TEST_F(TrashTest, ARemovedUploadCanBeRestored)
{
    std::string id = upload_id("precious");
    json::object before = get("/files/" + id).object();
    EXPECT_EQ(remove(id, alice_token_).status, 204);
    EXPECT_EQ(remove(id, alice_token_).status, 404);
    EXPECT_TRUE(get("/files").items().empty());
    EXPECT_EQ(get("/files/" + id).status, 404);
    EXPECT_EQ(get("/files/" + id + "/content").status, 404);

    auto trash = trash_of(alice_token_);
    ASSERT_EQ(trash.size(), 1U);
    json::object file = trash.at(0).as_object();
    EXPECT_EQ(find_string(file, "id"), id);
    json::object state = file.at("trash").as_object();
    EXPECT_EQ(find_string(state, "removed_by"), alice_);
    EXPECT_LT(find_string(state, "removed_at"), find_string(state, "expires_at"));
    EXPECT_EQ(find_integer(get("/files/usage").object(), "used_bytes"), 8);
    EXPECT_EQ(find_integer(get("/files/usage").object(), "trash_bytes"), 8);
    EXPECT_EQ(find_integer(get("/files/usage").object(), "files"), 0);

    Answer restored = restore(id, alice_token_);
    EXPECT_EQ(restored.status, 200);
    EXPECT_EQ(restored.object(), before);
    EXPECT_EQ(restore(id, alice_token_).object(), before) << "whose answer was lost may ask again";
    EXPECT_EQ(get("/files/" + id + "/content").body, "precious");
    EXPECT_TRUE(trash_of(alice_token_).empty());
    EXPECT_EQ(announced(), (std::vector<std::string>{"file.uploaded", "file.trashed", "file.restored"}));
}

TEST_F(TrashTest, ItIsEmptiedForGoodOnDemand)
{
    std::string id = upload_id("in the trash");
    EXPECT_EQ(remove(id, alice_token_).status, 204);
    EXPECT_EQ(remove(id, alice_token_, "?permanent=yes").status, 422);
    EXPECT_EQ(remove(id, alice_token_, "?permanent=true").status, 204);
    EXPECT_EQ(remove(id, alice_token_, "?permanent=true").status, 404);
    EXPECT_EQ(restore(id, alice_token_).status, 404);
    EXPECT_TRUE(trash_of(alice_token_).empty());
    EXPECT_EQ(find_integer(get("/files/usage").object(), "used_bytes"), 0);
    std::string live = upload_id("not in the trash");
    EXPECT_EQ(remove(live, alice_token_, "?permanent=true").status, 204);
    EXPECT_TRUE(trash_of(alice_token_).empty());
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(TrashTest, ItIsItsOwnersAndAdministrators)
{
    std::string id = upload_id("mine");
    EXPECT_EQ(remove(id, alice_token_).status, 204);
    EXPECT_TRUE(trash_of(bob_token_).empty());
    EXPECT_EQ(call("GET", "/files?trash=true&all=true", bob_token_).status, 403);
    EXPECT_EQ(call("GET", "/files?trash=maybe", bob_token_).status, 422);
    EXPECT_EQ(restore(id, bob_token_).status, 404);
    EXPECT_EQ(restore(id, token_for(alice_, {"files:read"})).status, 403);
    EXPECT_EQ(restore(id, "").status, 401);
    EXPECT_EQ(remove(id, bob_token_, "?permanent=true").status, 404);
    EXPECT_EQ(trash_of(admin_token(), "&owner=" + alice_).size(), 1U);
    EXPECT_EQ(trash_of(admin_token(), "&all=true").size(), 1U);
    EXPECT_EQ(restore(id, admin_token()).status, 200);
    EXPECT_EQ(find_string(run(store_->read_outbox(100)).back().data, "restored_by"), bob_);
    EXPECT_EQ(remove(id, admin_token(), "?permanent=true").status, 204);
    EXPECT_EQ(get("/files/" + id).status, 404);
}

TEST_F(TrashTest, WithoutATimeThereIsNone)
{
    Config config;
    config.trash_ttl = std::chrono::milliseconds{0};
    files_ = std::make_unique<Files>(config, needs(), "https://gate.example");
    std::string id = upload_id("gone at once");
    EXPECT_EQ(remove(id, alice_token_).status, 204);
    EXPECT_TRUE(trash_of(alice_token_).empty());
    EXPECT_EQ(restore(id, alice_token_).status, 404);
    EXPECT_EQ(announced().back(), "file.deleted");
    EXPECT_EQ(stored_content_count(), 0U);
}

TEST_F(TrashTest, TheQuotaSaysWhatTheTrashHolds)
{
    Config config;
    config.quota_bytes = 10;
    files_ = std::make_unique<Files>(config, needs(), "https://gate.example");
    std::string id = upload_id("12345678");
    EXPECT_EQ(remove(id, alice_token_).status, 204);
    Answer answer = upload("123");
    EXPECT_EQ(answer.status, 507);
    EXPECT_TRUE(answer.detail().contains("8 of your 10 bytes are used, 8 of them by what is in the trash"))
        << answer.detail();
    EXPECT_EQ(remove(id, alice_token_, "?permanent=true").status, 204);
    EXPECT_EQ(upload("123").status, 201);
}

}  // namespace

}  // namespace gatehouse::files::testing
