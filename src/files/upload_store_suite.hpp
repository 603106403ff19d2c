// SPDX-License-Identifier: Apache-2.0
// What the uploads of every FileStore must do. The Place is that of file_store_suite.hpp, and has also
//
//   std::unique_ptr<FileStore> open(const UploadOptions& options);
//   static constexpr std::chrono::milliseconds stall;  // longer than what a request does with the store usually takes
#pragma once

#include "files/file_store_suite.hpp"

#include "base/timeout.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::files::testing {

inline Task<std::string> read_upload(UploadReader& reader)
{
    std::string content;
    while (true) {
        std::string_view piece = co_await reader.read();
        if (piece.empty())
            co_return content;
        content.append(piece);
    }
}

template <class Place>
class UploadStoreSuite : public FileStoreSuite<Place> {
protected:
    using Access = UploadStore::Access;

    static constexpr std::size_t unfinished_max = 3;

    UploadStore& uploads() { return this->store_->uploads(); }

    // A store whose writers may be superseded at once.
    void open_hasty()
    {
        this->store_.reset();
        this->store_ = this->place_.open(UploadOptions{.stalled_after = std::chrono::milliseconds{0}});
    }
    static Upload make_upload(std::optional<std::uint64_t> length, std::string owner = "owner-1")
    {
        Upload upload;
        upload.id = make_id();
        upload.owner = std::move(owner);
        upload.name = "holiday.mp4";
        upload.metadata = "filename aG9saWRheS5tcDQ=";
        upload.length = length;
        upload.created_at = from_unix_ms(1'790'000'000'123);
        upload.expires_at = later;
        return upload;
    }
    Upload create(std::optional<std::uint64_t> length, std::string owner = "owner-1")
    {
        Upload upload = make_upload(length, std::move(owner));
        EXPECT_EQ(this->run(uploads().create(upload, {unfinished_max})), UploadStore::Creation::created);
        return upload;
    }
    std::unique_ptr<UploadWriter> open(const std::string& id)
    {
        auto opening = this->run(uploads().open(id, later));
        EXPECT_EQ(opening.access, Access::granted);
        return std::move(opening.writer);
    }
    Access access(const std::string& id) { return this->run(uploads().open(id, later)).access; }
    void write(UploadWriter& writer, std::string_view content, std::size_t piece = 64 * 1024)
    {
        this->run(write_pieces(writer, content, piece));
    }
    static Task<void> write_pieces(UploadWriter& writer, std::string_view content, std::size_t piece)
    {
        for (std::size_t at = 0; at < content.size(); at += piece)
            co_await writer.write(content.substr(at, piece));
    }
    // One request: what it brings is confirmed.
    void append(const std::string& id, std::string_view content)
    {
        auto writer = open(id);
        write(*writer, content);
        this->run(writer->confirm());
        EXPECT_EQ(writer->upload().offset, writer->written());
        this->run(writer->release());
    }
    File finish(UploadWriter& writer, events::Event event)
    {
        File file = make_file(writer.upload().id, writer.upload().owner);
        this->run(writer.finish(file, std::move(event)));
        return file;
    }
    File finish(const std::string& id)
    {
        auto writer = open(id);
        return finish(*writer, make_event("file.uploaded", id));
    }
    std::uint64_t offset_of(const std::string& id)
    {
        auto found = this->run(uploads().find(id));
        EXPECT_TRUE(found);
        return found ? found->offset : 0;
    }
    void expect_file(const File& file, std::string_view content)
    {
        EXPECT_EQ(file.size, content.size());
        EXPECT_EQ(file.sha256, to_hex(sha256(content)));
        EXPECT_EQ(this->run(this->store_->find(file.id)), file);
        EXPECT_TRUE(this->content_of(file.id) == content);
        EXPECT_EQ(this->run(uploads().find(file.id)), std::nullopt);
    }

