// SPDX-License-Identifier: Apache-2.0
// The worker with the real queue, the real store, the real sandbox and real media.
#include "worker/worker.hpp"

#include "base/id.hpp"
#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include "sql/database.hpp"
#include "support/run_task.hpp"
#include "support/temp_dir.hpp"
#include "worker/media_for_tests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace gatehouse::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using files::State;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_task;
using ::testing::SizeIs;
using ::testing::StartsWith;

class WorkerTest : public ::testing::Test {
protected:
    WorkerTest()
    {
        fs::create_directories(scratch() / "left over/by a crash");
        store_ = files::make_local_file_store(path() / "files", path() / "files.db");
    }
    ~WorkerTest() override
    {
        stop();
        store_->stop();
        if (database_)
            database_->stop();
    }

    // What a process has; a second call is a restart.
    void start(Config config)
    {
        stop();
        open_queue(config.attempts_max);
        worker_ = std::make_unique<Worker>(config, Worker::Needs{*store_, *queue_, clock_, metrics_}, scratch());
        group_ = std::make_unique<TaskGroup>(context_.get_executor(), "worker", 1);
        group_->spawn(worker_->run());
    }
    void open_queue(int attempts_max)
    {
        queue_.reset();
        if (database_)
            database_->stop();
        database_ = sql::open_sqlite("queue", path() / "queue.db");
        queue_ = events::make_sqlite_event_queue(*database_, clock_, {attempts_max, 10ms, 20ms});
    }
    void stop()
    {
        if (!worker_)
            return;
        run_task(context_, group_->stop(0ms));
        worker_->stop();
        group_.reset();
        worker_.reset();
    }

    Task<files::File> store_file(std::string name, std::string type, std::string bytes)
    {
        files::File file{.id = make_id(), .owner = make_id(), .name = std::move(name), .type = std::move(type)};
        auto writer = co_await store_->create(file.id);
        co_await writer->write(bytes);
        co_await writer->commit(file, std::nullopt);
        co_return file;
    }
    Task<void> announce(files::File file)
    {
        events::Event event{.id = make_id(), .type = "file.uploaded", .source = "/files", .subject = file.id};
        event.time = clock_.now();
        co_await queue_->publish(std::move(event));
    }
    files::File upload(std::string name, std::string type, std::string bytes)
    {
        auto file = run_task(context_, store_file(std::move(name), std::move(type), std::move(bytes)));
        run_task(context_, announce(file));
        return file;
    }
    files::File upload_media(void (*make)(const fs::path&), std::string name, std::string type)
    {
        fs::path made = path() / "made";
        make(made);
        return upload(std::move(name), std::move(type), read_file(made));
    }

    Task<void> until(std::function<bool(const files::File&)> good, std::string id)
    {
        while (true) {
            auto file = co_await store_->find(id);
            if (file && good(*file))
                co_return;
            co_await sleep_for(5ms);
        }
    }
    void wait_for(const files::File& file, std::function<bool(const files::File&)> good)
    {
        run_task(context_, until(std::move(good), file.id), 30s);
    }
    Task<void> until_idle()
    {
        while (true) {
            auto depth = co_await queue_->depth("worker");
            if (depth == 0)
                co_return;
            co_await sleep_for(5ms);
        }
    }
    // The file when no event waits any more.
    files::File finish(const files::File& file)
    {
        run_task(context_, until_idle(), 60s);
        return run_task(context_, store_->find(file.id)).value();
    }

    Task<files::File> commit_derived(files::File source, std::string processor, std::string bytes)
    {
        files::File file{.id = make_derived_id(source.id, processor), .owner = source.owner, .name = "derived"};
        file.derived_from = source.id;
        file.processor = processor;
        auto writer = co_await store_->create(file.id);
        co_await writer->write(bytes);
        co_await writer->commit(file, std::nullopt);
        co_return file;
    }
    files::File store_derived(const files::File& source, std::string processor, std::string bytes)
    {
        return run_task(context_, commit_derived(source, std::move(processor), std::move(bytes)));
    }

