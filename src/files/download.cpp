// SPDX-License-Identifier: Apache-2.0
#include "files/handlers.hpp"

#include "base/encoding.hpp"
#include "files/byte_ranges_body.hpp"
#include "http/problem.hpp"
#include "http/range.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <utility>

namespace gatehouse::files {

namespace {

class ContentBody final : public http::BodyReader {
public:
    ContentBody(std::unique_ptr<FileReader> reader, std::uint64_t length) : reader_(std::move(reader)), length_(length)
    {
    }
    Task<std::string_view> read() override { return reader_->read(); }
    std::optional<std::uint64_t> length() const override { return length_; }

private:
    std::unique_ptr<FileReader> reader_;
    std::uint64_t length_;
};

std::string make_etag(const File& file) { return fmt::format("\"sha256-{}\"", file.sha256); }

// RFC 9110 section 13.2.2: If-Modified-Since counts only where If-None-Match is absent. The date is compared as text: a
// client sends back the one that it was given.
bool is_not_modified(const http::Headers& headers, const std::string& etag, const std::string& last_modified)
{
    if (auto tags = headers.find("if-none-match"))
        return http::matches_if_none_match(*tags, etag);
    return headers.find("if-modified-since") == last_modified;
}

// RFC 9110 section 14.2: Range is for GET alone. Section 13.1.5: with an If-Range that is not our tag or our date, the
// whole is sent. The date of an upload is a strong validator, for its content never changes; a derived file may be made
// again within the same second.
http::RangeResult find_range(const http::Request& request, const File& file, const std::string& etag,
                             const std::string& last_modified)
{
    auto range = request.head.headers.find("range");
    auto condition = request.head.headers.find("if-range");
    if (request.head.method != "GET" || !range)
        return {};
    bool is_upload = file.derived_from.empty();
    if (condition && *condition != etag && !(is_upload && *condition == last_modified))
        return {};
    return http::parse_range(*range, file.size);
}

// Uploaded content is never shown by a browser as part of this site: it is saved, its type is not guessed anew, and if
// it is displayed after all, it may run and load nothing.
void add_safety_fields(http::Headers& headers, const File& file)
{
    headers.set("content-type", file.type);
    headers.set("content-disposition", http::attachment_disposition(file.name));
    headers.set("x-content-type-options", "nosniff");
    headers.set("content-security-policy", "sandbox; default-src 'none'");
}

// By a link the link alone counts, whoever comes with it.
Task<File> find_linked_file(http::Request& request, Context& context, std::string id)
{
    std::int64_t generation = context.links.require(id, request.query(), context.clock.now());
    auto file = co_await context.store.find(std::move(id));
    if (!file)
        throw http::Problem::not_found("file_not_found", "The file was removed.");
    if (file->link_generation != generation)
        throw http::Problem::forbidden("link_withdrawn", "The link was taken back. Ask whoever gave it to you for a "
                                                         "new one.");
    co_return std::move(*file);
}

Task<File> find_own_file(http::Request& request, Context& context, std::string id)
{
    auto caller = require(context, request, read_permission);
    co_return co_await get_file(context, *caller, std::move(id), read_any_permission);
}

// RFC 9530: of the whole content, also where only a part is sent.
void add_digest(http::Headers& headers, const File& file)
{
    if (auto hash = from_hex(file.sha256); hash && !hash->empty())
        headers.set("repr-digest", fmt::format("sha-256=:{}:", to_base64(*hash)));
}

// Sets what describes the body, and gives it; nothing for an answer to HEAD.
void set_whole(http::Response& response, const File& file, std::unique_ptr<FileReader> reader)
{
    if (!reader) {
        response.content_length = file.size;
        return;
    }
    reader->seek(0, file.size);
    response.stream = std::make_unique<ContentBody>(std::move(reader), file.size);
}

void set_ranges(http::Response& response, const File& file, std::vector<http::ByteRange> ranges,
                std::unique_ptr<FileReader> reader)
{
    response.status = 206;
    if (ranges.size() > 1) {
        auto body = std::make_unique<ByteRangesBody>(std::move(reader), std::move(ranges));
        response.headers.set("content-type", body->content_type());
        response.stream = std::move(body);
        return;
    }
    http::ByteRange range = ranges.front();
    response.headers.set("content-range", http::content_range(range, file.size));
    reader->seek(range.first, range.size());
    response.stream = std::make_unique<ContentBody>(std::move(reader), range.size());
}

Task<http::Response> send_content(http::Request& request, Context& context, File file)
{
    std::string etag = make_etag(file);
    std::string last_modified = format_http_date(file.created_at);

    http::Response response;
    response.headers.set("etag", etag);
    response.headers.set("last-modified", last_modified);
    response.headers.set("cache-control", "private, no-cache");
    response.headers.set("accept-ranges", "bytes");
    if (is_not_modified(request.head.headers, etag, last_modified)) {
        response.status = 304;
        co_return response;
    }
    http::RangeResult range = find_range(request, file, etag, last_modified);
    if (range.kind == http::RangeResult::Kind::unsatisfiable)
        throw http::Problem::range_not_satisfiable(file.size);
    add_safety_fields(response.headers, file);
    add_digest(response.headers, file);
    std::unique_ptr<FileReader> reader;
    if (request.head.method != "HEAD") {
        reader = co_await context.store.open(file.id);
        if (!reader)  // removed in between
            throw http::Problem::not_found("file_not_found", "There is no such file.");
    }
    if (range.kind == http::RangeResult::Kind::ranges)
        set_ranges(response, file, std::move(range.ranges), std::move(reader));
    else
        set_whole(response, file, std::move(reader));
    co_return response;
}

}  // namespace

// GET, HEAD /files/{id}/content: the content, or ranges of it; to its owner, or by a link (download_link.hpp).
Task<http::Response> download(http::Request& request, Context& context)
{
    std::string id = request.path_parameters.at(0);
    bool by_link = LinkSigner::is_link(request.query());
    auto find = by_link ? find_linked_file : find_own_file;
    File file = co_await find(request, context, std::move(id));
    co_return co_await send_content(request, context, std::move(file));
}

// GET, HEAD /download?fid=ID: the same as /files/ID/content.
Task<http::Response> download_by_fid(http::Request& request, Context& context)
{
    auto id = http::find_query_parameter(request.query(), "fid");
    if (!id) {
        require(context, request, read_permission);
        throw http::Problem::bad_request("invalid_request", "The parameter fid, the file's id, is missing.");
    }
    File file = co_await find_own_file(request, context, std::move(*id));
    co_return co_await send_content(request, context, std::move(file));
}

}  // namespace gatehouse::files
