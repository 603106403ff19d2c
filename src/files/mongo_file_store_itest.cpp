// SPDX-License-Identifier: Apache-2.0
// The file store on a real server. tools/run_tests itest starts one.
#include "files/mongo_fixture.hpp"

#include "files/mongo_content.hpp"
#include "files/mongo_core.hpp"
#include "files/mongo_records.hpp"
#include "files/trash_suite.hpp"
#include "support/services.hpp"

#include <csignal>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace gatehouse::files::testing {

namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Mongo, FileStoreSuite, MongoPlace);
INSTANTIATE_TYPED_TEST_SUITE_P(Mongo, TrashSuite, MongoPlace);

class MongoFileStore : public FileStoreSuite<MongoPlace> {
protected:
    mongo::ObjectId content_id(const std::string& id) { return mongo::find_record(place_.database, id)->content; }
    mongo::Document chunk_filter(const std::string& id, std::uint32_t n)
    {
        mongo::Document filter;
        filter.add("_id", mongo::make_chunk_id(content_id(id), n));
        return filter;
    }
    void replace_chunk(const std::string& id, std::uint32_t n, std::string_view data)
    {
        mongo::Document set;
        set.add_binary("data", data);
        mongo::Document change;
        change.add("$set", set);
        ASSERT_EQ(place_.database.update_one("fs.chunks", chunk_filter(id, n), change), 1);
    }
    std::unique_ptr<FileStore> open(const MongoOptions& options) { return make_mongo_file_store(place_.url, options); }
};

TEST(MongoUrl, WhatCannotBeRightIsRefusedWithoutThePassword)
{
    for (const char* url : {"mongodb://ada:secret@", "mongodb://ada:secret@host:99999/db", "mongodb://ada:secret@host",
                            "mongodb://ada:secret@host/", "local:files", "", "mongodb://ada:sec/ret@host/db"}) {
        try {
            make_mongo_file_store(url);
            FAIL() << url;
        } catch (const std::invalid_argument& e) {
            EXPECT_EQ(std::string(e.what()).find("sec"), std::string::npos) << e.what();
        }
    }
}

TEST_F(MongoFileStore, AnAbandonedWriterLeavesNoChunksAndNoEntry)
{
    auto writer = run(store_->create(make_id()));
    run(write_all(*writer, make_content(5'000'000), 64 * 1024));
    EXPECT_GT(place_.contents_of_chunks().size(), 0U);
    EXPECT_EQ(place_.count_of("fs.pending"), 1U);
    writer.reset();
    EXPECT_TRUE(wait_until([&] { return place_.count() == 0; })) << "long before the sweeper would come";
    EXPECT_EQ(place_.count_of("fs.files"), 0U);
}

TEST_F(MongoFileStore, WhatAKilledProcessWroteIsSwept)
{
    store_.reset();
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // The first threads and connections of this process are its own: nothing of the parent's is used.
        auto store = make_mongo_file_store(place_.url);
        auto writer = gatehouse::testing::run_task(store->create(make_id()));
        gatehouse::testing::run_task(write_all(*writer, make_content(5'000'000), 64 * 1024));
        ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_GT(place_.count(), 1U);
    EXPECT_EQ(place_.leftovers(), 0U);
    store_ = place_.open();
    EXPECT_TRUE(run(store_->list({})).empty()) << "the tombstone is invisible";
}

TEST_F(MongoFileStore, AWriterTakenForDeadCannotCommit)
{
    // One that shows no sign of life within the time of the other store.
    File file = make_file(make_id());
    auto writer = run(store_->create(file.id));
    run(write_all(*writer, make_content(3'000'000), 64 * 1024));
    auto sweeper = open(sweeping);
    EXPECT_TRUE(wait_until([&] { return place_.count() == 0; }));
    EXPECT_THROW(run(writer->commit(file, make_event("file.uploaded", file.id))), Unavailable);
    writer.reset();
    EXPECT_EQ(run(store_->find(file.id)), std::nullopt);
    EXPECT_TRUE(outbox_ids().empty());
    expect_no_leftovers();
}

TEST_F(MongoFileStore, ALivingWriterIsNotSwept)
{
    auto slow = open({.abandoned_after = 600ms, .sweep_interval = 50ms});
    auto sweeper = open({.abandoned_after = 600ms, .sweep_interval = 50ms});
    File file = make_file(make_id());
    auto writer = run(slow->create(file.id));
    run(writer->write("patience"));
    std::this_thread::sleep_for(2s);
    EXPECT_TRUE(run(writer->commit(file, std::nullopt)));
    EXPECT_EQ(content_of(file.id), "patience");
}