    // As when the program dies with an event's last attempt.
    Task<void> fail_always(events::Delivery)
    {
        throw std::runtime_error("died");
        co_return;
    }
    Task<void> bury_next()
    {
        TaskGroup consumers(context_.get_executor(), "test", 1);
        auto handler = [this](events::Delivery delivery) { return fail_always(std::move(delivery)); };
        consumers.spawn(queue_->consume("worker", 1, handler));
        co_await until_idle();
        co_await consumers.stop(0ms);
    }

    std::vector<files::File> derived(const files::File& file)
    {
        return run_task(context_, store_->derived(std::vector<std::string>(1, file.id)));
    }
    files::File derived_by(const files::File& file, const std::string& processor)
    {
        for (auto& one : derived(file))
            if (one.processor == processor)
                return one;
        ADD_FAILURE() << "nothing made by " << processor;
        return {};
    }
    Task<std::string> read_all(std::string id)
    {
        auto reader = co_await store_->open(id);
        std::string bytes;
        while (true) {
            std::string_view piece = co_await reader->read();
            if (piece.empty())
                co_return bytes;
            bytes += piece;
        }
    }
    std::string content(const files::File& file) { return run_task(context_, read_all(file.id)); }
    fs::path save(const files::File& file)
    {
        write_file(path() / "saved", content(file));
        return path() / "saved";
    }
    std::vector<events::Event> announced() { return run_task(context_, store_->read_outbox(100)); }
    std::vector<events::DeadLetter> dead() { return run_task(context_, queue_->dead_letters(100)); }

    // A processor that is a shell script over plain text.
    static Config with_script(const std::string& script)
    {
        Config config;
        config.processors = {{"script", {"text/plain"}, {"sh", "-c", script}, ".txt"}};
        config.attempts_max = 2;
        return config;
    }

    fs::path path() const { return directory_.path(); }
    fs::path scratch() const { return directory_.path() / "scratch"; }
    std::string flag() const { return (directory_.path() / "flag").string(); }

    testing::TempDir directory_;
    Clock clock_;
    Metrics metrics_;
    asio::io_context context_;
    std::unique_ptr<files::FileStore> store_;
    std::unique_ptr<sql::Database> database_;
    std::unique_ptr<events::EventQueue> queue_;
    std::unique_ptr<Worker> worker_;
    std::unique_ptr<TaskGroup> group_;
};

TEST_F(WorkerTest, AVideoWithSoundBecomesAnMp3AndAThumbnail)
{
    start({});
    auto file = upload_media(make_video, "Urlaub \u00fc.mp4", "video/mp4");
    auto done = finish(file);
    EXPECT_EQ(done.state, State::processed);
    EXPECT_EQ(done.reason, "");
    ASSERT_THAT(derived(file), SizeIs(2));

    auto mp3 = derived_by(file, "audio");
    EXPECT_EQ(mp3.id, make_derived_id(file.id, "audio"));
    EXPECT_EQ(mp3.owner, file.owner);
    EXPECT_EQ(mp3.name, "Urlaub \u00fc.mp3");
    EXPECT_EQ(mp3.type, "audio/mpeg");
    EXPECT_EQ(mp3.state, State::processed);
    EXPECT_NEAR(std::stod(probe_entry("format=duration", save(mp3))), 2.0, 0.2);

    auto jpeg = derived_by(file, "thumbnail");
    EXPECT_EQ(jpeg.name, "Urlaub \u00fc.jpg");
    EXPECT_EQ(jpeg.type, "image/jpeg");
    EXPECT_THAT(content(jpeg), StartsWith("\xff\xd8\xff"));
}

TEST_F(WorkerTest, WhatWasMadeIsAnnouncedOnce)
{
    start({});
    auto file = upload_media(make_video, "a.mp4", "video/mp4");
    finish(file);
    auto events = announced();
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].id, make_derived_id(file.id, "file.processed"));
    EXPECT_EQ(events[0].type, "file.processed");
    EXPECT_EQ(events[0].subject, file.id);
    const auto& data = events[0].data;
    EXPECT_EQ(data.at("file").as_string(), file.id);
    EXPECT_EQ(data.at("owner").as_string(), file.owner);
    EXPECT_EQ(data.at("name").as_string(), "a.mp4");
    EXPECT_EQ(data.at("type").as_string(), "video/mp4");
    EXPECT_EQ(data.at("size").to_number<std::uint64_t>(), file.size);
    EXPECT_EQ(data.at("reason").as_string(), "");
    ASSERT_EQ(data.at("derived").as_array().size(), 2U);
    const auto& first = data.at("derived").as_array().at(0).as_object();
    EXPECT_EQ(first.at("id").as_string(), make_derived_id(file.id, "audio"));
    EXPECT_EQ(first.at("name").as_string(), "a.mp3");
    EXPECT_EQ(first.at("type").as_string(), "audio/mpeg");
    EXPECT_EQ(first.at("processor").as_string(), "audio");
}

