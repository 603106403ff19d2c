// SPDX-License-Identifier: Apache-2.0
#include "auth/auth_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace gatehouse::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Holds dead letters and tells what became of them.
class LetterQueue final : public events::EventQueue {
public:
    std::vector<events::DeadLetter> letters;
    std::vector<std::string> retried, dropped;
    bool away = false;
    bool away_for_deeds = false;   // goes away between the look at a letter and what is done to it
    bool taken_meanwhile = false;  // by somebody else

    Task<void> publish(events::Event) override { co_return; }
    Task<void> consume(std::string, std::size_t, Handle) override { co_return; }
    Task<std::vector<events::DeadLetter>> dead_letters(std::size_t limit) override
    {
        require_there();
        auto found = letters;
        found.resize(std::min(limit, found.size()));
        co_return found;
    }
    Task<std::optional<events::DeadLetter>> find_dead_letter(std::string id) override
    {
        require_there();
        auto found = std::ranges::find(letters, id, &events::DeadLetter::id);
        if (found == letters.end())
            co_return std::nullopt;
        co_return *found;
    }
    Task<bool> retry_dead_letter(std::string id) override
    {
        retried.push_back(id);
        co_return take(id);
    }
    Task<bool> drop_dead_letter(std::string id) override
    {
        dropped.push_back(id);
        co_return take(id);
    }
    Task<std::size_t> depth(std::string) override { co_return 0; }
    Task<std::size_t> dead_count(std::string) override { co_return letters.size(); }
    bool ready() const override { return !away; }

private:
    void require_there() const
    {
        if (away)
            throw Unavailable("the queue is away");
    }
    bool take(const std::string& id)
    {
        if (away_for_deeds)
            throw Unavailable("the queue is away");
        if (taken_meanwhile)
            return false;
        return std::erase_if(letters, [&](const events::DeadLetter& letter) { return letter.id == id; }) != 0;
    }
};

struct DeadLetters : testing::AuthTest {
    DeadLetters()
    {
        auto made = std::make_unique<LetterQueue>();
        letters = made.get();
        queue_ = std::move(made);
        root = add_user("root", {"admin"});
        token = token_of("root");
        for (int i = 1; i <= 3; ++i) {
            events::DeadLetter letter;
            letter.queue = "worker";
            letter.event = {.id = "event-" + std::to_string(i),
                            .type = "file.uploaded",
                            .source = "/files",
                            .subject = "file-" + std::to_string(i),
                            .time = clock_.now(),
                            .traceparent = {},
                            .data = {{"name", "clip.mp4"}}};
            letter.id = "worker:" + letter.event.id;
            letter.attempts = 5;
            letter.reason = "it crashed";
            letter.failed_at = clock_.now();
            letters->letters.push_back(std::move(letter));
        }
    }

    testing::Answer ask(std::string_view method, const std::string& target)
    {
        return call(method, target, {{"authorization", "Bearer " + token}});
    }

    std::vector<AuditRecord> records(std::string_view type)
    {
        return commands().list_audit({.type = std::string(type)}, 10);
    }

    LetterQueue* letters = nullptr;
    std::string root;
    std::string token;
};

TEST_F(DeadLetters, AreForWhoHasThePermission)
{
    add_user("ada");
    EXPECT_EQ(get("/admin/dead").status, 401);
    EXPECT_EQ(get("/admin/dead", token_of("ada")).code(), "insufficient_scope");
    EXPECT_EQ(call("DELETE", "/admin/dead/worker:event-1", {{"authorization", "Bearer " + token_of("ada")}}).status,
              403);
    EXPECT_THAT(letters->dropped, IsEmpty());
}

TEST_F(DeadLetters, AreListedAndShown)
{
    auto list = ask("GET", "/admin/dead").json();
    ASSERT_EQ(list.at("items").as_array().size(), 3u);
    EXPECT_TRUE(list.at("next").is_null());
    const json::object& first = list.at("items").as_array()[0].as_object();
    EXPECT_EQ(find_string(first, "id"), "worker:event-1");
    EXPECT_EQ(find_string(first, "queue"), "worker");
    EXPECT_EQ(find_string(first, "type"), "file.uploaded");
    EXPECT_EQ(find_string(first, "subject"), "file-1");
    EXPECT_EQ(find_string(first, "reason"), "it crashed");
    EXPECT_EQ(find_integer(first, "attempts"), 5);
    EXPECT_FALSE(first.contains("event"));
    EXPECT_EQ(ask("GET", "/admin/dead?limit=2").json().at("items").as_array().size(), 2u);

    auto one = ask("GET", "/admin/dead/worker:event-2").json();
    EXPECT_EQ(find_string(one, "subject"), "file-2");
    EXPECT_EQ(find_string(one.at("event").as_object(), "id"), "event-2");
}

