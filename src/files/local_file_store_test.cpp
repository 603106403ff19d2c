// SPDX-License-Identifier: Apache-2.0
#include "files/file_store_suite.hpp"
#include "files/trash_suite.hpp"
#include "files/upload_store_suite.hpp"

#include "files/content_directory.hpp"
#include "files/examination.hpp"
#include "files/file_records.hpp"
#include "files/upload_records.hpp"
#include "support/temp_dir.hpp"

#include <csignal>
#include <fstream>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>

namespace gatehouse::files::testing {

namespace {

namespace fs = std::filesystem;

// A store's directory and database below one directory.
struct LocalPlace {
    static constexpr std::chrono::milliseconds stall{20};

    std::unique_ptr<FileStore> open(const UploadOptions& options = {})
    {
        return make_local_file_store(root / "files", root / "files.db", options);
    }

    // A copy of what is on disk now is what a killed process would leave.
    std::unique_ptr<FileStore> open_crashed()
    {
        fs::path copy = directory.path() / "copy";
        fs::copy(root, copy, fs::copy_options::recursive);
        root = copy;
        return open();
    }

    std::size_t leftovers() const
    {
        std::set<std::string> named;
        auto database = sql::open_sqlite("test", root / "files.db");
        auto rows = database->read_blocking([](sql::Connection& c) {
            return c.query("SELECT content FROM files UNION ALL SELECT content FROM trash");
        });
        for (const auto& row : rows)
            named.insert(row.text(0));
        auto garbage =
            database->read_blocking([](sql::Connection& c) { return c.query("SELECT content FROM garbage"); });
        std::size_t count = garbage.size();
        for (const auto& entry : fs::recursive_directory_iterator(root / "files")) {
            bool in_content = entry.path().parent_path().parent_path().filename() == "content";
            if (entry.is_regular_file() && !(in_content && named.contains(entry.path().filename().string())))
                ++count;
        }
        return count;
    }

    gatehouse::testing::TempDir directory;
    fs::path root = make_root(directory.path() / "data");

