// SPDX-License-Identifier: Apache-2.0
#include "files/tus_upload.hpp"

#include "base/id.hpp"
#include "files/file_json.hpp"

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::files::tus {

using http::Problem;
using Access = UploadStore::Access;
using Creation = UploadStore::Creation;

Problem no_such_upload() { return Problem::not_found("upload_not_found", "There is no such upload."); }

Problem locked()
{
    return Problem::of_status(423, "upload_locked", "Another request writes to this upload. Ask for its offset later.")
        .with_header("retry-after", "1");
}

Problem too_long(Context& context, const std::string& name)
{
    return too_large(name, context.config.upload_bytes_max)
        .with_header("tus-max-size", std::to_string(context.config.upload_bytes_max));
}

Problem no_room()
{
    return Problem::of_status(
        507, "quota_exceeded",
        "Your files and unfinished uploads leave less of your quota than the upload needs. Finish "
        "or remove some uploads, or delete some files for good first.");
}

void set_progress_fields(http::Response& response, const Upload& upload)
{
    response.headers.set("upload-offset", std::to_string(upload.offset));
    response.headers.set("upload-expires", format_http_date(upload.expires_at));
}

Task<Found> find_own(Context& context, const identity::Claims& caller, std::string id)
{
    Found found;
    if (!is_id(id))
        throw no_such_upload();
    found.upload = co_await context.store.uploads().find(id);
    if (found.upload) {
        if (found.upload->owner != caller.subject || found.upload->expires_at <= context.clock.now())
            throw no_such_upload();
        co_return found;
    }
    found.file = co_await context.store.find(std::move(id));
    if (!found.file || found.file->owner != caller.subject || !found.file->derived_from.empty())
        throw no_such_upload();
    co_return found;
}

namespace {

TimePoint end_from_now(const Context& context) { return context.clock.now() + context.config.upload_ttl; }

}  // namespace

Task<std::unique_ptr<UploadWriter>> open(Context& context, std::string id)
{
    auto opening = co_await context.store.uploads().open(std::move(id), end_from_now(context));
    if (opening.access == Access::busy)
        throw locked();
    co_return std::move(opening.writer);
}

Task<void> confirm(Context& context, UploadWriter& writer)
{
    writer.set_expiry(end_from_now(context));
    co_await writer.confirm();
}

Task<void> finish(Context& context, const identity::Claims& caller, const http::Request& request, UploadWriter& writer)
{
    const Upload& upload = writer.upload();
    File file;
    file.id = upload.id;
    file.owner = upload.owner;
    file.name = upload.name;
    file.size = upload.offset;
    if (file.size > context.config.upload_bytes_max)  // it was larger when the upload began
        throw too_long(context, file.name);
    std::string head = co_await writer.head();
    std::exception_ptr refusal;
    try {
        file.type = co_await sniff_allowed(context, head, file.name);
    } catch (const Problem&) {
        refusal = std::current_exception();
    }
    if (refusal) {
        co_await context.store.uploads().remove(file.id);  // it will never be taken
        std::rethrow_exception(refusal);
    }
    file.sha256 = writer.sha256();
    file.created_at = context.clock.now();
    events::Event event = make_uploaded_event(file, caller, request);
    auto turn = co_await context.quota.take_turn(caller, file.size);
    co_await writer.finish(file, std::move(event));
    count_upload(context, file);
}

namespace {

// Lets others in before the request is answered, whatever became of it: the client's next one comes at once.
Task<void> let_go(UploadWriter& writer)
{
    try {
        co_await writer.release();
    } catch (const Unavailable&) {
        // The writer's end tries again, and so does time.
    }
}

}  // namespace

Task<void> expect_finished(Context& context, std::string id)
{
    auto file = co_await context.store.find(std::move(id));
    if (!file)
        throw locked();
}

Task<void> use(Context& context, std::string id, UploadWriter& writer, Task<void> work)
{
    bool superseded = false;
    std::exception_ptr error;
    try {
        co_await std::move(work);
    } catch (const Superseded&) {
        superseded = true;
    } catch (...) {
        error = std::current_exception();
    }
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await let_go(writer);
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (error)
        std::rethrow_exception(error);
    if (superseded)
        co_await expect_finished(context, std::move(id));
}

Task<UploadBounds> find_bounds(Context& context, const identity::Claims& caller)
{
    UploadBounds bounds{.uploads_max = context.config.unfinished_uploads_max, .bytes_max = std::nullopt};
    if (auto limit = context.quota.limit_of(caller)) {
        Usage usage = co_await context.store.usage(caller.subject);
        bounds.bytes_max = *limit - std::min(*limit, usage.bytes);
    }
    co_return bounds;
}

Task<bool> make(Context& context, const identity::Claims& caller, const Upload& upload)
{
    UploadBounds bounds = co_await find_bounds(context, caller);
    if (!upload.parts.empty())
        ++bounds.uploads_max;  // its parts will go
    Creation creation = co_await context.store.uploads().create(upload, bounds);
    if (creation == Creation::too_many)
        throw Problem::conflict("too_many_uploads",
                                fmt::format("You have {} unfinished uploads. Finish or remove some of them.",
                                            context.config.unfinished_uploads_max));
    if (creation == Creation::too_much)
        throw no_room();
    if (creation == Creation::parts_taken)
        throw Problem::conflict("upload_parts_taken",
                                "Another upload is being joined of some of these parts. Finish or remove it first.");
    co_return creation == Creation::exists;
}

}  // namespace gatehouse::files::tus
