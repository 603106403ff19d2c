// SPDX-License-Identifier: Apache-2.0
// `gatehouse upload`: each file resumably where the server can that, else by one POST; never held in memory, and the
// server's hash is compared with ours.
#include "app/client_commands.hpp"
#include "app/progress_bar.hpp"
#include "app/resumable_upload.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

// By one request, for a server without resumable uploads.
json::object upload_at_once(ClientSession& session, UploadSource& source, ProgressBar& bar)
{
    HttpCall call;
    call.method = "POST";
    call.url = "/upload?name=" + http::percent_encode(source.name());
    call.headers = {"Content-Type: application/octet-stream", "Accept: application/json"};
    call.seek = [&](std::uint64_t offset) { return source.seek(offset); };
    call.size = source.size();
    call.on_sent = [&](std::uint64_t sent) { bar.show(sent); };
    call.read = source.reader(0);
    json::object answer = session.expect_json(session.call(std::move(call)));
    const json::value* items = answer.if_contains("items");
    if (!items || !items->is_array() || items->get_array().size() != 1 || !items->get_array()[0].is_object())
        throw ClientError(fmt::format("{} did not answer with a record", session.server()),
                          "gatehouse files list tells whether the file is there");
    return items->get_array()[0].get_object();
}

// The record of the file that was uploaded. Throws ClientError.
json::object upload_file(ClientSession& session, const std::string& path)
{
    UploadSource source(path);
    ProgressBar bar(source.name(), source.size(), Unit::bytes);
    auto record = upload_resumably(session, source, bar);
    if (!record)
        record = upload_at_once(session, source, bar);
    source.require_unchanged();
    if (find_string(*record, "sha256") != source.sha256())
        throw ClientError(fmt::format("{} arrived with another content", path),
                          fmt::format("gatehouse files rm {}, and upload it again; it may have been changed meanwhile",
                                      find_string(*record, "id").value_or("?")));
    return std::move(*record);
}

}  // namespace

int client_upload(const CommandLine& line)
{
    auto upload = [&](ClientSession& session) {
        json::array items;
        json::array failed;
        for (const std::string& path : line.client.paths) {
            try {
                items.push_back(upload_file(session, path));
                const json::object& record = items.back().as_object();
                if (!line.json)
                    fmt::print("Uploaded {} as {}\n", path, find_string(record, "id").value_or("?"));
            } catch (const ClientError& error) {
                tell_error(std::string(error.what()).starts_with(path) ? error.what()
                                                                       : fmt::format("{}: {}", path, error.what()),
                           error.next());
                failed.push_back({{"file", path}, {"error", error.what()}});
            }
            std::fflush(stdout);
        }
        int code = failed.empty() ? 0 : 1;
        if (line.json)
            fmt::print("{}\n",
                       json::serialize(json::object{{"items", std::move(items)}, {"failed", std::move(failed)}}));
        return code;
    };
    return with_session(line, upload);
}

}  // namespace gatehouse::app