    struct Contest {
        UploadStore& uploads;
        std::string id;
        std::uint64_t length;
        std::map<std::uint64_t, std::string> confirmed;  // by offset
        int superseded = 0;
    };
    // Appends bytes that only this contender at this place would write, until all have arrived.
    static Task<void> contend(Contest& contest, unsigned seed)
    {
        std::minstd_rand random(seed);
        while (true) {
            co_await sleep_for(Place::stall * (random() % 20) / 10);
            auto opening = co_await contest.uploads.open(contest.id, later);
            if (!opening.writer)
                continue;
            std::uint64_t offset = opening.writer->upload().offset;
            if (offset == contest.length) {
                co_await opening.writer->release();
                co_return;
            }
            std::string bytes(std::min<std::uint64_t>(contest.length - offset, 1 + random() % 400'000), '\0');
            for (char& byte : bytes)
                byte = static_cast<char>(random());
            co_await append_as(contest, *opening.writer, std::move(bytes),
                               random() % 3 == 0 ? 2 * Place::stall : Place::stall / 10);
        }
    }
    static Task<void> append_as(Contest& contest, UploadWriter& writer, std::string bytes,
                                std::chrono::milliseconds pause)
    {
        std::uint64_t offset = writer.upload().offset;
        try {
            co_await write_pieces(writer, std::string_view(bytes).substr(0, bytes.size() / 2), 100'000);
            co_await sleep_for(pause);
            co_await write_pieces(writer, std::string_view(bytes).substr(bytes.size() / 2), 100'000);
            co_await writer.confirm();
            EXPECT_TRUE(contest.confirmed.emplace(offset, std::move(bytes)).second) << "twice at " << offset;
            co_await writer.release();
        } catch (const Superseded&) {
            ++contest.superseded;
        }
    }
    static Task<void> contend_all(Contest& contest)
    {
        using namespace asio::experimental::awaitable_operators;
        co_await (contend(contest, 1) && contend(contest, 2) && contend(contest, 3) && contend(contest, 4));
    }

    inline static const TimePoint later = Clock().now() + std::chrono::hours{24};
};

TYPED_TEST_SUITE_P(UploadStoreSuite);

TYPED_TEST_P(UploadStoreSuite, AnUploadThatArrivesInSeveralRequestsBecomesAFile)
{
    std::string content = make_content(1'200'000);
    Upload upload = this->create(content.size());
    EXPECT_EQ(this->run(this->uploads().find(upload.id)), upload);
    EXPECT_EQ(this->run(this->store_->find(upload.id)), std::nullopt);
    // Sizes around those in which the stores write.
    std::size_t at = 0;
    for (std::size_t size : {1UL, 261'119UL, 261'120UL, 1UL, 131'072UL, 0UL, 300'000UL}) {
        this->append(upload.id, std::string_view(content).substr(at, size));
        at += size;
        EXPECT_EQ(this->offset_of(upload.id), at);
    }
    this->append(upload.id, std::string_view(content).substr(at));
    EXPECT_TRUE(this->run(this->store_->list({})).empty()) << "complete, but not finished";
    auto writer = this->open(upload.id);
    EXPECT_TRUE(writer->upload().complete());
    EXPECT_TRUE(this->run(writer->head()) == content.substr(0, 4096));
    events::Event event = make_event("file.uploaded", upload.id);
    File file = this->finish(*writer, event);
    writer.reset();
    this->expect_file(file, content);
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id});
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, OneRequestMayConfirmSeveralTimes)
{
    std::string content = make_content(9'000'001);
    Upload upload = this->create(content.size());
    auto writer = this->open(upload.id);
    for (std::size_t at = 0; at < content.size(); at += 1'000'000) {
        this->write(*writer, std::string_view(content).substr(at, 1'000'000), 70'001);
        this->run(writer->confirm());
        EXPECT_EQ(this->offset_of(upload.id), writer->written());
    }
    File file = this->finish(*writer, make_event("file.uploaded", upload.id));
    writer.reset();
    this->expect_file(file, content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, AnUploadMayBeEmpty)
{
    Upload upload = this->create(0);
    auto writer = this->open(upload.id);
    EXPECT_EQ(this->run(writer->head()), "");
    this->run(writer->confirm());
    File file = this->finish(*writer, make_event("file.uploaded", upload.id));
    writer.reset();
    this->expect_file(file, "");
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, TheLengthMayBeToldLater)
{
    std::string content = make_content(300'000);
    Upload upload = this->create(std::nullopt);
    this->append(upload.id, content);
    EXPECT_EQ(this->run(this->uploads().find(upload.id))->length, std::nullopt);
    auto writer = this->open(upload.id);
    EXPECT_FALSE(writer->upload().complete());
    writer->set_length(content.size());
    this->run(writer->confirm());
    EXPECT_TRUE(writer->upload().complete());
    EXPECT_EQ(this->run(this->uploads().find(upload.id))->length, content.size());
    File file = this->finish(*writer, make_event("file.uploaded", upload.id));
    writer.reset();
    this->expect_file(file, content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, WhatWasNotConfirmedIsDropped)
{
    std::string content = make_content(6'000'000);
    std::string other(5'000'000, 'x');
    Upload upload = this->create(content.size());
    this->append(upload.id, std::string_view(content).substr(0, 100'000));
    {
        auto writer = this->open(upload.id);
        this->write(*writer, other);
        EXPECT_EQ(writer->written(), 5'100'000U);
        EXPECT_EQ(writer->upload().offset, 100'000U);
        this->run(writer->release());
    }
    EXPECT_EQ(this->offset_of(upload.id), 100'000U);
    this->append(upload.id, std::string_view(content).substr(100'000));
    this->expect_file(this->finish(upload.id), content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, OneWritesAtATime)
{
    Upload upload = this->create(10);
    auto writer = this->open(upload.id);
    EXPECT_EQ(this->access(upload.id), UploadStore::Access::busy);
    this->write(*writer, "01234");
    this->run(writer->confirm());
    EXPECT_EQ(this->access(upload.id), UploadStore::Access::busy);
    EXPECT_EQ(this->offset_of(upload.id), 5U) << "anybody may look";
    this->run(writer->release());
    this->append(upload.id, "56789");
    EXPECT_EQ(this->offset_of(upload.id), 10U);
}

TYPED_TEST_P(UploadStoreSuite, ASupersededWriterChangesNothing)
{
    this->open_hasty();
    std::string content = make_content(8'000'000);
    std::string stale(4'000'000, 'x');
    Upload upload = this->create(content.size());
    this->append(upload.id, std::string_view(content).substr(0, 300'000));
    auto old = this->open(upload.id);
    this->write(*old, stale);
    auto writer = this->open(upload.id);
    EXPECT_EQ(writer->upload().offset, 300'000U);
    EXPECT_THROW(this->run(old->confirm()), Superseded);
    this->write(*writer, std::string_view(content).substr(300'000, 3'000'000));
    this->run(writer->confirm());
    old.reset();
    EXPECT_EQ(this->offset_of(upload.id), 3'300'000U);
    this->write(*writer, std::string_view(content).substr(3'300'000));
    this->run(writer->confirm());
    File file = this->finish(*writer, make_event("file.uploaded", upload.id));
    writer.reset();
    this->expect_file(file, content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, ASupersededWriterThatGoesOnWritingIsInNobodysWay)
{
    this->open_hasty();
    std::string content = make_content(8'000'000);
    std::string stale(500'000, 'x');
    Upload upload = this->create(content.size());
    auto old = this->open(upload.id);
    auto writer = this->open(upload.id);
    bool refused = false;
    for (std::size_t at = 0; at < content.size(); at += 500'000) {
        try {
            if (!refused)
                this->write(*old, stale);
        } catch (const Superseded&) {
            refused = true;
        }
        this->write(*writer, std::string_view(content).substr(at, 500'000));
        this->run(writer->confirm());
    }
    if (!refused)
        EXPECT_THROW(this->run(old->confirm()), Superseded);
    File file = this->finish(*writer, make_event("file.uploaded", upload.id));
    writer.reset();
    old.reset();
    this->expect_file(file, content);
}

TYPED_TEST_P(UploadStoreSuite, WhatWasConfirmedToManyAtOnceIsWhatIsThere)
{
    this->store_.reset();
    this->store_ = this->place_.open(UploadOptions{.stalled_after = TypeParam::stall});
    Upload upload = this->create(3'000'000);
    typename TestFixture::Contest contest{this->uploads(), upload.id, 3'000'000, {}, 0};
    this->run(this->contend_all(contest));
    std::string content;
    for (const auto& [offset, bytes] : contest.confirmed) {
        EXPECT_EQ(offset, content.size()) << "confirmed twice, or a gap";
        content += bytes;
    }
    EXPECT_GT(contest.superseded, 0) << "nobody met anybody";
    this->expect_file(this->finish(upload.id), content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, OfTwoWhoFinishOneDoes)
{
    this->open_hasty();
    std::string content = make_content(700'000);
    Upload upload = this->create(content.size());
    auto old = this->open(upload.id);
    this->write(*old, content);
    this->run(old->confirm());
    auto writer = this->open(upload.id);
    EXPECT_TRUE(writer->upload().complete());
    events::Event event = make_event("file.uploaded", upload.id);
    File file = this->finish(*writer, event);
    EXPECT_THROW(this->finish(*old, make_event("file.uploaded", upload.id)), Superseded);
    writer.reset();
    old.reset();
    this->expect_file(file, content);
    EXPECT_EQ(this->access(upload.id), UploadStore::Access::unknown);
    EXPECT_FALSE(this->run(this->uploads().remove(upload.id)));
    this->expect_file(file, content);
    EXPECT_EQ(this->outbox_ids(), std::vector{event.id});
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, ARemovedUploadIsGoneWhoeverWrites)
{
    Upload upload = this->create(5'000'000);
    Upload complete = this->create(7);
    this->append(upload.id, make_content(1'000'000));
    this->append(complete.id, "content");
    auto writer = this->open(upload.id);
    auto finisher = this->open(complete.id);
    this->write(*writer, make_content(1'000'000));
    EXPECT_TRUE(this->run(this->uploads().remove(upload.id)));
    EXPECT_TRUE(this->run(this->uploads().remove(complete.id)));
    EXPECT_FALSE(this->run(this->uploads().remove(upload.id)));
    EXPECT_EQ(this->run(this->uploads().find(upload.id)), std::nullopt);
    EXPECT_EQ(this->access(upload.id), UploadStore::Access::unknown);
    EXPECT_THROW(this->run(writer->confirm()), Superseded);
    EXPECT_THROW(this->finish(*finisher, make_event("file.uploaded", complete.id)), Superseded);
    writer.reset();
    finisher.reset();
    EXPECT_TRUE(this->run(this->store_->list({})).empty());
    EXPECT_TRUE(this->outbox_ids().empty());
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, ExpiredUploadsGoWithTheirContent)
{
    Upload expired = this->make_upload(1'000'000);
    expired.expires_at = Clock().now() + std::chrono::hours{1};
    ASSERT_EQ(this->run(this->uploads().create(expired, {})), UploadStore::Creation::created);
    auto writer = this->run(this->uploads().open(expired.id, expired.expires_at)).writer;
    this->write(*writer, make_content(500'000));
    this->run(writer->confirm());
    this->run(writer->release());
    Upload used = this->make_upload(4);
    used.expires_at = expired.expires_at;
    ASSERT_EQ(this->run(this->uploads().create(used, {})), UploadStore::Creation::created);
    this->append(used.id, "used");
    this->run(this->uploads().sweep(Clock().now()));
    EXPECT_EQ(this->offset_of(expired.id), 500'000U);
    this->run(this->uploads().sweep(Clock().now() + std::chrono::hours{2}));
    EXPECT_EQ(this->run(this->uploads().find(expired.id)), std::nullopt);
    EXPECT_EQ(this->run(this->uploads().find(used.id))->expires_at, this->later) << "writing put its end off";
    this->expect_file(this->finish(used.id), "used");
    this->expect_no_leftovers();
}

// However long one request takes.
TYPED_TEST_P(UploadStoreSuite, ConfirmingPutsTheEndOff)
{
    Upload upload = this->make_upload(10);
    upload.expires_at = Clock().now() + std::chrono::hours{1};
    ASSERT_EQ(this->run(this->uploads().create(upload, {})), UploadStore::Creation::created);
    auto writer = this->run(this->uploads().open(upload.id, upload.expires_at)).writer;
    writer->set_expiry(this->later);
    this->write(*writer, "01234");
    EXPECT_LT(this->run(this->uploads().find(upload.id))->expires_at, this->later);
    this->run(writer->confirm());
    EXPECT_EQ(writer->upload().expires_at, this->later);
    EXPECT_EQ(this->run(this->uploads().find(upload.id))->expires_at, this->later);
    this->run(this->uploads().sweep(Clock().now() + std::chrono::hours{2}));
    this->write(*writer, "56789");
    this->run(writer->confirm());
    this->expect_file(this->finish(*writer, make_event("file.uploaded", upload.id)), "0123456789");
    writer.reset();
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, AnOwnerHasSoManyAtATime)
{
    std::vector<Upload> uploads;
    uploads.reserve(this->unfinished_max);
    for (std::size_t i = 0; i < this->unfinished_max; ++i)
        uploads.push_back(this->create(1));
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(1), {this->unfinished_max})),
              UploadStore::Creation::too_many);
    this->create(1, "owner-2");
    ASSERT_TRUE(this->run(this->uploads().remove(uploads[0].id)));
    this->append(uploads[1].id, "x");
    this->finish(uploads[1].id);
    this->create(1);
    this->create(1);
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(1), {this->unfinished_max})),
              UploadStore::Creation::too_many);
}

TYPED_TEST_P(UploadStoreSuite, NoUploadHasTheIdOfAFile)
{
    std::string id = make_id();
    File file = this->put_upload();
    for (const auto& unknown : {id, file.id}) {
        EXPECT_EQ(this->run(this->uploads().find(unknown)), std::nullopt);
        EXPECT_EQ(this->access(unknown), UploadStore::Access::unknown);
        EXPECT_FALSE(this->run(this->uploads().remove(unknown)));
    }
    this->expect_file(file, "content");
}

TYPED_TEST_P(UploadStoreSuite, AnUploadGoesOnAfterARestart)
{
    std::string content = make_content(1'000'000);
    Upload upload = this->create(content.size());
    this->append(upload.id, std::string_view(content).substr(0, 700'000));
    this->store_.reset();
    this->store_ = this->place_.open();
    EXPECT_EQ(this->offset_of(upload.id), 700'000U);
    this->append(upload.id, std::string_view(content).substr(700'000));
    this->store_.reset();
    this->store_ = this->place_.open();
    this->expect_file(this->finish(upload.id), content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, ACrashKeepsWhatWasConfirmed)
{
    std::string content = make_content(6'000'000);
    Upload upload = this->create(content.size());
    auto writer = this->open(upload.id);
    this->write(*writer, std::string_view(content).substr(0, 3'000'000));
    this->run(writer->confirm());
    this->write(*writer, std::string(2'500'000, 'x'));
    auto crashed = this->place_.open_crashed();
    auto access = this->run(crashed->uploads().open(upload.id, this->later)).access;
    EXPECT_TRUE(access == UploadStore::Access::granted || access == UploadStore::Access::busy);
    writer.reset();
    this->store_ = std::move(crashed);
    EXPECT_EQ(this->offset_of(upload.id), 3'000'000U);
    this->append(upload.id, std::string_view(content).substr(3'000'000));
    this->expect_file(this->finish(upload.id), content);
    this->expect_no_leftovers();
}

TYPED_TEST_P(UploadStoreSuite, AStoppedStoreTakesNothing)
{
    Upload upload = this->create(5);
    auto writer = this->open(upload.id);
    this->write(*writer, "hello");
    this->store_->stop();
    EXPECT_THROW(this->run(writer->confirm()), Unavailable);
    EXPECT_THROW(this->run(this->uploads().find(upload.id)), Unavailable);
    EXPECT_THROW(this->run(this->uploads().create(this->make_upload(1), {})), Unavailable);
    EXPECT_THROW(this->run(this->uploads().open(upload.id, this->later)), Unavailable);
    this->store_.reset();
    writer.reset();  // outlives its store
}

TYPED_TEST_P(UploadStoreSuite, UnfinishedUploadsClaimTheirLengthsOrWhatHasArrived)
{
    using Creation = UploadStore::Creation;
    Upload told = this->create(600);
    Upload untold = this->create(std::nullopt);
    this->create(5'000, "owner-2");
    EXPECT_EQ(this->run(this->uploads().claimed("owner-1")), 600U);
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(401), {.bytes_max = 1'000})), Creation::too_much);
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(1), {.bytes_max = 10})), Creation::too_much);
    this->append(untold.id, std::string(300, 'x'));
    this->append(untold.id, "");
    EXPECT_EQ(this->run(this->uploads().claimed("owner-1")), 900U);
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(101), {.bytes_max = 1'000})), Creation::too_much);
    EXPECT_EQ(this->run(this->uploads().create(this->make_upload(100), {.bytes_max = 1'000})), Creation::created);
    ASSERT_TRUE(this->run(this->uploads().remove(told.id)));
    EXPECT_EQ(this->run(this->uploads().claimed("owner-1")), 400U);
    EXPECT_EQ(this->run(this->uploads().claimed("nobody")), 0U);
}

TYPED_TEST_P(UploadStoreSuite, PartsAreKeptAndReadAndJoinedOnce)
{
    using Creation = UploadStore::Creation;
    std::string content = make_content(700'000);
    Upload part = this->make_upload(content.size());
    part.partial = true;
    ASSERT_EQ(this->run(this->uploads().create(part, {})), Creation::created);
    EXPECT_EQ(this->run(this->uploads().read(part.id, 0)), nullptr) << "it is not complete";
    this->append(part.id, std::string_view(content).substr(0, 300'000));
    this->append(part.id, std::string_view(content).substr(300'000));
    EXPECT_TRUE(this->run(this->uploads().find(part.id))->partial);
    for (std::size_t offset : {0UL, 1UL, 261'120UL, 699'999UL, 700'000UL, 800'000UL}) {
        auto reader = this->run(this->uploads().read(part.id, offset));
        ASSERT_TRUE(reader);
        EXPECT_TRUE(this->run(read_upload(*reader)) == content.substr(std::min(offset, content.size()))) << offset;
    }
    EXPECT_EQ(this->run(this->uploads().read(make_id(), 0)), nullptr);

    Upload joined = this->make_upload(content.size());
    joined.parts = {part.id, make_id()};
    ASSERT_EQ(this->run(this->uploads().create(joined, {})), Creation::created);
    EXPECT_EQ(this->run(this->uploads().create(joined, {})), Creation::exists);
    EXPECT_EQ(this->run(this->uploads().find(joined.id)), joined);
    EXPECT_EQ(this->run(this->uploads().claimed("owner-1")), content.size()) << "the parts claim for it";
    Upload rival = this->make_upload(content.size());
    rival.parts = {make_id(), part.id};
    EXPECT_EQ(this->run(this->uploads().create(rival, {})), Creation::parts_taken);

    this->append(joined.id, content);
    this->expect_file(this->finish(joined.id), content);
    ASSERT_TRUE(this->run(this->uploads().remove(part.id)));
    this->expect_no_leftovers();
}

REGISTER_TYPED_TEST_SUITE_P(UploadStoreSuite, AnUploadThatArrivesInSeveralRequestsBecomesAFile,
                            OneRequestMayConfirmSeveralTimes, AnUploadMayBeEmpty, TheLengthMayBeToldLater,
                            WhatWasNotConfirmedIsDropped, OneWritesAtATime, ASupersededWriterChangesNothing,
                            ASupersededWriterThatGoesOnWritingIsInNobodysWay, WhatWasConfirmedToManyAtOnceIsWhatIsThere,
                            OfTwoWhoFinishOneDoes, ARemovedUploadIsGoneWhoeverWrites, ExpiredUploadsGoWithTheirContent,
                            ConfirmingPutsTheEndOff, AnOwnerHasSoManyAtATime, NoUploadHasTheIdOfAFile,
                            AnUploadGoesOnAfterARestart, ACrashKeepsWhatWasConfirmed, AStoppedStoreTakesNothing,
                            UnfinishedUploadsClaimTheirLengthsOrWhatHasArrived, PartsAreKeptAndReadAndJoinedOnce);

}  // namespace gatehouse::files::testing
