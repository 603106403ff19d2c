// SPDX-License-Identifier: Apache-2.0
// A local store's files in MongoDB.
#include "files/transfer.hpp"

#include "files/mongo_fixture.hpp"
#include "sql/examination.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace gatehouse::files::testing {

namespace {

using ::gatehouse::testing::run_task;

class FileTransferTest : public ::testing::Test {
protected:
    ~FileTransferTest() override { source_->stop(); }

    std::string add(std::string content, const std::string& derived_from = "")
    {
        File file = make_file(make_id());
        file.derived_from = derived_from;
        file.processor = derived_from.empty() ? "" : "audio";
        file.state = State::processed;
        file.progress = 100;
        auto write = [](FileStore& store, File made, std::string bytes) -> Task<void> {
            auto writer = co_await store.create(made.id);
            co_await writer->write(bytes);
            EXPECT_TRUE(co_await writer->commit(made, std::nullopt));
        };
        run_task(io_, write(*source_, file, std::move(content)));
        return file.id;
    }

    template <class Work>
    auto transfer(Work work, bool may_vanish = false)
    {
        auto connection = sql::open_sqlite_to_look(directory_.path() / "files.db");
        sql::Transaction transaction(*connection);
        FileTransfer transfer(*connection, directory_.path() / "files", place_.url, may_vanish);
        return work(transfer);
    }
    FilesBrought bring(bool may_vanish = false)
    {
        return transfer([](FileTransfer& t) { return t.bring([](std::uint64_t) {}); }, may_vanish);
    }
    FileComparison compare()
    {
        return transfer([](FileTransfer& t) { return t.compare(5, [](std::uint64_t) {}); });
    }
    std::filesystem::path any_content() const
    {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path() / "files" / "content"))
            if (entry.is_regular_file())
                return entry.path();
        return {};
    }

    ::gatehouse::testing::TempDir directory_;
    MongoPlace place_;
    asio::io_context io_;
    std::unique_ptr<FileStore> source_ =
        make_local_file_store(directory_.path() / "files", directory_.path() / "files.db");
};

TEST_F(FileTransferTest, RecordsAndContentGoAndThenWhatChanged)
{
    std::string large = make_content(3 * 1024 * 1024 + 7);
    std::string first = add(large);
    add("");
    std::string sound = add("of the first", first);
    add("of the sound", sound);
    for (int i = 0; i < 250; ++i)  // more than a page
        add("small " + std::to_string(i));
    EXPECT_EQ(bring().brought, 254U);
    auto result = compare();
    EXPECT_EQ(result.different, 0U) << ::testing::PrintToString(result.examples);
    EXPECT_EQ(result.contents, 254U);
    EXPECT_EQ(result.contents_read, 254U);
    result = compare();  // what was right stays right
    EXPECT_EQ(result.contents, 254U);
    EXPECT_EQ(result.contents_read, 0U);
    EXPECT_EQ(result.source.bytes, result.target.bytes);
    EXPECT_EQ(bring().brought, 0U);

    auto change = [](FileStore& store, std::string id) -> Task<void> {
        co_await store.set_state(id, State::failed, "no sound", std::nullopt);
    };
    run_task(io_, change(*source_, first));
    auto remove = [](FileStore& store, std::string id) -> Task<void> {
        EXPECT_TRUE(co_await store.remove(id, make_event("file.deleted", id)));
    };
    run_task(io_, remove(*source_, sound));
    EXPECT_EQ(compare().different, 3U);
    auto again = bring();
    EXPECT_EQ(again.brought, 0U);
    EXPECT_EQ(again.changed, 1U);
    EXPECT_EQ(again.removed, 2U);
    EXPECT_EQ(compare().different, 0U);

    // The store that serves them gives what was put in.
    auto target = place_.open();
    auto read = [](FileStore& store, std::string id) -> Task<std::string> {
        auto reader = co_await store.open(id);
        co_return co_await read_all(*reader);
    };
    EXPECT_EQ(run_task(io_, read(*target, first)), large);
    target->stop();
}

