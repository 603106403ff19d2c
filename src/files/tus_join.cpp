// SPDX-License-Identifier: Apache-2.0
// Joining partial uploads to one file: the extension `concatenation` of tus.
//
// The joined upload is an upload like others, whose content comes from its parts instead of a request: it is confirmed
// piece by piece and finished at the end, with all that follows from it. Its id follows from its parts, so the same
// request again goes on where the one before was when it ended, or finds the file. The parts go when the file is there.
#include "files/file_name.hpp"
#include "files/tus_fields.hpp"
#include "files/tus_upload.hpp"

#include "base/id.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace gatehouse::files::tus {

namespace {

using http::Problem;

// As old as the youngest of its parts, which is what lists are ordered by.
std::string make_joined_id(const std::vector<std::string>& parts)
{
    constexpr std::size_t time_size = 13;  // the milliseconds, of a UUID of version 7
    std::string all;
    for (const std::string& part : parts)
        all += part + " ";
    return std::ranges::max(parts).substr(0, time_size) + make_derived_id("joined", all).substr(time_size);
}

// A part of the caller's own.
Task<Upload> find_part(Context& context, const identity::Claims& caller, std::string id)
{
    auto part = co_await context.store.uploads().find(id);
    if (!part || part->owner != caller.subject || part->expires_at <= context.clock.now())
        throw Problem::bad_request("invalid_request", fmt::format("upload-concat: there is no upload {}.", id));
    if (!part->partial)
        throw Problem::bad_request("invalid_request", fmt::format("upload-concat: the upload {} is not partial.", id));
    if (!part->complete())
        throw Problem::conflict("upload_incomplete", fmt::format("The upload {} is not complete yet.", id));
    co_return std::move(*part);
}

Upload read_joined(const http::Request& request, const identity::Claims& caller, Context& context)
{
    const http::Headers& headers = request.head.headers;
    if (headers.contains("upload-length") || headers.contains("upload-defer-length"))
        throw Problem::bad_request("invalid_request", "upload-length: follows from the parts; leave it out.");
    if (request.body->length().value_or(1) != 0)
        throw Problem::bad_request("invalid_request", "An upload that is joined of others takes no body.");
    Upload upload;
    upload.parts = find_concat(headers).parts;
    upload.id = make_joined_id(upload.parts);
    upload.owner = caller.subject;
    Metadata metadata = read_metadata(headers);
    upload.metadata = std::move(metadata.text);
    upload.name = sanitize_name(metadata.name);
    upload.created_at = context.clock.now();
    upload.expires_at = upload.created_at + context.config.upload_ttl;
    return upload;
}

// Appends the rest of a part.
Task<void> copy_part(Context& context, UploadWriter& writer, std::string id, std::uint64_t from)
{
    auto reader = co_await context.store.uploads().read(id, from);
    if (!reader)
        throw Problem::conflict("upload_incomplete", fmt::format("The upload {} was removed meanwhile.", id));
    while (true) {
        std::string_view piece = co_await reader->read();
        if (piece.empty())
            co_return;
        co_await writer.write(piece);
        if (writer.written() - writer.upload().offset >= confirm_bytes)
            co_await confirm(context, writer);
    }
}

// Goes on where a request before was when it ended.
Task<void> copy_all(Context& context, const identity::Claims& caller, const http::Request& request,
                    std::vector<Upload> parts, UploadWriter& writer)
{
    std::uint64_t begin = 0;
    for (const Upload& part : parts) {
        std::uint64_t end = begin + part.offset;
        if (writer.written() < end)
            co_await copy_part(context, writer, part.id, writer.written() - begin);
        if (writer.written() < end)
            throw Unavailable("a part of an upload is shorter than its offset says");
        begin = end;
    }
    co_await confirm(context, writer);
    co_await finish(context, caller, request, writer);
}

// Those that stay by misfortune expire.
Task<void> remove_parts(Context& context, std::vector<std::string> parts)
{
    try {
        for (const std::string& part : parts)
            co_await context.store.uploads().remove(part);
    } catch (const Unavailable& error) {
        log::warn("files", "the parts of a joined upload stay until they expire", {{"error", error.what()}});
    }
}

http::Response created(const std::string& id, std::uint64_t size)
{
    http::Response response;
    response.status = 201;
    response.headers.set("location", "/uploads/" + id);
    response.headers.set("upload-offset", std::to_string(size));
    return response;
}

}  // namespace

Task<http::Response> join(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    Upload upload = read_joined(request, *caller, context);
    // A client that did not get the answer asks again.
    auto file = co_await context.store.find(upload.id);
    if (file && file->owner == caller->subject) {
        co_await remove_parts(context, upload.parts);
        co_return created(file->id, file->size);
    }
    std::vector<Upload> parts;
    std::uint64_t size = 0;
    for (const std::string& id : upload.parts) {
        parts.push_back(co_await find_part(context, *caller, id));
        size += parts.back().offset;
        if (size > context.config.upload_bytes_max)
            throw too_long(context, upload.name);
    }
    upload.length = size;
    Room room = co_await context.quota.find_room(*caller);
    room.require(size);
    co_await make(context, *caller, upload);
    auto writer = co_await open(context, upload.id);
    if (writer) {
        auto work = copy_all(context, *caller, request, std::move(parts), *writer);
        co_await use(context, upload.id, *writer, std::move(work));
    } else {
        co_await expect_finished(context, upload.id);
    }
    co_await remove_parts(context, upload.parts);
    co_return created(upload.id, size);
}

}  // namespace gatehouse::files::tus
