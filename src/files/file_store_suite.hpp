// SPDX-License-Identifier: Apache-2.0
// What every FileStore must do. A store's test instantiates the suite with a Place:
//
//   struct Place {
//       std::unique_ptr<FileStore> open();         // on what is there; the one before has been destroyed
//       std::unique_ptr<FileStore> open_crashed(); // as if the process had been killed just now, the one before still
//       alive std::size_t leftovers();                   // pieces of content that no record names; the store has been
//       stopped
//   };
#pragma once

#include "files/file_store.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/sha256.hpp"
#include "support/content.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::files::testing {

using ::gatehouse::testing::make_content;

inline File make_file(std::string id, std::string owner = "owner-1", std::string name = "holiday.mp4")
{
    File file;
    file.id = std::move(id);
    file.owner = std::move(owner);
    file.name = std::move(name);
    file.type = "video/mp4";
    file.created_at = from_unix_ms(1'790'000'000'123);
    return file;
}

inline events::Event make_event(std::string type, std::string subject)
{
    events::Event event;
    event.id = make_id();
    event.type = std::move(type);
    event.source = "/files";
    event.subject = std::move(subject);
    event.time = from_unix_ms(1'790'000'000'456);
    event.data["file"] = event.subject;
    return event;
}

inline Task<std::string> read_all(FileReader& reader)
{
    std::string content;
    while (true) {
        std::string_view piece = co_await reader.read();
        if (piece.empty())
            break;
        content.append(piece);
    }
    co_return content;
}

inline Task<void> write_all(FileWriter& writer, std::string_view content, std::size_t piece)
{
    for (std::size_t at = 0; at < content.size(); at += piece)
        co_await writer.write(content.substr(at, piece));
}

template <class Place>
class FileStoreSuite : public ::testing::Test {
protected:
    template <class T>
    T run(Task<T> task)
    {
        return gatehouse::testing::run_task(context_, std::move(task), std::chrono::seconds{60});
    }

    // Stores a file; false when the store refused.
    bool put(File& file, std::string_view content, std::optional<events::Event> event = std::nullopt)
    {
        auto writer = run(store_->create(file.id));
        run(write_all(*writer, content, 64 * 1024));
        return run(writer->commit(file, std::move(event)));
    }
    File put_upload(std::string owner = "owner-1", std::string_view content = "content")
    {
        File file = make_file(make_id(), std::move(owner));
        EXPECT_TRUE(put(file, content));
        return file;
    }
    File put_derived(const File& source, const std::string& processor = "audio", std::string_view content = "derived")
    {
        File file = make_file(make_derived_id(source.id, processor), source.owner, "holiday.mp3");
        file.derived_from = source.id;
        file.processor = processor;
        EXPECT_TRUE(put(file, content));
        return file;
    }
    std::optional<std::string> content_of(const std::string& id)
    {
        auto reader = run(store_->open(id));
        if (!reader)
            return std::nullopt;
        return run(read_all(*reader));
    }
    std::vector<std::string> outbox_ids()
    {
        std::vector<std::string> ids;
        for (const auto& event : run(store_->read_outbox(100)))
            ids.push_back(event.id);
        return ids;
    }
    // Whether the feed tells of it, with what it knows.
    bool is_told(ChangeFeed& feed, const Change& expected)
    {
        auto is_it = [&](const Change& told) {
            auto fits = [](const std::string& known, const std::string& is) { return known.empty() || known == is; };
            return told.id == expected.id && told.removed == expected.removed && fits(told.owner, expected.owner) &&
                   fits(told.source, expected.source);
        };
        return std::ranges::any_of(run(feed.read({expected.owner}, 100)).changes, is_it);
    }
    void expect_no_leftovers()
    {
        store_->stop();
        EXPECT_EQ(place_.leftovers(), 0U);
    }

    asio::io_context context_;
    Place place_;
    std::unique_ptr<FileStore> store_ = place_.open();
};

TYPED_TEST_SUITE_P(FileStoreSuite);

