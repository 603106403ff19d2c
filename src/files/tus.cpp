// SPDX-License-Identifier: Apache-2.0
// Resumable uploads: tus 1.0.0 over UploadStore. docs/uploads.md says what clients may rely on.
//
// An upload has the id of the file that it becomes. Whoever brings the last byte, or asks for the offset of an upload
// that has them all but was not finished (the process died in between), finishes it; the store sees to it that this
// happens once. From then on the file's record answers for the upload: its offset is its size.
#include "files/file_json.hpp"
#include "files/file_name.hpp"
#include "files/handlers.hpp"
#include "files/tus_fields.hpp"
#include "files/tus_upload.hpp"

#include "base/encoding.hpp"
#include "base/id.hpp"

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace gatehouse::files {

namespace {

using http::Problem;
using tus::find_own;
using tus::finish;
using tus::Found;
using tus::locked;
using tus::no_such_upload;
using tus::set_progress_fields;
using tus::too_long;
using Endpoint = Task<http::Response> (*)(http::Request&, Context&);

constexpr int checksum_mismatch_status = 460;

Problem wrong_version()
{
    return Problem::of_status(412, "tus_version", fmt::format("tus-resumable: must be {}.", tus::version))
        .with_header("tus-version", tus::version);
}

// Every answer says the version; every request must.
Task<http::Response> check_version(http::Request& request, Context& context, Endpoint endpoint)
{
    if (request.head.headers.find("tus-resumable") != tus::version) {
        auto caller = require(context, request, write_permission);
        throw wrong_version();
    }
    co_return co_await endpoint(request, context);
}

Task<http::Response> serve(http::Request& request, Context& context, Endpoint endpoint)
{
    http::Handler handler = [&context, endpoint](http::Request& asked) {
        return check_version(asked, context, endpoint);
    };
    http::Response response = co_await http::answer(handler, request);
    response.headers.set("tus-resumable", tus::version);
    response.headers.set("cache-control", "no-store");
    co_return response;
}

Problem wrong_offset(std::uint64_t offset)
{
    return Problem::conflict("wrong_offset", fmt::format("The upload goes on at offset {}.", offset))
        .with_header("upload-offset", std::to_string(offset));
}

Problem beyond_length(std::uint64_t length)
{
    return Problem::too_large("file_too_large", fmt::format("The upload has a length of {} bytes.", length));
}

// The body of one request on its way into an upload.
class Appending final {
public:
    // `room`: how long an upload that has not told its length may become.
    Appending(Context& context, http::BodyReader& body, UploadWriter& writer, std::optional<tus::Checksum> checksum,
              std::uint64_t room)
        : context_(context), body_(body), writer_(writer), checksum_(std::move(checksum)), room_(room)
    {
    }

    // Confirms all of it. Of a body that breaks off, what has arrived, unless only the whole of it could be checked.
    Task<void> run()
    {
        std::exception_ptr error;
        try {
            co_await take();
        } catch (...) {
            error = std::current_exception();
        }
        if (error && (checksum_ || !arriving_broke_))
            std::rethrow_exception(error);
        if (!error && checksum_)
            co_await compare();
        // A server that stops cuts its requests short; what has arrived is worth a moment.
        bool throws = co_await asio::this_coro::throw_if_cancelled();
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await tus::confirm(context_, writer_);
        co_await asio::this_coro::throw_if_cancelled(throws);
        if (error)
            std::rethrow_exception(error);
    }

private:
    Task<void> take()
    {
        const Upload& upload = writer_.upload();
        std::uint64_t limit = upload.length.value_or(std::min(context_.config.upload_bytes_max, room_));
        if (body_.length().value_or(0) > limit - std::min(limit, writer_.written()))
            throw beyond(limit);
        auto last_confirm = std::chrono::steady_clock::now();
        while (true) {
            arriving_broke_ = true;
            std::string_view piece = co_await body_.read();
            arriving_broke_ = false;
            if (piece.empty())
                co_return;
            if (piece.size() > limit - writer_.written())
                throw beyond(limit);
            if (checksum_)
                co_await digest(piece);
            co_await writer_.write(piece);
            auto now = std::chrono::steady_clock::now();
            bool much = writer_.written() - upload.offset >= tus::confirm_bytes;
            if (checksum_ || (!much && now - last_confirm < tus::confirm_interval))
                continue;
            co_await tus::confirm(context_, writer_);
            last_confirm = now;
        }
    }

    Problem beyond(std::uint64_t limit) const
    {
        if (writer_.upload().length)
            return beyond_length(limit);
        return limit == room_ ? tus::no_room() : too_long(context_, writer_.upload().name);
    }

    Task<void> digest(std::string_view piece)
    {
        auto job = [this, piece] { checksum_->digest.update(piece); };
        co_await context_.checking.run(job);
    }

    Task<void> compare()
    {
        if (checksum_->digest.finish() != checksum_->expected)
            throw Problem::of_status(checksum_mismatch_status, "checksum_mismatch",
                                     "The body's digest is not that of upload-checksum; nothing of it was kept.");
        co_return;
    }

    Context& context_;
    http::BodyReader& body_;
    UploadWriter& writer_;
    std::optional<tus::Checksum> checksum_;
    std::uint64_t room_;
    bool arriving_broke_ = false;
};

// A length that was deferred may come with any request.
Task<void> take_length(const http::Request& request, Context& context, UploadWriter& writer)
{
    auto length = tus::find_count(request.head.headers, "upload-length");
    const Upload& upload = writer.upload();
    if (!length || length == upload.length)
        co_return;
    if (upload.length)
        throw Problem::bad_request("invalid_request", "upload-length: the length was told before, and is another.");
    if (*length < upload.offset)
        throw Problem::bad_request("invalid_request", "upload-length: is less than what has arrived already.");
    if (*length > context.config.upload_bytes_max)
        throw too_long(context, upload.name);
    writer.set_length(*length);
    co_await tus::confirm(context, writer);
}

// How long the upload may become beside what else the caller has, as far as its length was not measured before.
Task<std::uint64_t> find_room(Context& context, const identity::Claims& caller, const Upload& upload)
{
    constexpr auto any = std::numeric_limits<std::uint64_t>::max();
    if (upload.length)
        co_return any;
    UploadBounds bounds = co_await tus::find_bounds(context, caller);
    if (!bounds.bytes_max)
        co_return any;
    std::uint64_t claimed = co_await context.store.uploads().claimed(caller.subject);
    std::uint64_t others = claimed - std::min(claimed, upload.offset);
    co_return *bounds.bytes_max - std::min(*bounds.bytes_max, others);
}

// Takes the request's body, and finishes the upload when that was all.
Task<void> take_body(Context& context, const identity::Claims& caller, http::Request& request, std::uint64_t offset,
                     UploadWriter& writer)
{
    if (writer.upload().offset != offset)
        throw wrong_offset(writer.upload().offset);
    co_await take_length(request, context, writer);
    std::uint64_t room = co_await find_room(context, caller, writer.upload());
    Appending appending(context, *request.body, writer, tus::find_checksum(request.head.headers), room);
    co_await appending.run();
    if (writer.upload().complete() && !writer.upload().partial)
        co_await finish(context, caller, request, writer);
}

// Appends the request's body at `offset`. The upload as it is then; nullopt when it was over before.
Task<std::optional<Upload>> append(Context& context, const identity::Claims& caller, http::Request& request,
                                   std::string id, std::uint64_t offset)
{
    auto writer = co_await tus::open(context, id);
    if (!writer)
        co_return std::nullopt;
    auto work = take_body(context, caller, request, offset, *writer);
    co_await tus::use(context, std::move(id), *writer, std::move(work));
    co_return writer->upload();
}

bool has_content_type(const http::Request& request)
{
    return http::iequals(request.head.headers.find("content-type").value_or(""), tus::content_type);
}

Problem wrong_content_type()
{
    return Problem::unsupported_type("unsupported_media_type",
                                     fmt::format("content-type: must be {}.", tus::content_type));
}

Upload read_creation(const http::Request& request, const identity::Claims& caller, Context& context)
{
    const http::Headers& headers = request.head.headers;
    Upload upload;
    upload.partial = tus::find_concat(headers).partial;
    upload.id = make_id();
    upload.owner = caller.subject;
    tus::Metadata metadata = tus::read_metadata(headers);
    upload.metadata = std::move(metadata.text);
    upload.name = sanitize_name(metadata.name);
    upload.length = tus::find_count(headers, "upload-length");
    if (upload.length.has_value() == tus::has_deferred_length(headers))
        throw Problem::bad_request("invalid_request", "One of upload-length and upload-defer-length must be there.");
    if (upload.length.value_or(0) > context.config.upload_bytes_max)
        throw too_long(context, upload.name);
    upload.created_at = context.clock.now();
    upload.expires_at = upload.created_at + context.config.upload_ttl;
    return upload;
}

// A client whose creation was not answered does not know the upload.
Task<void> abandon(Context& context, std::string id)
{
    try {
        co_await context.store.uploads().remove(std::move(id));
    } catch (const Unavailable&) {
        // Then it expires.
    }
}

// The first part, which came with the request that makes the upload.
Task<Upload> begin(Context& context, const identity::Claims& caller, http::Request& request, Upload upload)
{
    std::exception_ptr error;
    try {
        auto appended = co_await append(context, caller, request, upload.id, 0);
        if (!appended)
            throw no_such_upload();
        co_return std::move(*appended);
    } catch (...) {
        error = std::current_exception();
    }
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await abandon(context, upload.id);
    co_await asio::this_coro::throw_if_cancelled(throws);
    std::rethrow_exception(error);
}

Task<http::Response> create(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    bool joined = !tus::find_concat(request.head.headers).parts.empty();
    if (joined)
        co_return co_await tus::join(request, context);
    Upload upload = read_creation(request, *caller, context);
    Room room = co_await context.quota.find_room(*caller);
    room.require(upload.length.value_or(0));
    bool has_body = request.body->length() != 0;
    if (has_body && !has_content_type(request))
        throw wrong_content_type();
    co_await tus::make(context, *caller, upload);
    if (has_body || upload.length == 0)
        upload = co_await begin(context, *caller, request, upload);
    http::Response response;
    response.status = 201;
    response.headers.set("location", "/uploads/" + upload.id);
    set_progress_fields(response, upload);
    co_return response;
}

// All bytes are there, but whoever brought the last of them did not get to finish it, or is about to.
Task<void> finish_late(Context& context, const identity::Claims& caller, const http::Request& request, std::string id)
{
    auto writer = co_await tus::open(context, id);
    if (!writer)
        co_return co_await tus::expect_finished(context, std::move(id));
    auto work = finish(context, caller, request, *writer);
    co_await tus::use(context, std::move(id), *writer, std::move(work));
}

// One whose parts are not joined yet has no offset to tell.
http::Response show_joined(const Upload& upload)
{
    http::Response response;
    response.headers.set("upload-concat", tus::write_concat(upload.parts));
    response.headers.set("upload-length", std::to_string(upload.length.value_or(0)));
    response.headers.set("upload-expires", format_http_date(upload.expires_at));
    if (!upload.metadata.empty())
        response.headers.set("upload-metadata", upload.metadata);
    return response;
}

Task<http::Response> show(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    Found found = co_await find_own(context, *caller, request.path_parameters.at(0));
    http::Response response;
    if (found.file) {
        response.headers.set("upload-offset", std::to_string(found.file->size));
        response.headers.set("upload-length", std::to_string(found.file->size));
        co_return response;
    }
    const Upload& upload = *found.upload;
    if (!upload.parts.empty())
        co_return show_joined(upload);
    if (upload.partial)
        response.headers.set("upload-concat", "partial");
    else if (upload.complete())
        co_await finish_late(context, *caller, request, upload.id);
    set_progress_fields(response, upload);
    if (upload.length)
        response.headers.set("upload-length", std::to_string(*upload.length));
    else
        response.headers.set("upload-defer-length", "1");
    if (!upload.metadata.empty())
        response.headers.set("upload-metadata", upload.metadata);
    co_return response;
}

// A client that did not get the answer to its last request may repeat the end of it.
http::Response append_to_finished(const http::Request& request, const File& file, std::uint64_t offset)
{
    if (offset != file.size)
        throw wrong_offset(file.size);
    if (request.body->length() != 0)
        throw Problem::conflict("upload_finished", "The upload is finished; it is a file now.");
    http::Response response = http::no_content();
    response.headers.set("upload-offset", std::to_string(file.size));
    return response;
}

Task<http::Response> append_request(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    if (!has_content_type(request))
        throw wrong_content_type();
    auto offset = tus::find_count(request.head.headers, "upload-offset");
    if (!offset)
        throw Problem::bad_request("invalid_request", "upload-offset: is missing.");
    Found found = co_await find_own(context, *caller, request.path_parameters.at(0));
    if (found.file)
        co_return append_to_finished(request, *found.file, *offset);
    if (!found.upload->parts.empty())
        throw Problem::forbidden("upload_joined", "The upload is joined of others; nothing can be appended to it.");
    auto upload = co_await append(context, *caller, request, found.upload->id, *offset);
    if (!upload) {
        found = co_await find_own(context, *caller, found.upload->id);
        if (!found.file)
            throw locked();
        co_return append_to_finished(request, *found.file, *offset);
    }
    http::Response response = http::no_content();
    set_progress_fields(response, *upload);
    co_return response;
}

Task<http::Response> terminate(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    Found found = co_await find_own(context, *caller, request.path_parameters.at(0));
    bool removed = false;
    if (found.upload)
        removed = co_await context.store.uploads().remove(found.upload->id);
    if (found.file || !removed)
        throw Problem::conflict("upload_finished", "The upload is finished; its file can be deleted.");
    co_return http::no_content();
}

}  // namespace

// OPTIONS /uploads/ and of an upload: what this server can do. For anybody.
Task<http::Response> tus_options(http::Request& request, Context& context)
{
    (void)request;
    http::Response response = http::no_content();
    response.headers.set("tus-resumable", tus::version);
    response.headers.set("tus-version", tus::version);
    response.headers.set("tus-extension", tus::extensions);
    response.headers.set("tus-max-size", std::to_string(context.config.upload_bytes_max));
    response.headers.set("tus-checksum-algorithm", tus::checksum_algorithms);
    response.headers.set("cache-control", "no-store");
    co_return response;
}

// POST /uploads/: makes an upload, and takes its first bytes when they come along. 201 with its Location.
Task<http::Response> tus_create(http::Request& request, Context& context) { return serve(request, context, create); }

// HEAD /uploads/{id}: how much of it is durable.
Task<http::Response> tus_head(http::Request& request, Context& context) { return serve(request, context, show); }

// PATCH /uploads/{id}: takes bytes from the offset on. 204 with the new one.
Task<http::Response> tus_append(http::Request& request, Context& context)
{
    return serve(request, context, append_request);
}

// DELETE /uploads/{id}: removes an unfinished upload, whoever writes to it. 204.
Task<http::Response> tus_terminate(http::Request& request, Context& context)
{
    return serve(request, context, terminate);
}

}  // namespace gatehouse::files