TEST_F(WorkerTest, ASilentVideoFailsWithAReasonAndStillHasAThumbnail)
{
    start({});
    auto file = upload_media(make_silent_video, "silent.mp4", "video/mp4");
    auto done = finish(file);
    EXPECT_EQ(done.state, State::failed);
    EXPECT_EQ(done.reason, "The video has no audio track, so no mp3 could be made.");
    ASSERT_THAT(derived(file), SizeIs(1));
    EXPECT_EQ(derived(file)[0].processor, "thumbnail");
    EXPECT_THAT(dead(), IsEmpty());
    ASSERT_THAT(announced(), SizeIs(1));
    EXPECT_EQ(announced()[0].type, "file.failed");
    EXPECT_EQ(announced()[0].id, make_derived_id(file.id, "file.failed"));
    EXPECT_EQ(announced()[0].data.at("reason").as_string(), done.reason);
}

TEST_F(WorkerTest, SoundAloneBecomesAnMp3)
{
    start({});
    auto file = upload_media(make_wav, "tone.wav", "audio/x-wav");
    EXPECT_EQ(finish(file).state, State::processed);
    ASSERT_THAT(derived(file), SizeIs(1));
    EXPECT_EQ(derived(file)[0].name, "tone.mp3");
}

TEST_F(WorkerTest, AnImageBecomesAThumbnail)
{
    start({});
    auto file = upload_media(make_png, "shot.png", "image/png");
    EXPECT_EQ(finish(file).state, State::processed);
    ASSERT_THAT(derived(file), SizeIs(1));
    EXPECT_EQ(derived(file)[0].name, "shot.jpg");
}

TEST_F(WorkerTest, AFileThatNoProcessorTakesIsProcessed)
{
    start({});
    auto text = upload("a.txt", "text/plain", "hello");
    auto empty = upload("empty", "application/x-empty", "");
    EXPECT_EQ(finish(text).state, State::processed);
    EXPECT_EQ(finish(empty).state, State::processed);
    EXPECT_THAT(announced(), SizeIs(2));
}