TYPED_TEST_P(FileStoreSuite, AStoredFileComesBackAsItWasGiven)
{
    File file = make_file(make_id());
    ASSERT_TRUE(this->put(file, "hello"));
    EXPECT_EQ(file.size, 5U);
    EXPECT_EQ(file.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    EXPECT_EQ(this->run(this->store_->find(file.id)), file);
    EXPECT_EQ(this->content_of(file.id), "hello");
    EXPECT_EQ(this->run(this->store_->open(file.id))->file(), file);
}

TYPED_TEST_P(FileStoreSuite, AFileMayBeEmpty)
{
    File file = make_file(make_id());
    ASSERT_TRUE(this->put(file, ""));
    EXPECT_EQ(file.size, 0U);
    EXPECT_EQ(file.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(this->content_of(file.id), "");
}

TYPED_TEST_P(FileStoreSuite, ALargeFileMostlyOfZerosKeepsItsHash)
{
    std::string content(64ULL << 20U, '\0');
    std::string mark = make_content(5000);
    for (std::size_t at : {std::size_t{0}, std::size_t{33'333'333}, content.size() - mark.size()})
        content.replace(at, mark.size(), mark);
    File file = make_file(make_id());
    auto writer = this->run(this->store_->create(file.id));
    this->run(write_all(*writer, content, 70'001));
    ASSERT_TRUE(this->run(writer->commit(file, std::nullopt)));
    EXPECT_EQ(file.size, content.size());
    EXPECT_EQ(file.sha256, to_hex(sha256(content)));
    EXPECT_TRUE(this->content_of(file.id) == content);
}

TYPED_TEST_P(FileStoreSuite, ContentWrittenInPiecesOfAnySizeIsTheSame)
{
    std::string content = make_content(400'000);
    for (std::size_t piece : {1'000UL, 131'071UL, 131'072UL, 131'073UL, 400'000UL}) {
        File file = make_file(make_id());
        auto writer = this->run(this->store_->create(file.id));
        this->run(write_all(*writer, content, piece));
        ASSERT_TRUE(this->run(writer->commit(file, std::nullopt)));
        EXPECT_EQ(file.sha256, to_hex(sha256(content))) << piece;
        EXPECT_TRUE(this->content_of(file.id) == content) << piece;
    }
}

TYPED_TEST_P(FileStoreSuite, AnyRangeCanBeRead)
{
    std::string content = make_content(700'001);
    File file = this->put_upload("owner-1", content);
    auto reader = this->run(this->store_->open(file.id));
    struct Range {
        std::size_t offset, length;
    };
    for (auto [offset, length] : {Range{0, 1},
                                  {1, 1},
                                  {700'000, 1},
                                  {0, 700'001},
                                  {262'143, 3},
                                  {262'144, 262'144},
                                  {123'457, 400'003},
                                  {699'999, 2},
                                  {5, 0}}) {
        reader->seek(offset, length);
        EXPECT_TRUE(this->run(read_all(*reader)) == content.substr(offset, length)) << offset << "+" << length;
    }
    reader->seek(700'000, 500);
    EXPECT_EQ(this->run(read_all(*reader)).size(), 1U) << "a range ends with the file";
    reader->seek(900'000, 1);
    EXPECT_EQ(this->run(read_all(*reader)), "");
}

TYPED_TEST_P(FileStoreSuite, AWriterKnowsItsHeadSizeAndHash)
{
    std::string content = make_content(10'000);
    auto writer = this->run(this->store_->create(make_id()));
    EXPECT_EQ(writer->head(), "");
    this->run(write_all(*writer, content, 3'000));
    EXPECT_EQ(writer->size(), 10'000U);
    EXPECT_TRUE(writer->head() == content.substr(0, 4096));
    this->run(writer->seal());
    this->run(writer->seal());
    EXPECT_EQ(writer->sha256(), to_hex(sha256(content)));
}

TYPED_TEST_P(FileStoreSuite, AnAbandonedWriterLeavesNothing)
{
    std::string id = make_id();
    auto writer = this->run(this->store_->create(id));
    this->run(write_all(*writer, make_content(300'000), 64 * 1024));
    writer.reset();
    auto sealed = this->run(this->store_->create(id));
    this->run(sealed->write("sealed"));
    this->run(sealed->seal());
    sealed.reset();
    EXPECT_EQ(this->run(this->store_->find(id)), std::nullopt);
    EXPECT_EQ(this->run(this->store_->open(id)), nullptr);
    EXPECT_TRUE(this->run(this->store_->list({})).empty());
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, CommittingAnIdAgainChangesNothing)
{
    File first = make_file(make_id());
    events::Event event = make_event("file.uploaded", first.id);
    ASSERT_TRUE(this->put(first, "first", event));
    File second = make_file(first.id, "owner-2", "other.mp4");
    EXPECT_FALSE(this->put(second, "second", make_event("file.uploaded", first.id)));
    EXPECT_EQ(this->run(this->store_->find(first.id)), first);
    EXPECT_EQ(this->content_of(first.id), "first");
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id});
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, OfTwoWritersOfOneIdOneWins)
{
    File one = make_file(make_id());
    File two = one;
    auto writer_one = this->run(this->store_->create(one.id));
    auto writer_two = this->run(this->store_->create(two.id));
    this->run(writer_one->write("one"));
    this->run(writer_two->write("two"));
    EXPECT_TRUE(this->run(writer_two->commit(two, std::nullopt)));
    EXPECT_FALSE(this->run(writer_one->commit(one, std::nullopt)));
    writer_one.reset();
    writer_two.reset();
    EXPECT_EQ(this->content_of(one.id), "two");
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, NothingIsDerivedFromAFileThatIsGone)
{
    File source = this->put_upload();
    File derived = make_file(make_derived_id(source.id, "audio"));
    derived.derived_from = source.id;
    ASSERT_TRUE(this->run(this->store_->remove(source.id, make_event("file.deleted", source.id))));
    EXPECT_FALSE(this->put(derived, "sound", make_event("file.processed", source.id)));
    EXPECT_EQ(this->run(this->store_->find(derived.id)), std::nullopt);
    EXPECT_EQ(this->outbox_ids().size(), 1U);
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, ADerivedFileCanBeRemovedAndMadeAgain)
{
    File source = this->put_upload();
    File derived = this->put_derived(source, "audio", "first");
    ASSERT_TRUE(this->run(this->store_->remove(derived.id, make_event("file.deleted", derived.id))));
    this->put_derived(source, "audio", "second");
    EXPECT_EQ(this->content_of(derived.id), "second");
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, RemovingTakesWhatWasDerivedAlongAndAnnouncesIt)
{
    File source = this->put_upload();
    File audio = this->put_derived(source);
    File other = this->put_upload();
    events::Event event = make_event("file.deleted", source.id);
    EXPECT_TRUE(this->run(this->store_->remove(source.id, event)));
    EXPECT_FALSE(this->run(this->store_->remove(source.id, make_event("file.deleted", source.id))));
    for (const auto& id : {source.id, audio.id}) {
        EXPECT_EQ(this->run(this->store_->find(id)), std::nullopt);
        EXPECT_EQ(this->content_of(id), std::nullopt);
    }
    EXPECT_EQ(this->content_of(other.id), "content");
    auto waiting = this->run(this->store_->read_outbox(10));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting.front(), event);
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, ReadingGoesOnAfterARemoval)
{
    std::string content = make_content(3'000'000);
    File file = this->put_upload("owner-1", content);
    auto reader = this->run(this->store_->open(file.id));
    std::string begin(this->run(reader->read()));
    ASSERT_TRUE(this->run(this->store_->remove(file.id, make_event("file.deleted", file.id))));
    EXPECT_EQ(this->run(this->store_->open(file.id)), nullptr);
    EXPECT_TRUE(begin + this->run(read_all(*reader)) == content);
}

TYPED_TEST_P(FileStoreSuite, NamesAreKeptWhateverTheySay)
{
    for (const char* name :
         {"../../etc/passwd", "'; DROP TABLE files; --", "\"quoted\".mp4", "$where", "{\"$gt\":\"\"}",
          "\xC3\x9C\x62\x65r \xE6\x97\xA5\xE6\x9C\xAC.mp4", "\xF0\x9F\x8E\xB5.mp3", "%s%n", "a.b.c", "."}) {
        File file = make_file(make_id(), "owner-1", name);
        ASSERT_TRUE(this->put(file, "x")) << name;
        auto found = this->run(this->store_->find(file.id));
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->name, name);
    }
    EXPECT_EQ(this->run(this->store_->list({"owner-1", "", 200})).size(), 10U);
    EXPECT_TRUE(this->run(this->store_->list({"' OR '1'='1", "", 200})).empty());
}

TYPED_TEST_P(FileStoreSuite, UnknownIdsAreUnknown)
{
    std::string id = make_id();
    EXPECT_EQ(this->run(this->store_->find(id)), std::nullopt);
    EXPECT_EQ(this->run(this->store_->open(id)), nullptr);
    EXPECT_FALSE(this->run(this->store_->remove(id, make_event("file.deleted", id))));
    EXPECT_FALSE(this->run(this->store_->set_state(id, State::failed, "no", make_event("file.failed", id))));
    this->run(this->store_->set_progress(id, 50));
    EXPECT_TRUE(this->outbox_ids().empty());
}

TYPED_TEST_P(FileStoreSuite, AListHasOwnUploadsNewestFirstPageByPage)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 7; ++i) {
        ids.insert(ids.begin(), this->put_upload().id);
        this->put_upload("owner-2");
    }
    this->put_derived(*this->run(this->store_->find(ids.front())));
    std::vector<std::string> seen;
    std::vector<std::size_t> sizes;
    ListQuery query{"owner-1", "", 3};
    while (true) {
        auto page = this->run(this->store_->list(query));
        sizes.push_back(page.size());
        if (page.empty())
            break;
        for (const auto& file : page)
            seen.push_back(file.id);
        query.after = page.back().id;
    }
    EXPECT_EQ(seen, ids);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 3, 1, 0}));
    EXPECT_EQ(this->run(this->store_->list({"", "", 200})).size(), 14U) << "an empty owner means everybody";
    EXPECT_TRUE(this->run(this->store_->list({"owner-3", "", 200})).empty());
}

TYPED_TEST_P(FileStoreSuite, ACursorStaysRightWhileFilesComeAndGo)
{
    File oldest = this->put_upload();
    File middle = this->put_upload();
    File newest = this->put_upload();
    this->put_upload();
    ASSERT_TRUE(this->run(this->store_->remove(newest.id, make_event("file.deleted", newest.id))));
    auto page = this->run(this->store_->list({"owner-1", newest.id, 10}));
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].id, middle.id);
    EXPECT_EQ(page[1].id, oldest.id);
}

TYPED_TEST_P(FileStoreSuite, DerivedFilesAreFoundBySeveralSourcesAtOnce)
{
    File one = this->put_upload();
    File two = this->put_upload();
    File three = this->put_upload();
    File audio = this->put_derived(one, "audio");
    File thumbnail = this->put_derived(one, "thumbnail");
    File other = this->put_derived(two, "audio");
    this->put_derived(three);
    auto found = this->run(this->store_->derived({one.id, two.id}));
    ASSERT_EQ(found.size(), 3U);
    for (const auto& file : {audio, thumbnail, other})
        EXPECT_EQ(std::ranges::count(found, file), 1);
    EXPECT_TRUE(this->run(this->store_->derived({})).empty());
    EXPECT_TRUE(this->run(this->store_->derived({make_id()})).empty());
}

TYPED_TEST_P(FileStoreSuite, AStateAndItsEventChangeTogether)
{
    File file = this->put_upload();
    EXPECT_TRUE(this->run(this->store_->set_state(file.id, State::processing, "", std::nullopt)));
    this->run(this->store_->set_progress(file.id, 40));
    auto found = this->run(this->store_->find(file.id));
    EXPECT_EQ(found->state, State::processing);
    EXPECT_EQ(found->progress, 40);
    EXPECT_TRUE(this->outbox_ids().empty());

    events::Event event = make_event("file.failed", file.id);
    EXPECT_TRUE(this->run(this->store_->set_state(file.id, State::failed, "There is no sound in it.", event)));
    found = this->run(this->store_->find(file.id));
    EXPECT_EQ(found->state, State::failed);
    EXPECT_EQ(found->reason, "There is no sound in it.");
    EXPECT_EQ(found->progress, 0);
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id});

    EXPECT_TRUE(this->run(this->store_->set_state(file.id, State::failed, "There is no sound in it.", event)));
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id}) << "a repeated job announces once";

    EXPECT_TRUE(this->run(this->store_->set_state(file.id, State::processed, "", std::nullopt)));
    found = this->run(this->store_->find(file.id));
    EXPECT_EQ(found->progress, 100);
    EXPECT_EQ(found->reason, "");
    this->run(this->store_->set_progress(file.id, 7));
    EXPECT_EQ(this->run(this->store_->find(file.id))->progress, 100) << "a late report says nothing";
}

TYPED_TEST_P(FileStoreSuite, TheOutboxGivesEventsInOrderUntilTheyAreCleared)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        File file = make_file(make_id());
        events::Event event = make_event("file.uploaded", file.id);
        event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        ids.push_back(event.id);
        ASSERT_TRUE(this->put(file, "x", event));
        if (i == 0) {
            EXPECT_EQ(this->run(this->store_->read_outbox(10)).front(), event);
        }
    }
    EXPECT_EQ(this->outbox_ids(), ids);
    auto oldest = this->run(this->store_->read_outbox(2));
    ASSERT_EQ(oldest.size(), 2U);
    EXPECT_EQ(oldest[1].id, ids[1]);
    this->run(this->store_->clear_outbox({ids[0], ids[2]}));
    EXPECT_EQ(this->outbox_ids(), (std::vector{ids[1], ids[3], ids[4]}));
    this->run(this->store_->clear_outbox({ids[0], "unknown"}));
    this->run(this->store_->clear_outbox({}));
    EXPECT_EQ(this->outbox_ids().size(), 3U);
}

// As after a long outage of the queue.
TYPED_TEST_P(FileStoreSuite, ManyEventsAreClearedAtOnce)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 70; ++i) {
        File file = make_file(make_id());
        events::Event event = make_event("file.uploaded", file.id);
        ids.push_back(event.id);
        ASSERT_TRUE(this->put(file, "x", event));
    }
    EXPECT_EQ(this->outbox_ids(), ids);
    this->run(this->store_->clear_outbox(ids));
    EXPECT_TRUE(this->outbox_ids().empty());
}

TYPED_TEST_P(FileStoreSuite, WhoWaitsForEventsIsToldOfEach)
{
    int told = 0;
    this->store_->on_announce([&told] { ++told; });
    File file = make_file(make_id());
    ASSERT_TRUE(this->put(file, "x", make_event("file.uploaded", file.id)));
    EXPECT_EQ(told, 1);
    this->put_derived(file);
    this->run(this->store_->set_state(file.id, State::processing, "", std::nullopt));
    EXPECT_EQ(told, 1) << "nothing was announced";
    this->run(this->store_->set_state(file.id, State::processed, "", make_event("file.processed", file.id)));
    EXPECT_EQ(told, 2);
    this->run(this->store_->remove(file.id, make_event("file.deleted", file.id)));
    EXPECT_EQ(told, 3);
}

TYPED_TEST_P(FileStoreSuite, EverythingIsThereAfterARestart)
{
    File file = make_file(make_id());
    events::Event event = make_event("file.uploaded", file.id);
    ASSERT_TRUE(this->put(file, "kept", event));
    this->store_.reset();
    this->store_ = this->place_.open();
    EXPECT_EQ(this->run(this->store_->find(file.id)), file);
    EXPECT_EQ(this->content_of(file.id), "kept");
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id});
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, ACrashKeepsWhatWasCommittedAndNothingElse)
{
    File kept = this->put_upload("owner-1", "kept");
    std::string id = make_id();
    auto writing = this->run(this->store_->create(id));
    this->run(write_all(*writing, make_content(300'000), 64 * 1024));
    auto sealed = this->run(this->store_->create(make_id()));
    this->run(sealed->write("sealed"));
    this->run(sealed->seal());
    auto crashed = this->place_.open_crashed();
    writing.reset();
    sealed.reset();
    this->store_ = std::move(crashed);
    EXPECT_EQ(this->content_of(kept.id), "kept");
    EXPECT_EQ(this->run(this->store_->find(id)), std::nullopt);
    this->expect_no_leftovers();
}

TYPED_TEST_P(FileStoreSuite, AFeedTellsWhatChanges)
{
    auto feed = this->store_->changes();
    File source = this->put_upload();
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner}));
    this->run(this->store_->set_state(source.id, State::processing, "", std::nullopt));
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner}));
    this->run(this->store_->set_progress(source.id, 40));
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner}));
    File derived = this->put_derived(source);
    EXPECT_TRUE(this->is_told(*feed, {derived.id, derived.owner, source.id}));
    this->run(this->store_->remove(derived.id, make_event("file.deleted", derived.id)));
    EXPECT_TRUE(this->is_told(*feed, {derived.id, derived.owner, source.id, true}));
    this->run(this->store_->remove(source.id, make_event("file.deleted", source.id)));
    EXPECT_TRUE(this->is_told(*feed, {source.id, source.owner, "", true}));
    EXPECT_TRUE(this->run(feed->read({source.owner}, 100)).changes.empty());
}

