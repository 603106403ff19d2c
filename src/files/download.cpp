// SPDX-License-Identifier: Apache-2.0
#include "files/handlers.hpp"

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

// RFC 9110 section 14.2: Range is for GET alone. Section 13.1.5: with an If-Range that is not our tag, the whole is
// sent; a date counts as another tag, because it is no strong validator.
http::RangeResult find_range(const http::Request& request, const std::string& etag, std::uint64_t size)
{
    auto range = request.head.headers.find("range");
    auto condition = request.head.headers.find("if-range");
    if (request.head.method != "GET" || !range || (condition && *condition != etag))
        return {};
    return http::parse_range(*range, size);
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
    context.links.require(id, request.query(), context.clock.now());
    auto file = co_await context.store.find(std::move(id));
    if (!file)
        throw http::Problem::not_found("file_not_found", "The file was removed.");
    co_return std::move(*file);
}

Task<File> find_own_file(http::Request& request, Context& context, std::string id)
{
    auto caller = require(context, request, read_permission);
    co_return co_await get_file(context, *caller, std::move(id), read_any_permission);
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
    http::ByteRange part{0, file.size - 1};  // not looked at when there is nothing
    std::uint64_t length = file.size;
    http::RangeResult range = find_range(request, etag, file.size);
    if (range.kind == http::RangeResult::Kind::unsatisfiable)
        throw http::Problem::range_not_satisfiable(file.size);
    if (range.kind == http::RangeResult::Kind::range) {
        part = range.range;
        length = part.size();
        response.status = 206;
        response.headers.set("content-range", fmt::format("bytes {}-{}/{}", part.first, part.last, file.size));
    }
    add_safety_fields(response.headers, file);
    if (request.head.method == "HEAD") {
        response.content_length = length;
        co_return response;
    }
    auto reader = co_await context.store.open(file.id);
    if (!reader)  // removed in between
        throw http::Problem::not_found("file_not_found", "There is no such file.");
    reader->seek(part.first, length);
    response.stream = std::make_unique<ContentBody>(std::move(reader), length);
    co_return response;
}

}  // namespace

// GET, HEAD /files/{id}/content: the content, or one range of it; to its owner, or by a link (download_link.hpp).
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
