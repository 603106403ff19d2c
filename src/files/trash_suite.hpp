// SPDX-License-Identifier: Apache-2.0
// What the trash of every FileStore must do, and its links of files. The Place is that of file_store_suite.hpp.
#pragma once

#include "files/file_store_suite.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gatehouse::files::testing {

template <class Place>
class TrashSuite : public FileStoreSuite<Place> {
protected:
    inline static const Trashed kept{from_unix_ms(1'790'000'000'500), from_unix_ms(4'790'000'000'500), "user-9"};
    bool trash(const std::string& id) { return trash(id, make_event("file.trashed", id)); }
    bool trash(const std::string& id, events::Event event)
    {
        return this->run(this->store_->trash(id, kept, std::move(event)));
    }
};

TYPED_TEST_SUITE_P(TrashSuite);

TYPED_TEST_P(TrashSuite, WhatIsInTheTrashIsThereForNobodyUntilItIsRestored)
{
    std::string content = make_content(600'000);
    File source = this->put_upload("owner-1", content);
    File audio = this->put_derived(source);
    File other = this->put_upload("owner-1", "other");
    auto feed = this->store_->changes();
    auto reader = this->run(this->store_->open(source.id));
    events::Event trashed = make_event("file.trashed", source.id);
    EXPECT_TRUE(this->trash(source.id, trashed));
    EXPECT_FALSE(this->trash(source.id, make_event("file.trashed", source.id))) << "it is there already";
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner, "", true}));
    for (const auto& id : {source.id, audio.id}) {
        EXPECT_EQ(this->run(this->store_->find(id)), std::nullopt);
        EXPECT_EQ(this->content_of(id), std::nullopt);
    }
    EXPECT_EQ(this->run(this->store_->list({"owner-1", "", 200})), std::vector{other});
    EXPECT_FALSE(this->run(this->store_->set_state(source.id, State::processed, "", std::nullopt)));
    this->run(this->store_->set_progress(source.id, 50));
    EXPECT_FALSE(this->run(this->store_->end_links(source.id)));
    File late = make_file(make_derived_id(source.id, "thumbnail"));
    late.derived_from = source.id;
    EXPECT_FALSE(this->put(late, "picture")) << "nothing is derived from it";
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), (Usage{600'005, 1, 600'000}));
    EXPECT_TRUE(this->run(read_all(*reader)) == content) << "a download goes on";

    File expected = source;
    expected.link_generation = 1;
    expected.trashed = this->kept;
    EXPECT_EQ(this->run(this->store_->find_trashed(source.id)), expected);
    EXPECT_EQ(this->run(this->store_->list({"owner-1", "", 200, true})), std::vector{expected});
    EXPECT_EQ(this->run(this->store_->list({"", "", 200, true})), std::vector{expected});
    EXPECT_TRUE(this->run(this->store_->list({"owner-2", "", 200, true})).empty());

    events::Event restored = make_event("file.restored", source.id);
    EXPECT_TRUE(this->run(this->store_->restore(source.id, restored)));
    EXPECT_FALSE(this->run(this->store_->restore(source.id, make_event("file.restored", source.id))));
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner}));
    expected.trashed.reset();
    EXPECT_EQ(this->run(this->store_->find(source.id)), expected);
    EXPECT_EQ(this->run(this->store_->find(audio.id)), audio);
    EXPECT_TRUE(this->content_of(source.id) == content);
    EXPECT_EQ(this->content_of(audio.id), "derived");
    EXPECT_EQ(this->run(this->store_->list({"owner-1", "", 200})), (std::vector{other, expected}));
    EXPECT_TRUE(this->run(this->store_->list({"owner-1", "", 200, true})).empty());
    EXPECT_EQ(this->run(this->store_->find_trashed(source.id)), std::nullopt);
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), (Usage{600'005, 2, 0}));
    EXPECT_EQ(this->outbox_ids(), (std::vector{trashed.id, restored.id}));
    this->expect_no_leftovers();
}

TYPED_TEST_P(TrashSuite, WhatWasBeingProcessedBeginsAnewAfterTheTrash)
{
    File file = this->put_upload();
    this->run(this->store_->set_state(file.id, State::processing, "", std::nullopt));
    this->run(this->store_->set_progress(file.id, 40));
    ASSERT_TRUE(this->trash(file.id));
    ASSERT_TRUE(this->run(this->store_->restore(file.id, make_event("file.restored", file.id))));
    EXPECT_EQ(this->run(this->store_->find(file.id))->state, State::stored);
    EXPECT_EQ(this->run(this->store_->find(file.id))->progress, 0);
    this->run(this->store_->set_state(file.id, State::failed, "There is no sound in it.", std::nullopt));
    ASSERT_TRUE(this->trash(file.id));
    ASSERT_TRUE(this->run(this->store_->restore(file.id, make_event("file.restored", file.id))));
    EXPECT_EQ(this->run(this->store_->find(file.id))->reason, "There is no sound in it.");
}

TYPED_TEST_P(TrashSuite, WhatIsRemovedFromTheTrashIsGone)
{
    File source = this->put_upload();
    File audio = this->put_derived(source);
    ASSERT_TRUE(this->trash(source.id));
    auto feed = this->store_->changes();
    this->run(feed->read({source.owner}, 100));  // it may begin a little earlier
    events::Event removed = make_event("file.deleted", source.id);
    EXPECT_TRUE(this->run(this->store_->remove(source.id, removed)));
    EXPECT_FALSE(this->run(this->store_->remove(source.id, make_event("file.deleted", source.id))));
    EXPECT_FALSE(this->run(this->store_->restore(source.id, make_event("file.restored", source.id))));
    EXPECT_EQ(this->run(this->store_->find_trashed(source.id)), std::nullopt);
    EXPECT_EQ(this->run(this->store_->find(audio.id)), std::nullopt);
    EXPECT_TRUE(this->run(feed->read({source.owner}, 100)).changes.empty()) << "who follows knows it as removed";
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), Usage{});
    EXPECT_EQ(this->outbox_ids().back(), removed.id);
    this->expect_no_leftovers();
}