TYPED_TEST_P(FileStoreSuite, UsageCountsTheUploadsOfOneOwner)
{
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), Usage{});
    File first = this->put_upload("owner-1", "12345");
    this->put_upload("owner-1", "");
    this->put_upload("owner-1", "123");
    this->put_upload("owner-2", "1234567");
    this->put_derived(first, "audio", "not counted");
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), (Usage{8, 3}));
    this->run(this->store_->remove(first.id, make_event("file.deleted", first.id)));
    EXPECT_EQ(this->run(this->store_->usage("owner-1")), (Usage{3, 2}));
}

TYPED_TEST_P(FileStoreSuite, AFeedTellsManyChangesInParts)
{
    auto feed = this->store_->changes();
    std::set<std::string> missing;
    for (int i = 0; i < 25; ++i)
        missing.insert(this->put_upload().id);
    for (int i = 0; i < 25 && !missing.empty(); ++i)
        for (const Change& change : this->run(feed->read({"owner-1"}, 4)).changes)
            missing.erase(change.id);
    EXPECT_TRUE(missing.empty());
}

TYPED_TEST_P(FileStoreSuite, AStoppedStoreIsUnavailable)
{
    File file = this->put_upload();
    EXPECT_TRUE(this->store_->ready());
    auto writer = this->run(this->store_->create(make_id()));
    this->store_->stop();
    EXPECT_FALSE(this->store_->ready());
    EXPECT_THROW(this->run(this->store_->find(file.id)), Unavailable);
    EXPECT_THROW(this->run(this->store_->create(make_id())), Unavailable);
    EXPECT_THROW(this->run(writer->seal()), Unavailable);
    this->store_.reset();
    writer.reset();  // outlives its store
}