TEST_F(FileTransferTest, TheTrashGoesAlong)
{
    std::string first = add("first");
    std::string sound = add("of the first", first);
    std::string second = add("second");
    std::string third = add("third");
    auto trash = [](FileStore& store, std::string id) -> Task<void> {
        TimePoint now = std::chrono::floor<std::chrono::milliseconds>(Clock().now());
        EXPECT_TRUE(
            co_await store.trash(id, {now, now + std::chrono::hours{1}, "somebody"}, make_event("file.trashed", id)));
    };
    auto restore = [](FileStore& store, std::string id) -> Task<void> {
        EXPECT_TRUE(co_await store.restore(id, make_event("file.restored", id)));
    };
    auto remove = [](FileStore& store, std::string id) -> Task<void> {
        EXPECT_TRUE(co_await store.remove(id, make_event("file.deleted", id)));
    };
    run_task(io_, trash(*source_, first));
    run_task(io_, trash(*source_, third));
    EXPECT_EQ(bring().brought, 4U);
    auto result = compare();
    EXPECT_EQ(result.different, 0U) << ::testing::PrintToString(result.examples);
    EXPECT_EQ(result.contents, 4U);
    EXPECT_EQ(result.source.bytes, result.target.bytes);

    // One comes back, another goes, the third is removed for good.
    run_task(io_, restore(*source_, first));
    run_task(io_, trash(*source_, second));
    run_task(io_, remove(*source_, third));
    EXPECT_EQ(compare().different, 3U);
    auto again = bring();
    EXPECT_EQ(again.changed, 2U);
    EXPECT_EQ(again.removed, 1U);
    EXPECT_EQ(compare().different, 0U);

    auto target = place_.open();
    auto find = [](FileStore& store, std::string id) -> Task<bool> { co_return (co_await store.find(id)).has_value(); };
    EXPECT_TRUE(run_task(io_, find(*target, first)));
    EXPECT_TRUE(run_task(io_, find(*target, sound)));
    EXPECT_FALSE(run_task(io_, find(*target, second)));
    run_task(io_, restore(*target, second));
    EXPECT_TRUE(run_task(io_, find(*target, second)));
    target->stop();
}

TEST_F(FileTransferTest, ContentThatIsDamagedOnEitherSideIsFound)
{
    std::string id = add("one");
    EXPECT_EQ(bring().brought, 1U);
    mongo::Document filter;
    filter.add("n", 0);
    mongo::Document set;
    set.add_binary("data", "two");
    mongo::Document update;
    update.add("$set", set);
    place_.database.update_one("fs.chunks", filter, update);
    auto result = compare();
    EXPECT_EQ(result.different, 1U);
    EXPECT_THAT(result.examples.at(0), ::testing::HasSubstr(id));
    EXPECT_THAT(result.examples.at(0), ::testing::HasSubstr("another SHA-256"));

    auto remove = [](FileStore& store, std::string name) -> Task<void> {
        EXPECT_TRUE(co_await store.remove(name, make_event("file.deleted", name)));
    };
    run_task(io_, remove(*source_, id));
    source_->stop();
    source_ = make_local_file_store(directory_.path() / "files", directory_.path() / "files.db");
    std::string other = add("three");
    std::filesystem::path content;
    ASSERT_TRUE(wait_until([&] {
        content = any_content();
        return std::ifstream(content).peek() == 't' && std::filesystem::file_size(content) == 5;
    }));
    std::ofstream(content) << "thrEe";
    EXPECT_THAT(bring().damaged, ::testing::ElementsAre(other));
    EXPECT_EQ(compare().different, 1U);
}

TEST_F(FileTransferTest, WhatIsRemovedMeanwhileIsLeftOutIfItMayBe)
{
    std::string id = add("one");
    std::filesystem::remove(any_content());
    auto look = [](FileTransfer& t) {
        auto brought = t.bring([](std::uint64_t) {});
        return std::pair(brought.damaged.size(), t.compare(5, [](std::uint64_t) {}).different);
    };
    EXPECT_EQ(transfer(look, true), std::pair(std::size_t{0}, std::uint64_t{0}));
    EXPECT_EQ(transfer(look, false), std::pair(std::size_t{1}, std::uint64_t{1}));
}

TEST_F(FileTransferTest, AStoreThatIsNotWholeIsNotOpened)
{
    auto mark = [](FileTransfer& t) { t.mark("/var/lib/gatehouse"); };
    transfer(mark);
    auto store = place_.open();
    EXPECT_FALSE(store->ready());
    auto clear = [](FileTransfer& t) {
        EXPECT_EQ(t.find_mark(), "/var/lib/gatehouse");
        t.clear_mark();
    };
    transfer(clear);
    EXPECT_TRUE(wait_until([&] { return store->ready(); }));
    store->stop();
}

}  // namespace

}  // namespace gatehouse::files::testing