TEST_F(WorkerTest, ABrokenFileFailsOnceWithOneReason)
{
    start({});
    auto file = upload("zero.mp4", "video/mp4", std::string(50'000, '\0'));
    auto done = finish(file);
    EXPECT_EQ(done.state, State::failed);
    EXPECT_EQ(done.reason, "The file could not be read as video: Invalid data found when processing input.");
    EXPECT_THAT(derived(file), IsEmpty());
    EXPECT_THAT(dead(), IsEmpty());
}

TEST_F(WorkerTest, TheScratchDirectoryIsEmptiedAtStartAndAfterEachJob)
{
    start({});
    EXPECT_TRUE(fs::is_empty(scratch()));
    finish(upload_media(make_video, "a.mp4", "video/mp4"));
    finish(upload("zero.mp4", "video/mp4", std::string(5'000, '\0')));
    EXPECT_TRUE(fs::is_empty(scratch()));
}

TEST_F(WorkerTest, ARepeatedJobChangesNothing)
{
    start({});
    auto file = upload_media(make_video, "a.mp4", "video/mp4");
    auto done = finish(file);
    auto before = derived(file);
    run_task(context_, announce(file));
    EXPECT_EQ(finish(file), done);
    EXPECT_EQ(derived(file), before);
    EXPECT_THAT(announced(), SizeIs(1));
}

TEST_F(WorkerTest, AnInterruptedJobIsTakenUpWhereItStopped)
{
    fs::path made = path() / "made";
    make_video(made);
    auto file = run_task(context_, store_file("a.mp4", "video/mp4", read_file(made)));
    // A killed process left the state and the first result.
    auto earlier = store_derived(file, "audio", "made earlier");
    run_task(context_, store_->set_state(file.id, State::processing, "", std::nullopt));
    start({});
    run_task(context_, announce(file));
    EXPECT_EQ(finish(file).state, State::processed);
    EXPECT_THAT(derived(file), SizeIs(2));
    EXPECT_EQ(content(derived_by(file, "audio")), "made earlier");
}

TEST_F(WorkerTest, ADeletedFileIsNoTrouble)
{
    start({});
    files::File unknown{.id = make_id()};
    run_task(context_, announce(unknown));
    run_task(context_, until_idle());
    EXPECT_THAT(dead(), IsEmpty());
}

TEST_F(WorkerTest, AFileDeletedWhileItIsProcessedLeavesNothing)
{
    start(with_script("while [ ! -e " + flag() + " ]; do sleep 0.02; done; cp {input} {output}"));
    auto file = upload("a.txt", "text/plain", "hello");
    wait_for(file, [](const files::File& f) { return f.state == State::processing; });
    events::Event deleted{.id = make_id(), .type = "file.deleted", .source = "/files", .subject = file.id};
    EXPECT_TRUE(run_task(context_, store_->remove(file.id, deleted)));
    write_file(flag(), "");
    run_task(context_, until_idle(), 30s);
    EXPECT_EQ(run_task(context_, store_->find(make_derived_id(file.id, "script"))), std::nullopt);
    EXPECT_THAT(announced(), SizeIs(1));  // the deletion alone
    EXPECT_THAT(dead(), IsEmpty());
}

TEST_F(WorkerTest, AFileThatGoesToTheTrashIsLeftAloneAndTakenUpAgainWhenItIsRestored)
{
    start(with_script("[ -e " + flag() + " ] || sleep 600; cp {input} {output}"));
    auto file = upload("a.txt", "text/plain", "hello");
    wait_for(file, [](const files::File& f) { return f.state == State::processing; });
    files::Trashed how{clock_.now(), clock_.now() + 1h, "user-1"};
    events::Event trashed{.id = make_id(), .type = "file.trashed", .source = "/files", .subject = file.id};
    EXPECT_TRUE(run_task(context_, store_->trash(file.id, how, trashed)));
    run_task(context_, until_idle(), 30s);  // the program does not run to its end
    EXPECT_THAT(dead(), IsEmpty());
    write_file(flag(), "");
    events::Event restored{.id = make_id(), .type = "file.restored", .source = "/files", .subject = file.id};
    EXPECT_TRUE(run_task(context_, store_->restore(file.id, restored)));
    restored.time = clock_.now();
    run_task(context_, queue_->publish(restored));
    EXPECT_EQ(finish(file).state, State::processed);
    EXPECT_TRUE(run_task(context_, store_->find(make_derived_id(file.id, "script"))));
}

TEST_F(WorkerTest, DerivedFilesAreNotProcessed)
{
    start({});
    auto source = upload("a.txt", "text/plain", "hello");
    finish(source);
    auto file = store_derived(source, "other", "x");
    run_task(context_, announce(file));
    EXPECT_EQ(finish(file), file);
}

TEST_F(WorkerTest, ACrashIsTriedAgainAndThenGivenUp)
{
    start(with_script("kill -SEGV $$; cp {input} {output}"));
    auto file = upload("a.txt", "text/plain", "hello");
    auto done = finish(file);
    EXPECT_EQ(done.state, State::failed);
    EXPECT_EQ(done.reason, "The file could not be processed after several attempts. Making the \"script\" crashed "
                           "(signal 11).");
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_EQ(dead()[0].attempts, 2);
    EXPECT_THAT(announced(), SizeIs(1));
    EXPECT_TRUE(fs::is_empty(scratch()));
}

TEST_F(WorkerTest, AReplayedDeadLetterIsProcessed)
{
    start(with_script("[ -e " + flag() + " ] || kill -SEGV $$; cp {input} {output}"));
    auto file = upload("a.txt", "text/plain", "hello");
    EXPECT_EQ(finish(file).state, State::failed);
    write_file(flag(), "");
    EXPECT_TRUE(run_task(context_, queue_->retry_dead_letter(dead().at(0).id)));
    auto done = finish(file);
    EXPECT_EQ(done.state, State::processed);
    EXPECT_EQ(done.reason, "");
    EXPECT_THAT(derived(file), SizeIs(1));
}

TEST_F(WorkerTest, TroubleOfTheServerIsNotTheFilesFault)
{
    Config config;
    config.ffmpeg = "no-such-ffmpeg";
    config.attempts_max = 2;
    start(config);
    auto file = upload("a.mp4", "video/mp4", "whatever");
    auto done = finish(file);
    EXPECT_EQ(done.state, State::failed);
    EXPECT_EQ(done.reason,
              "The file could not be processed after several attempts because of a problem on the server.");
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_THAT(dead()[0].reason, HasSubstr("not installed"));
}

TEST_F(WorkerTest, AFileWhoseEventDiedWithTheProgramIsNotProcessingForEver)
{
    open_queue(1);
    auto file = upload("a.txt", "text/plain", "hello");
    run_task(context_, store_->set_state(file.id, State::processing, "", std::nullopt));
    run_task(context_, bury_next(), 10s);
    ASSERT_THAT(dead(), SizeIs(1));
    start(with_script("cp {input} {output}"));
    wait_for(file, [](const files::File& f) { return f.state == State::failed; });
    EXPECT_THAT(announced(), SizeIs(1));
}

TEST_F(WorkerTest, CancellingKillsTheChildAndTheJobComesBack)
{
    start(with_script("[ -e " + flag() + " ] || sleep 600; cp {input} {output}"));
    auto file = upload("a.txt", "text/plain", "hello");
    wait_for(file, [](const files::File& f) { return f.state == State::processing; });
    auto begin = std::chrono::steady_clock::now();
    stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_TRUE(fs::is_empty(scratch()));
    EXPECT_EQ(run_task(context_, queue_->depth("worker")), 1U);

    write_file(flag(), "");
    start(with_script("[ -e " + flag() + " ] || sleep 600; cp {input} {output}"));
    EXPECT_EQ(finish(file).state, State::processed);
    EXPECT_EQ(content(derived_by(file, "script")), "hello");
}

TEST_F(WorkerTest, ProgressCoversAllProcessors)
{
    Config config = with_script("cp {input} {output}");
    config.processors.push_back(config.processors[0]);
    config.processors[1].name = "slow";
    config.processors[1].command[2] = "while [ ! -e " + flag() + " ]; do sleep 0.02; done; cp {input} {output}";
    start(config);
    auto file = upload("a.txt", "text/plain", "hello");
    wait_for(file, [](const files::File& f) { return f.progress == 50; });
    write_file(flag(), "");
    auto done = finish(file);
    EXPECT_EQ(done.state, State::processed);
    EXPECT_EQ(done.progress, 100);
}

TEST_F(WorkerTest, SeveralJobsRunAtOnce)
{
    // Both must be in progress before either may end.
    Config config = with_script("while [ ! -e " + flag() + " ]; do sleep 0.02; done; cp {input} {output}");
    config.jobs = 2;
    start(config);
    auto first = upload("a.txt", "text/plain", "one");
    auto second = upload("b.txt", "text/plain", "two");
    wait_for(first, [](const files::File& f) { return f.state == State::processing; });
    wait_for(second, [](const files::File& f) { return f.state == State::processing; });
    write_file(flag(), "");
    EXPECT_EQ(finish(first).state, State::processed);
    EXPECT_EQ(finish(second).state, State::processed);
    EXPECT_EQ(content(derived_by(first, "script")), "one");
    EXPECT_EQ(content(derived_by(second, "script")), "two");
}

TEST(Worker, RefusesBadSettings)
{
    testing::TempDir directory;
    auto store = files::make_local_file_store(directory.path() / "files", directory.path() / "files.db");
    auto database = sql::open_sqlite("queue", directory.path() / "queue.db");
    Clock clock;
    Metrics metrics;
    auto queue = events::make_sqlite_event_queue(*database, clock, {});
    Config config;
    config.jobs = 0;
    EXPECT_THROW(Worker(config, {*store, *queue, clock, metrics}, directory.path() / "scratch"), std::invalid_argument);
    store->stop();
    database->stop();
}

}  // namespace
}  // namespace gatehouse::worker