TYPED_TEST_P(TrashSuite, TheTrashIsEmptiedInTime)
{
    File source = this->put_upload();
    this->put_derived(source);
    File later = this->put_upload("owner-1", "later");
    File live = this->put_upload("owner-1", "live");
    ASSERT_TRUE(this->trash(source.id));
    Trashed longer = this->kept;
    longer.until += std::chrono::hours{1};
    ASSERT_TRUE(this->run(this->store_->trash(later.id, longer, make_event("file.trashed", later.id))));
    this->run(this->store_->sweep_trash(this->kept.until - std::chrono::milliseconds{1}));
    EXPECT_TRUE(this->run(this->store_->find_trashed(source.id)));
    this->run(this->store_->sweep_trash(this->kept.until));
    this->run(this->store_->sweep_trash(this->kept.until));
    EXPECT_EQ(this->run(this->store_->find_trashed(source.id)), std::nullopt);
    EXPECT_TRUE(this->run(this->store_->find_trashed(later.id)));
    EXPECT_EQ(this->content_of(live.id), "live");
    auto waiting = this->run(this->store_->read_outbox(10));
    ASSERT_EQ(waiting.size(), 3U);
    EXPECT_EQ(waiting.back().type, "file.deleted");
    EXPECT_EQ(waiting.back().subject, source.id);
    EXPECT_EQ(waiting.back().data.at("deleted_by"), "user-9");
    this->expect_no_leftovers();
}

TYPED_TEST_P(TrashSuite, TheTrashIsListedPageByPage)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        File file = this->put_upload();
        ids.insert(ids.begin(), file.id);
        ASSERT_TRUE(this->trash(file.id));
        ASSERT_TRUE(this->trash(this->put_upload("owner-2").id));
    }
    std::vector<std::string> seen;
    ListQuery query{"owner-1", "", 2, true};
    for (auto page = this->run(this->store_->list(query)); !page.empty(); page = this->run(this->store_->list(query))) {
        EXPECT_LE(page.size(), 2U);
        for (const auto& file : page)
            seen.push_back(file.id);
        query.after = page.back().id;
    }
    EXPECT_EQ(seen, ids);
    EXPECT_EQ(this->run(this->store_->list({"", "", 200, true})).size(), 10U);
}

TYPED_TEST_P(TrashSuite, TheTrashIsThereAfterACrash)
{
    File source = this->put_upload("owner-1", "kept");
    this->put_derived(source);
    ASSERT_TRUE(this->trash(source.id));
    this->store_ = this->place_.open_crashed();
    EXPECT_TRUE(this->run(this->store_->find_trashed(source.id)));
    ASSERT_TRUE(this->run(this->store_->restore(source.id, make_event("file.restored", source.id))));
    EXPECT_EQ(this->content_of(source.id), "kept");
    this->expect_no_leftovers();
}

TYPED_TEST_P(TrashSuite, OnlyUploadsGoToTheTrash)
{
    File source = this->put_upload();
    File audio = this->put_derived(source);
    EXPECT_FALSE(this->trash(audio.id));
    EXPECT_FALSE(this->trash(make_id()));
    EXPECT_TRUE(this->run(this->store_->find(audio.id)));
    EXPECT_EQ(this->run(this->store_->find_trashed(source.id)), std::nullopt);
    EXPECT_FALSE(this->run(this->store_->restore(source.id, make_event("file.restored", source.id))));
    EXPECT_TRUE(this->outbox_ids().empty());
}

TYPED_TEST_P(TrashSuite, AFileCountsItsGenerationsOfLinks)
{
    File file = this->put_upload();
    EXPECT_EQ(file.link_generation, 0);
    EXPECT_TRUE(this->run(this->store_->end_links(file.id)));
    EXPECT_TRUE(this->run(this->store_->end_links(file.id)));
    EXPECT_EQ(this->run(this->store_->find(file.id))->link_generation, 2);
    EXPECT_FALSE(this->run(this->store_->end_links(make_id())));
}

REGISTER_TYPED_TEST_SUITE_P(TrashSuite, WhatIsInTheTrashIsThereForNobodyUntilItIsRestored,
                            WhatWasBeingProcessedBeginsAnewAfterTheTrash, WhatIsRemovedFromTheTrashIsGone,
                            TheTrashIsEmptiedInTime, TheTrashIsListedPageByPage, TheTrashIsThereAfterACrash,
                            OnlyUploadsGoToTheTrash, AFileCountsItsGenerationsOfLinks);

}  // namespace gatehouse::files::testing