    static fs::path make_root(fs::path path)
    {
        fs::create_directory(path);
        return path;
    }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Local, FileStoreSuite, LocalPlace);
INSTANTIATE_TYPED_TEST_SUITE_P(Local, TrashSuite, LocalPlace);
INSTANTIATE_TYPED_TEST_SUITE_P(Local, UploadStoreSuite, LocalPlace);

// What a crash leaves in the windows of a commit and of a removal, made by hand.
class LocalFileStoreRecovery : public FileStoreSuite<LocalPlace> {
protected:
    fs::path temporary(const std::string& name) { return place_.root / "files" / "tmp" / name; }
    fs::path content(const std::string& name) { return place_.root / "files" / "content" / name.substr(34, 2) / name; }
    void restart()
    {
        store_.reset();
        store_ = place_.open();
    }
    void write_file(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

    // The name of the content of a file that is stored.
    std::string content_name(const std::string& id)
    {
        auto database = sql::open_sqlite("test", place_.root / "files.db");
        return database->read_blocking([&](sql::Connection& c) { return records::find(c, id); })->content;
    }
};

TEST_F(LocalFileStoreRecovery, ContentLinkedButNotRecordedGoes)
{
    store_.reset();
    std::string name = ContentDirectory::make_name(make_id());
    ContentDirectory directory(place_.root / "files");
    directory.create_temporary(name);
    directory.publish(name);
    ASSERT_TRUE(fs::exists(content(name)));
    store_ = place_.open();
    EXPECT_FALSE(fs::exists(content(name)));
    EXPECT_FALSE(fs::exists(temporary(name)));
    expect_no_leftovers();
}

// As it was before there was a trash.
TEST_F(LocalFileStoreRecovery, ADatabaseOfAnEarlierVersionIsTakenOver)
{
    store_.reset();
    fs::remove_all(place_.root / "files");
    for (const char* name : {"files.db", "files.db-wal", "files.db-shm"})
        fs::remove(place_.root / name);
    std::string id = make_id();
    std::string name = ContentDirectory::make_name(id);
    ContentDirectory directory(place_.root / "files");
    directory.create_temporary(name);
    write_file(temporary(name), "kept");
    directory.publish(name);
    auto database = sql::open_sqlite("files", place_.root / "files.db");
    database->migrate(schema_component, records::migrations().first(3));
    database->write_blocking([&](sql::Connection& c) {
        c.execute("INSERT INTO files VALUES (?, 'owner-1', 'old.txt', 'text/plain', 4, '', 1790000000123, 'processed', "
                  "'', 100, '', '', ?)",
                  {id, name});
        return c.execute(
            "INSERT INTO uploads VALUES ('0190163d-8694-739b-aea5-966c26f8ad91', 'owner-1', 'u', '', 9, 0, "
            "1, 4790000000500, '0190163d-8694-739b-aea5-966c26f8ad91.0123456789abcdef', x'', 0)");
    });
    database->stop();
    database.reset();
    write_file(temporary("0190163d-8694-739b-aea5-966c26f8ad91.0123456789abcdef"), "");
    store_ = place_.open();
    EXPECT_EQ(content_of(id), "kept");
    EXPECT_EQ(run(store_->find(id))->link_generation, 0);
    EXPECT_TRUE(run(store_->uploads().find("0190163d-8694-739b-aea5-966c26f8ad91")));
    Trashed how{from_unix_ms(1), from_unix_ms(4'790'000'000'500), "user-1"};
    EXPECT_TRUE(run(store_->trash(id, how, make_event("file.trashed", id))));
    EXPECT_TRUE(run(store_->restore(id, make_event("file.restored", id))));
    EXPECT_EQ(content_of(id), "kept");
}

TEST_F(LocalFileStoreRecovery, ContentRecordedWhoseTemporaryNameIsLeftStays)
{
    File file = put_upload("owner-1", "kept");
    std::string name = content_name(file.id);
    store_.reset();
    fs::create_hard_link(content(name), temporary(name));
    store_ = place_.open();
    EXPECT_EQ(content_of(file.id), "kept");
    expect_no_leftovers();
}

TEST_F(LocalFileStoreRecovery, LeftContentOfARepeatedJobGoesAndTheResultStays)
{
    File file = put_upload("owner-1", "kept");
    store_.reset();
    std::string name = ContentDirectory::make_name(file.id);
    ContentDirectory directory(place_.root / "files");
    directory.create_temporary(name);
    directory.publish(name);
    store_ = place_.open();
    EXPECT_EQ(content_of(file.id), "kept");
    EXPECT_FALSE(fs::exists(content(name)));
    expect_no_leftovers();
}

TEST_F(LocalFileStoreRecovery, AnUnfinishedRemovalIsFinished)
{
    File file = put_upload();
    File audio = put_derived(file);
    std::string name = content_name(file.id);
    store_.reset();
    {
        auto database = sql::open_sqlite("test", place_.root / "files.db");
        events::Event event = make_event("file.deleted", file.id);
        database->write_blocking([&](sql::Connection& c) { return records::remove(c, file.id, event); });
    }
    ASSERT_TRUE(fs::exists(content(name)));
    EXPECT_EQ(place_.leftovers(), 4U) << "two files of content, and two rows that name them";
    store_ = place_.open();
    expect_no_leftovers();
    EXPECT_FALSE(fs::exists(content(name)));
}

TEST_F(LocalFileStoreRecovery, AForeignFileInTheTemporaryDirectoryIsLeftAlone)
{
    write_file(temporary("notes.txt"), "mine");
    restart();
    EXPECT_TRUE(fs::exists(temporary("notes.txt")));
}

TEST_F(LocalFileStoreRecovery, AFailedTransactionTakesItsContentBack)
{
    auto database = sql::open_sqlite("test", place_.root / "files.db");
    database->write_blocking([](sql::Connection& c) { return c.execute("ALTER TABLE outbox RENAME TO elsewhere"); });
    File file = make_file(make_id());
    EXPECT_ANY_THROW(put(file, "lost", make_event("file.uploaded", file.id)));
    EXPECT_EQ(run(store_->find(file.id)), std::nullopt);
    database->write_blocking([](sql::Connection& c) { return c.execute("ALTER TABLE elsewhere RENAME TO outbox"); });
    ASSERT_TRUE(put(file, "stored"));
    EXPECT_EQ(content_of(file.id), "stored");
    expect_no_leftovers();
}

TEST_F(LocalFileStoreRecovery, LostContentIsReportedNotTakenForAnUnknownFile)
{
    File file = put_upload();
    fs::remove(content(content_name(file.id)));
    EXPECT_THROW(run(store_->open(file.id)), Unavailable);
}

TEST_F(LocalFileStoreRecovery, ContentThatLostItsEndIsReported)
{
    File file = put_upload("owner-1", make_content(10'000));
    fs::resize_file(content(content_name(file.id)), 4'000);
    auto reader = run(store_->open(file.id));
    EXPECT_EQ(run(reader->read()).size(), 4'000U);
    EXPECT_THROW(run(reader->read()), Unavailable);
}

TEST_F(LocalFileStoreRecovery, ContentIsForTheServersUserAlone)
{
    File file = put_upload();
    auto mode = [](const fs::path& path) { return fs::status(path).permissions(); };
    EXPECT_EQ(mode(place_.root / "files"), fs::perms{0700});
    EXPECT_EQ(mode(content(content_name(file.id))), fs::perms{0600});
}

// A limit on file sizes fails a write in the middle, as a full disk does.
TEST_F(LocalFileStoreRecovery, AWriteThatFailsLeavesNothing)
{
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    File file = make_file(make_id());
    EXPECT_THROW(put(file, make_content(3 << 20)), Unavailable);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(run(store_->find(file.id)), std::nullopt);
    expect_no_leftovers();
}

// What a crash leaves of an upload that was about to be finished, made by hand.
class LocalUploadRecovery : public UploadStoreSuite<LocalPlace> {
protected:
    fs::path temporary(const std::string& name) { return place_.root / "files" / "tmp" / name; }
    std::string content_name(const std::string& id)
    {
        auto database = sql::open_sqlite("test", place_.root / "files.db");
        return database->read_blocking([&](sql::Connection& c) { return upload_records::find(c, id); })->content;
    }
    void restart()
    {
        store_.reset();
        store_ = place_.open();
    }
};

TEST_F(LocalUploadRecovery, ContentLinkedButNotRecordedIsFinishedLater)
{
    Upload upload = create(7);
    append(upload.id, "content");
    std::string name = content_name(upload.id);
    ContentDirectory(place_.root / "files").publish(name);
    restart();
    EXPECT_EQ(offset_of(upload.id), 7U);
    expect_file(finish(upload.id), "content");
    expect_no_leftovers();
}

TEST_F(LocalUploadRecovery, ContentLinkedButNotRecordedGoesWithTheUpload)
{
    Upload upload = create(7);
    append(upload.id, "content");
    ContentDirectory(place_.root / "files").publish(content_name(upload.id));
    restart();
    EXPECT_TRUE(run(uploads().remove(upload.id)));
    expect_no_leftovers();
}

TEST_F(LocalUploadRecovery, ContentWithoutAnUploadGoes)
{
    Upload upload = create(7);
    append(upload.id, "content");
    store_.reset();
    auto database = sql::open_sqlite("test", place_.root / "files.db");
    database->write_blocking([](sql::Connection& c) { return c.execute("DELETE FROM uploads"); });
    database.reset();
    store_ = place_.open();
    expect_no_leftovers();
}

// As after the restoring of a backup.
TEST_F(LocalUploadRecovery, AnUploadWithoutContentIsOver)
{
    Upload lost = create(7);
    append(lost.id, "con");
    Upload kept = create(7);
    append(kept.id, "con");
    fs::remove(temporary(content_name(lost.id)));
    restart();
    EXPECT_EQ(run(uploads().find(lost.id)), std::nullopt);
    EXPECT_EQ(offset_of(kept.id), 3U);
}

TEST_F(LocalUploadRecovery, BytesBehindTheOffsetAreCutOff)
{
    Upload upload = create(10);
    append(upload.id, "01234");
    std::ofstream(temporary(content_name(upload.id)), std::ios::app) << "xxxxxxxxxxxx";
    append(upload.id, "56789");
    expect_file(finish(upload.id), "0123456789");
}

TEST_F(LocalUploadRecovery, ContentThatLostItsEndIsReported)
{
    Upload upload = create(10);
    append(upload.id, "01234");
    fs::resize_file(temporary(content_name(upload.id)), 3);
    EXPECT_THROW(run(uploads().open(upload.id, later)), Unavailable);
}

// A limit on file sizes fails a write in the middle, as a full disk does.
TEST_F(LocalUploadRecovery, AWriteThatFailsKeepsTheOffset)
{
    std::signal(SIGXFSZ, SIG_IGN);
    Upload upload = create(3 << 20);
    std::string content = make_content(3 << 20);
    append(upload.id, std::string_view(content).substr(0, 500'000));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    auto writer = open(upload.id);
    EXPECT_THROW(write(*writer, std::string_view(content).substr(500'000)), Unavailable);
    run(writer->release());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(offset_of(upload.id), 500'000U);
    append(upload.id, std::string_view(content).substr(500'000));
    expect_file(finish(upload.id), content);
    expect_no_leftovers();
}

TEST(ContentDirectory, NamesCarryTheIdAndNothingElseIsTakenForOne)
{
    std::string id = make_id();
    std::string name = ContentDirectory::make_name(id);
    EXPECT_EQ(ContentDirectory::find_id(name), id);
    EXPECT_NE(ContentDirectory::make_name(id), name);
    for (const std::string& other : {std::string{}, id, id + ".", id + ".0123456789abcdeg", name + "0", "../" + name,
                                     std::string("notes.txt"), id + "-0123456789abcdef"})
        EXPECT_EQ(ContentDirectory::find_id(other), std::nullopt) << other;
}

}  // namespace

}  // namespace gatehouse::files::testing
