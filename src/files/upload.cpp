// SPDX-License-Identifier: Apache-2.0
#include "files/allowed_types.hpp"
#include "files/file_json.hpp"
#include "files/file_name.hpp"
#include "files/handlers.hpp"
#include "files/sniff.hpp"

#include "base/id.hpp"
#include "http/json_body.hpp"
#include "http/multipart.hpp"
#include "http/problem.hpp"
#include "http/range.hpp"
#include "http/url.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

namespace gatehouse::files {

namespace {

constexpr std::size_t files_per_request_max = 100;
constexpr std::size_t sniffed_bytes = 4096;  // all that FileWriter::head() ever gives

// A file whose content has arrived and is on disk, but which nobody can see yet.
struct Staged {
    File file;
    std::unique_ptr<FileWriter> writer;
};  // without content it has no type yet: a form's empty field is no file

// The current part of a multipart body as a body.
class PartBody final : public http::BodyReader {
public:
    explicit PartBody(http::MultipartReader& parts) : parts_(parts) {}
    Task<std::string_view> read() override { return parts_.read(); }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }

private:
    http::MultipartReader& parts_;
};

Task<Staged> stage(Context& context, const identity::Claims& caller, std::string name, http::BodyReader& body,
                   Room& room)
{
    std::uint64_t limit = context.config.upload_bytes_max;
    Staged staged;
    staged.file.id = make_id();
    staged.file.owner = caller.subject;
    staged.file.name = sanitize_name(name);
    if (body.length().value_or(0) > limit)
        throw too_large(staged.file.name, limit);
    room.require(body.length().value_or(0));
    staged.writer = co_await context.store.create(staged.file.id);
    FileWriter& writer = *staged.writer;
    while (true) {
        std::string_view piece = co_await body.read();
        if (piece.empty())
            break;
        if (piece.size() > limit - writer.size())
            throw too_large(staged.file.name, limit);
        room.require(writer.size() + piece.size(), true);
        co_await writer.write(piece);
        bool head_is_complete = writer.head().size() == sniffed_bytes;
        if (staged.file.type.empty() && head_is_complete)
            staged.file.type = co_await sniff_allowed(context, writer.head(), staged.file.name);
    }
    co_await writer.seal();
    bool has_content = writer.size() > 0;
    if (staged.file.type.empty() && has_content)
        staged.file.type = co_await sniff_allowed(context, writer.head(), staged.file.name);
    staged.file.size = writer.size();
    room.take(staged.file.size);
    staged.file.sha256 = writer.sha256();
    co_return staged;
}

// Only parts with a file name are files; a browser sends an empty one for a file field that was left empty.
Task<std::vector<Staged>> stage_parts(Context& context, const identity::Claims& caller, http::BodyReader& body,
                                      std::string boundary, Room room)
{
    std::vector<Staged> files;
    http::MultipartReader parts(body, std::move(boundary));
    while (true) {
        auto head = co_await parts.next_part();
        if (!head)
            break;
        if (!head->filename)
            continue;
        if (files.size() == files_per_request_max)
            throw http::Problem::bad_request(
                "invalid_request", fmt::format("One request carries at most {} files.", files_per_request_max));
        PartBody part(parts);
        Staged staged = co_await stage(context, caller, *head->filename, part, room);
        bool nothing = head->filename->empty() && staged.file.size == 0;
        if (!nothing)
            files.push_back(std::move(staged));
    }
    if (files.empty())
        throw http::Problem::bad_request("invalid_request", "There is no file in the form: a part needs a file name.");
    co_return files;
}

std::optional<std::string> find_raw_name(const http::Request& request)
{
    if (auto name = http::find_query_parameter(request.query(), "name"))
        return name;
    if (auto disposition = request.head.headers.find("content-disposition"))
        return http::find_disposition_filename(*disposition);
    return std::nullopt;
}

Task<std::vector<Staged>> stage_body(Context& context, const identity::Claims& caller, http::Request& request,
                                     Room room)
{
    auto name = find_raw_name(request);
    std::vector<Staged> files;
    files.push_back(co_await stage(context, caller, name.value_or("file"), *request.body, room));
    if (!name && files.front().file.size == 0)
        throw http::Problem::bad_request("invalid_request", "The request has no body.");
    co_return files;
}

Task<void> commit(Context& context, const identity::Claims& caller, const http::Request& request, Staged& staged)
{
    staged.file.created_at = context.clock.now();
    events::Event event = make_uploaded_event(staged.file, caller, request);
    bool visible = co_await staged.writer->commit(staged.file, std::move(event));
    if (!visible)
        throw http::Problem::internal("a new file's id is taken: " + staged.file.id);
    count_upload(context, staged.file);
}

bool is_multipart(std::string_view content_type)
{
    constexpr std::string_view prefix = "multipart/";
    return http::iequals(content_type.substr(0, prefix.size()), prefix);
}

}  // namespace

http::Problem too_large(const std::string& name, std::uint64_t limit)
{
    return http::Problem::too_large("file_too_large",
                                    fmt::format("\"{}\" is larger than the limit of {} bytes.", name, limit));
}

Task<std::string> sniff_allowed(Context& context, std::string_view head, std::string name)
{
    auto sniff = [head] { return sniff_type(head); };
    std::string type = co_await context.sniffing.run(sniff);
    if (!is_allowed_type(context.config.allowed_types, type))
        throw http::Problem::unsupported_type(
            "file_type_not_allowed",
            fmt::format("\"{}\" is {}. Files may be: {}.", name, type, fmt::join(context.config.allowed_types, ", ")));
    co_return type;
}

void count_upload(Context& context, const File& file)
{
    context.uploads.Increment();
    context.uploaded_bytes.Increment(static_cast<double>(file.size));
}

// POST /upload: stores the files of a multipart form, or the raw body as one file. 201 with the records.
//
// Nothing becomes visible before the whole request has arrived: a body that breaks off, is malformed or is too large
// leaves nothing, and so does one beyond the quota or of a type that is not taken. Then each file becomes visible by
// itself, in the order of the parts; if the store fails between two of them, those before it stay (and are announced)
// and the answer is 503.
Task<http::Response> upload(http::Request& request, Context& context)
{
    auto caller = require(context, request, write_permission);
    std::string content_type(request.head.headers.find("content-type").value_or(""));
    Room room = co_await context.quota.find_room(*caller);
    std::vector<Staged> files;
    if (auto boundary = http::find_multipart_boundary(content_type))
        files = co_await stage_parts(context, *caller, *request.body, *boundary, room);
    else if (is_multipart(content_type))
        throw http::Problem::bad_request("bad_multipart",
                                         "Only multipart/form-data with a valid boundary is accepted.");
    else
        files = co_await stage_body(context, *caller, request, room);

    std::uint64_t bytes = 0;
    for (Staged& staged : files) {
        bytes += staged.file.size;
        bool is_typed = !staged.file.type.empty();
        if (!is_typed)
            staged.file.type = co_await sniff_allowed(context, "", staged.file.name);
    }
    auto turn = co_await context.quota.take_turn(*caller, bytes);
    std::vector<File> records;
    for (Staged& staged : files) {
        co_await commit(context, *caller, request, staged);
        records.push_back(staged.file);
    }
    http::Response response = http::json_response(to_json_list(records, {}, ""), 201);
    if (records.size() == 1)
        response.headers.set("location", "/files/" + records.front().id);
    co_return response;
}

}  // namespace gatehouse::files