REGISTER_TYPED_TEST_SUITE_P(FileStoreSuite, AStoredFileComesBackAsItWasGiven, AFileMayBeEmpty,
                            ALargeFileMostlyOfZerosKeepsItsHash, ContentWrittenInPiecesOfAnySizeIsTheSame,
                            AnyRangeCanBeRead, AWriterKnowsItsHeadSizeAndHash, AnAbandonedWriterLeavesNothing,
                            CommittingAnIdAgainChangesNothing, OfTwoWritersOfOneIdOneWins,
                            NothingIsDerivedFromAFileThatIsGone, ADerivedFileCanBeRemovedAndMadeAgain,
                            RemovingTakesWhatWasDerivedAlongAndAnnouncesIt, ReadingGoesOnAfterARemoval,
                            NamesAreKeptWhateverTheySay, UnknownIdsAreUnknown, AListHasOwnUploadsNewestFirstPageByPage,
                            ACursorStaysRightWhileFilesComeAndGo, DerivedFilesAreFoundBySeveralSourcesAtOnce,
                            AStateAndItsEventChangeTogether, TheOutboxGivesEventsInOrderUntilTheyAreCleared,
                            AFeedTellsWhatChanges, UsageCountsTheUploadsOfOneOwner, AFeedTellsManyChangesInParts,
                            ManyEventsAreClearedAtOnce, WhoWaitsForEventsIsToldOfEach, EverythingIsThereAfterARestart,
                            ACrashKeepsWhatWasCommittedAndNothingElse, AStoppedStoreIsUnavailable);

}  // namespace gatehouse::files::testing
