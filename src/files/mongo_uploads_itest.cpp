// SPDX-License-Identifier: Apache-2.0
// What crashes and slow writers leave of uploads on a real server, made by hand.
#include "files/mongo_fixture.hpp"
#include "files/mongo_upload_log.hpp"
#include "files/upload_store_suite.hpp"

namespace gatehouse::files::testing {

namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Mongo, UploadStoreSuite, MongoPlace);

class MongoUploads : public UploadStoreSuite<MongoPlace> {
protected:
    mongo::UploadDocument document(const std::string& id)
    {
        auto found = log_.find_open(id);
        EXPECT_TRUE(found);
        return found.value();
    }
    // A chunk as a writer of `epoch` would have written it.
    void leave_chunk(const mongo::ObjectId& content, std::uint32_t n, std::int64_t epoch)
    {
        mongo::write_upload_chunks(place_.database, content, epoch, n, std::string(mongo::chunk_bytes, 'x'));
    }
    void set_open(const std::string& id)
    {
        mongo::Document filter;
        filter.add("_id", id);
        mongo::Document set;
        set.add("open", true);
        mongo::Document unset;
        unset.add("ended_at", 1);
        mongo::Document change;
        change.add("$set", set).add("$unset", unset);
        ASSERT_EQ(place_.database.update_one("fs.uploads", filter, change), 1);
    }

    mongo::UploadLog log_{place_.database};
};

TEST_F(MongoUploads, ChunksOfEarlierWritersGiveWay)
{
    std::string content = make_content(3'000'000);
    Upload upload = create(content.size());
    append(upload.id, std::string_view(content).substr(0, 600'000));
    auto writer = open(upload.id);
    // Late, as from a process that froze in the middle of a write.
    for (std::uint32_t n : {2U, 5U, 9U})
        leave_chunk(document(upload.id).content, n, 1);
    write(*writer, std::string_view(content).substr(600'000));
    run(writer->confirm());
    File file = finish(*writer, make_event("file.uploaded", upload.id));
    expect_file(file, content);
    expect_no_leftovers();
}

TEST_F(MongoUploads, ChunksOfALaterWriterStay)
{
    std::string content = make_content(3'000'000);
    Upload upload = create(content.size());
    auto writer = open(upload.id);
    leave_chunk(document(upload.id).content, 4, 99);
    auto fill = [&] {
        write(*writer, content);
        run(writer->confirm());
    };
    EXPECT_THROW(fill(), Superseded);
    EXPECT_EQ(offset_of(upload.id), 0U);
    mongo::Document filter;
    filter.add("_id", mongo::make_chunk_id(document(upload.id).content, 4));
    EXPECT_TRUE(place_.database.find_one("fs.chunks", filter));
}

TEST_F(MongoUploads, AChunkBehindTheEndGoesWithTheUpload)
{
    open_hasty();
    Upload upload = create(std::nullopt);
    auto frozen = open(upload.id);
    leave_chunk(document(upload.id).content, 3, 1);
    auto writer = open(upload.id);
    write(*writer, "hello");
    writer->set_length(5);
    run(writer->confirm());
    File file = finish(*writer, make_event("file.uploaded", upload.id));
    expect_file(file, "hello");
    auto count = [&] { return place_.contents_of_chunks().size(); };
    EXPECT_EQ(count(), 2U);
    frozen.reset();
    expect_no_leftovers();
    EXPECT_EQ(count(), 1U);
}

TEST_F(MongoUploads, RequestsMayGoToAnyProcess)
{
    auto other = place_.open();
    std::string content = make_content(2'000'000);
    Upload upload = create(content.size());
    for (std::size_t at = 0; at < content.size(); at += 250'000) {
        UploadStore& store = at / 250'000 % 2 == 0 ? uploads() : other->uploads();
        auto writer = run(store.open(upload.id, later)).writer;
        ASSERT_TRUE(writer);
        EXPECT_EQ(run(other->uploads().open(upload.id, later)).access, UploadStore::Access::busy);
        write(*writer, std::string_view(content).substr(at, 250'000));
        run(writer->confirm());
        run(writer->release());
    }
    File file = make_file(upload.id);
    auto writer = run(other->uploads().open(upload.id, later)).writer;
    run(writer->finish(file, make_event("file.uploaded", upload.id)));
    expect_file(file, content);
}

TEST_F(MongoUploads, AFinishedUploadThatWasNotMarkedAsEndedIsFinishedOnce)
{
    open_hasty();
    Upload upload = create(7);
    append(upload.id, "content");
    events::Event event = make_event("file.uploaded", upload.id);
    auto writer = open(upload.id);
    File file = finish(*writer, event);
    set_open(upload.id);  // as a process leaves it that is killed right then
    auto again = open(upload.id);
    EXPECT_THROW(finish(*again, make_event("file.uploaded", upload.id)), Superseded);
    expect_file(file, "content");
    EXPECT_EQ(outbox_ids(), std::vector{event.id});
    set_open(upload.id);
    EXPECT_FALSE(run(uploads().remove(upload.id))) << "it is a file";
    expect_file(file, "content");
    expect_no_leftovers();
}

TEST_F(MongoUploads, ARemovedFileDoesNotComeBack)
{
    Upload upload = create(7);
    append(upload.id, "content");
    auto writer = open(upload.id);
    finish(*writer, make_event("file.uploaded", upload.id));
    set_open(upload.id);
    ASSERT_TRUE(run(store_->remove(upload.id, make_event("file.deleted", upload.id))));
    EXPECT_EQ(access(upload.id), UploadStore::Access::unknown);
    expect_no_leftovers();
}

TEST_F(MongoUploads, ARemovalThatWasInterruptedIsCompleted)
{
    Upload upload = create(3'000'000);
    append(upload.id, make_content(2'000'000));
    auto content = document(upload.id).content;
    ASSERT_TRUE(mongo::insert_tombstone(place_.database, content, Clock().now() + std::chrono::hours{1}));
    EXPECT_TRUE(run(uploads().remove(upload.id)));
    EXPECT_EQ(run(uploads().find(upload.id)), std::nullopt);
    expect_no_leftovers();
}

TEST_F(MongoUploads, OfManyWhoMakeTheNextEntryOneDoes)
{
    Upload upload = create(10);
    auto before = log_.last_entry(document(upload.id));
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            mongo::UploadEntry entry = before;
            made += log_.append(before, entry, std::chrono::steady_clock::now()) ? 1 : 0;
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(made, 1);
}

TEST_F(MongoUploads, TheLogIsBoundedAndAWriterFromBeforeFails)
{
    Upload upload = create(10);
    auto early = log_.last_entry(document(upload.id));
    mongo::UploadEntry last = early;
    for (int i = 0; i < 1600; ++i) {
        mongo::UploadEntry next = last;
        ASSERT_TRUE(log_.append(last, next, std::chrono::steady_clock::now()));
        last = next;
    }
    EXPECT_LE(place_.count_of("fs.upload_log"), 1500U);
    mongo::UploadEntry entry = early;
    auto long_ago = std::chrono::steady_clock::now() - std::chrono::minutes{1};
    EXPECT_FALSE(log_.append(early, entry, long_ago)) << "its place is free again, and counts no more";
    EXPECT_EQ(log_.last_entry(document(upload.id)).seq, last.seq);
}

}  // namespace

}  // namespace gatehouse::files::testing