TEST_F(DeadLetters, RefuseAnImpossiblePage)
{
    EXPECT_THAT(ask("GET", "/admin/dead?limit=0").pointers(), ElementsAre("limit"));
    EXPECT_THAT(ask("GET", "/admin/dead?limit=1001").pointers(), ElementsAre("limit"));
    EXPECT_THAT(ask("GET", "/admin/dead?cursor=x").pointers(), ElementsAre("cursor"));
}

TEST_F(DeadLetters, AreTakenUpAgainWithARecord)
{
    auto answer = ask("POST", "/admin/dead/worker:event-1/retry");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text("id"), "worker:event-1");
    EXPECT_THAT(letters->retried, ElementsAre("worker:event-1"));
    auto found = records("dead_letter.retried");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].actor, root);
    EXPECT_EQ(found[0].target, "worker:event-1");
    EXPECT_EQ(found[0].details, R"({"event":"file.uploaded","subject":"file-1"})");
    EXPECT_EQ(found[0].address, "127.0.0.1");
    auto requested = records("dead_letter.retry_requested");
    ASSERT_EQ(requested.size(), 1u);
    EXPECT_EQ(requested[0].details, found[0].details);
    EXPECT_LT(requested[0].number, found[0].number);
}

TEST_F(DeadLetters, AreDroppedWithARecord)
{
    EXPECT_EQ(ask("DELETE", "/admin/dead/worker:event-3").status, 204);
    EXPECT_THAT(letters->dropped, ElementsAre("worker:event-3"));
    ASSERT_EQ(records("dead_letter.dropped").size(), 1u);
    EXPECT_EQ(ask("DELETE", "/admin/dead/worker:event-3").code(), "dead_letter_not_found");
    EXPECT_EQ(records("dead_letter.dropped").size(), 1u) << "of what was not there";
}

TEST_F(DeadLetters, ThatAreNotThere)
{
    for (std::string id : {std::string("worker:none"), std::string("x"), std::string(2000, 'x')}) {
        EXPECT_EQ(ask("GET", "/admin/dead/" + id).code(), "dead_letter_not_found");
        EXPECT_EQ(ask("POST", "/admin/dead/" + id + "/retry").code(), "dead_letter_not_found");
        EXPECT_EQ(ask("DELETE", "/admin/dead/" + id).status, 404);
    }
    EXPECT_THAT(records("dead_letter.retried"), IsEmpty());
}

TEST_F(DeadLetters, WhileTheQueueIsAway)
{
    letters->away = true;
    EXPECT_EQ(ask("GET", "/admin/dead").status, 503);
    EXPECT_EQ(ask("POST", "/admin/dead/worker:event-1/retry").status, 503);
    EXPECT_EQ(ask("DELETE", "/admin/dead/worker:event-1").status, 503);
    EXPECT_THAT(records("dead_letter.retried"), IsEmpty());
    EXPECT_THAT(records("dead_letter.retry_requested"), IsEmpty());
}

TEST_F(DeadLetters, ThatTheQueueDidNotActOnAreNotRecordedAsDone)
{
    letters->away_for_deeds = true;
    EXPECT_EQ(ask("POST", "/admin/dead/worker:event-1/retry").status, 503);
    EXPECT_EQ(ask("DELETE", "/admin/dead/worker:event-1").status, 503);
    for (const auto& [requested, done, failed] :
         {std::tuple{"dead_letter.retry_requested", "dead_letter.retried", "dead_letter.retry_failed"},
          std::tuple{"dead_letter.drop_requested", "dead_letter.dropped", "dead_letter.drop_failed"}}) {
        EXPECT_EQ(records(requested).size(), 1u) << requested;
        EXPECT_THAT(records(done), IsEmpty()) << done;
        auto found = records(failed);
        ASSERT_EQ(found.size(), 1u) << failed;
        EXPECT_EQ(found[0].actor, root);
        EXPECT_EQ(found[0].target, "worker:event-1");
        EXPECT_EQ(found[0].details, R"({"event":"file.uploaded","subject":"file-1","reason":"unavailable"})");
    }
}

TEST_F(DeadLetters, ThatSomebodyElseTookMeanwhileAreNotRecordedAsDone)
{
    letters->taken_meanwhile = true;
    EXPECT_EQ(ask("POST", "/admin/dead/worker:event-2/retry").code(), "dead_letter_not_found");
    EXPECT_THAT(records("dead_letter.retried"), IsEmpty());
    auto found = records("dead_letter.retry_failed");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].details, R"({"event":"file.uploaded","subject":"file-2","reason":"not_found"})");
}

}  // namespace
}  // namespace gatehouse::auth