TEST_F(MongoFileStore, RemovedContentGoesWhenItsTimeHasCome)
{
    auto store = open({.abandoned_after = 200ms, .sweep_interval = 50ms});
    File file = put_upload("owner-1", make_content(1'000'000));
    put_derived(file);
    events::Event event = make_event("file.deleted", file.id);
    ASSERT_TRUE(run(store->remove(file.id, event)));
    EXPECT_TRUE(wait_until([&] { return place_.contents_of_chunks().empty(); }));
    EXPECT_TRUE(wait_until([&] { return place_.count_of("fs.files") == 1; })) << "the one with the event stays";
    ASSERT_EQ(run(store->read_outbox(10)).size(), 1U);
    run(store->clear_outbox({event.id}));
    EXPECT_TRUE(wait_until([&] { return place_.count_of("fs.files") == 0; }));
}

TEST_F(MongoFileStore, ARangeTouchesOnlyItsChunks)
{
    std::string content = make_content(5 * mongo::chunk_bytes);
    File file = put_upload("owner-1", content);
    for (std::uint32_t n : {0U, 1U, 3U, 4U})
        replace_chunk(file.id, n, "bogus");
    auto reader = run(store_->open(file.id));
    reader->seek(2 * mongo::chunk_bytes + 5, mongo::chunk_bytes - 5);
    EXPECT_TRUE(run(read_all(*reader)) == content.substr(2 * mongo::chunk_bytes + 5, mongo::chunk_bytes - 5));
    reader->seek(0, 10);
    EXPECT_THROW(run(reader->read()), Unavailable) << "and a chunk of the wrong size is noticed";
}

TEST_F(MongoFileStore, AMissingChunkIsReportedNotSkipped)
{
    File file = put_upload("owner-1", make_content(3 * mongo::chunk_bytes));
    ASSERT_EQ(place_.database.remove_one("fs.chunks", chunk_filter(file.id, 1)), 1);
    auto reader = run(store_->open(file.id));
    EXPECT_EQ(run(reader->read()).size(), mongo::chunk_bytes);
    EXPECT_THROW(run(reader->read()), Unavailable);
}

TEST_F(MongoFileStore, AChunkThatIsTooLongIsReported)
{
    File file = put_upload("owner-1", "short");
    replace_chunk(file.id, 0, std::string(1 << 20, 'x'));
    auto reader = run(store_->open(file.id));
    EXPECT_THROW(run(reader->read()), Unavailable);
}

TEST_F(MongoFileStore, ChunksThatAToolCopiedAreReadByTheirPlace)
{
    std::string content = make_content(mongo::chunk_bytes + 7);
    File file = put_upload("owner-1", content);
    auto chunk = place_.database.find_one("fs.chunks", chunk_filter(file.id, 1));
    ASSERT_TRUE(chunk);
    ASSERT_EQ(place_.database.remove_one("fs.chunks", chunk_filter(file.id, 1)), 1);
    mongo::Document copy;
    copy.add("_id", mongo::make_content_id()).add("files_id", content_id(file.id)).add("n", 1);
    copy.add_binary("data", chunk->find_binary("data").value());
    ASSERT_TRUE(place_.database.insert("fs.chunks", copy));
    EXPECT_TRUE(content_of(file.id) == content);
}

