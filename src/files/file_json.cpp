// SPDX-License-Identifier: Apache-2.0
#include "files/file_json.hpp"

#include "base/trace_context.hpp"
#include "files/announcement.hpp"

#include <algorithm>

namespace gatehouse::files {

namespace {

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::value to_json(const std::optional<Trashed>& trashed)
{
    if (!trashed)
        return nullptr;
    return json::object{{"removed_at", format_rfc3339(trashed->at)},
                        {"removed_by", trashed->by},
                        {"expires_at", format_rfc3339(trashed->until)}};
}

// The trace that the request belongs to, if its field has the form of W3C Trace Context version 00.
std::string find_trace(const http::Request& request)
{
    std::string_view field = request.head.headers.find("traceparent").value_or("");
    return parse_traceparent(field) ? std::string(field) : std::string();
}

events::Event make_event(std::string type, const File& file, const http::Request& request, TimePoint time)
{
    events::Event event = make_announcement(std::move(type), file, time);
    event.traceparent = find_trace(request);
    return event;
}

}  // namespace

json::object to_json(const File& file, std::span<const File> derived)
{
    json::array made;
    for (const File& candidate : derived)
        if (candidate.derived_from == file.id)
            made.push_back(to_json(candidate));
    json::object record;
    record["id"] = file.id;
    record["owner"] = file.owner;
    record["name"] = file.name;
    record["type"] = file.type;
    record["size"] = file.size;
    record["sha256"] = file.sha256;
    record["created_at"] = format_rfc3339(file.created_at);
    record["state"] = to_string(file.state);
    record["reason"] = text_or_null(file.reason);
    record["progress"] = file.progress;
    record["derived_from"] = text_or_null(file.derived_from);
    record["processor"] = text_or_null(file.processor);
    record["derived"] = std::move(made);
    record["trash"] = to_json(file.trashed);
    return record;
}

json::object to_json_list(std::span<const File> files, std::span<const File> derived, std::string_view next)
{
    json::array items;
    for (const File& file : files)
        items.push_back(to_json(file, derived));
    json::object list;
    list["items"] = std::move(items);
    list["next"] = text_or_null(std::string(next));
    return list;
}

events::Event make_uploaded_event(const File& file, const identity::Claims& caller, const http::Request& request)
{
    events::Event event = make_event("file.uploaded", file, request, file.created_at);
    event.data["type"] = file.type;
    event.data["size"] = file.size;
    event.data["sha256"] = file.sha256;
    if (!caller.username.empty())
        event.data["username"] = caller.username;
    return event;
}

events::Event make_deleted_event(const File& file, const identity::Claims& caller, const http::Request& request,
                                 TimePoint now)
{
    events::Event event = make_event("file.deleted", file, request, now);
    event.data["deleted_by"] = caller.subject;
    return event;
}

events::Event make_trashed_event(const File& file, const Trashed& how, const http::Request& request)
{
    events::Event event = make_event("file.trashed", file, request, how.at);
    event.data["trashed_by"] = how.by;
    event.data["expires_at"] = format_rfc3339(how.until);
    return event;
}

events::Event make_restored_event(const File& file, const identity::Claims& caller, const http::Request& request,
                                  TimePoint now)
{
    events::Event event = make_event("file.restored", file, request, now);
    event.data["restored_by"] = caller.subject;
    return event;
}

}  // namespace gatehouse::files