TEST_F(MongoFileStore, AnUploadIsOneAmongManyWritersOfItsId)
{
    auto other = place_.open();
    std::string id = make_id();
    std::vector<std::thread> threads;
    std::atomic<int> won{0};
    for (int i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] {
            FileStore& store = i % 2 == 0 ? *store_ : *other;
            File file = make_file(id, "owner-" + std::to_string(i));
            auto writer = gatehouse::testing::run_task(store.create(id));
            gatehouse::testing::run_task(writer->write(file.owner));
            if (gatehouse::testing::run_task(writer->commit(file, std::nullopt)))
                won.fetch_add(1);
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(won.load(), 1);
    EXPECT_EQ(content_of(id), run(store_->find(id))->owner);
    other.reset();
    expect_no_leftovers();
}

TEST_F(MongoFileStore, ARemovalAndADerivedCommitLeaveNoDerivedFileBehind)
{
    auto worker = place_.open();
    for (int i = 0; i < 20; ++i) {
        File source = put_upload();
        File file = make_file(make_derived_id(source.id, "audio"));
        file.derived_from = source.id;
        std::thread deriving([&] {
            auto writer = gatehouse::testing::run_task(worker->create(file.id));
            gatehouse::testing::run_task(writer->write("sound"));
            gatehouse::testing::run_task(writer->commit(file, std::nullopt));
        });
        std::this_thread::sleep_for(std::chrono::microseconds{700 * i});
        EXPECT_TRUE(run(store_->remove(source.id, make_event("file.deleted", source.id))));
        deriving.join();
        EXPECT_EQ(run(store_->find(file.id)), std::nullopt);
    }
    worker.reset();
    expect_no_leftovers();
}

TEST_F(MongoFileStore, ADerivedFileWhoseSourceIsGoneIsSwept)
{
    File source = put_upload();
    File audio = put_derived(source);
    // As if the process had died between the two.
    mongo::Outbox outbox(place_.database, 30s);
    ASSERT_TRUE(mongo::mark_removed(place_.database, outbox, source.id, Clock().now() + 1min, std::nullopt));
    EXPECT_EQ(run(store_->find(audio.id)), std::nullopt);
    EXPECT_TRUE(mongo::find_record(place_.database, audio.id));
    auto sweeper = open(sweeping);
    EXPECT_TRUE(wait_until([&] { return !mongo::find_record(place_.database, audio.id); }));
}

TEST_F(MongoFileStore, TwoRelaysShareTheOutboxWithoutRepeats)
{
    auto other = place_.open();
    std::vector<std::string> mine;
    std::vector<std::string> theirs;
    for (int i = 0; i < 10; ++i) {
        File file = make_file(make_id());
        events::Event event = make_event("file.uploaded", file.id);
        FileStore& store = i % 2 == 0 ? *store_ : *other;
        (i % 2 == 0 ? mine : theirs).push_back(event.id);
        auto writer = run(store.create(file.id));
        ASSERT_TRUE(run(writer->commit(file, event)));
    }
    auto ids_of = [&](FileStore& store) {
        std::vector<std::string> ids;
        for (const auto& event : run(store.read_outbox(100)))
            ids.push_back(event.id);
        return ids;
    };
    EXPECT_EQ(ids_of(*store_), mine);
    EXPECT_EQ(ids_of(*other), theirs);
    EXPECT_EQ(ids_of(*store_), mine) << "until they are cleared";
    other->stop();
    std::vector<std::string> all = mine;
    all.insert(all.end(), theirs.begin(), theirs.end());
    std::ranges::sort(all);
    auto taken = ids_of(*store_);
    std::ranges::sort(taken);
    EXPECT_EQ(taken, all) << "a store that stops hands over what it has";
    run(store_->clear_outbox(all));
    EXPECT_TRUE(ids_of(*store_).empty());
}

TEST_F(MongoFileStore, EventsOfADeadProcessAreTakenOverByOneRelay)
{
    auto one = open({.outbox_lease = 500ms});
    auto two = open({.outbox_lease = 500ms});
    // Written by a store that never reads its outbox again.
    auto dead = open({.outbox_lease = 500ms});
    File file = make_file(make_id());
    auto writer = run(dead->create(file.id));
    ASSERT_TRUE(run(writer->commit(file, make_event("file.uploaded", file.id))));
    EXPECT_TRUE(run(one->read_outbox(10)).empty());
    std::this_thread::sleep_for(600ms);
    EXPECT_EQ(run(one->read_outbox(10)).size(), 1U);
    EXPECT_TRUE(run(two->read_outbox(10)).empty());
}

TEST_F(MongoFileStore, AServerThatGoesAndComesBack)
{
    std::string content = make_content(2'000'000);
    File kept = put_upload("owner-1", content);
    auto writer = run(store_->create(make_id()));
    gatehouse::testing::run_services("stop mongodb");
    auto begin = Clock_::now();
    EXPECT_THROW(run(store_->find(kept.id)), Unavailable);
    EXPECT_LT(Clock_::now() - begin, 5s);
    EXPECT_TRUE(wait_until([&] { return !store_->ready(); }));
    begin = Clock_::now();
    EXPECT_THROW(run(store_->create(make_id())), Unavailable);
    EXPECT_LT(Clock_::now() - begin, 500ms) << "known to be away";
    auto late = place_.open();
    EXPECT_FALSE(late->ready()) << "a store may start before its server";
    gatehouse::testing::run_services("start mongodb");
    EXPECT_TRUE(wait_until([&] { return store_->ready() && late->ready(); }, 20s));
    EXPECT_TRUE(content_of(kept.id) == content);
    put_upload();
    EXPECT_EQ(run(late->list({})).size(), 2U);
    late.reset();
    writer.reset();
    expect_no_leftovers();
}

}  // namespace

}  // namespace gatehouse::files::testing
