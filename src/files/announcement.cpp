// SPDX-License-Identifier: Apache-2.0
#include "files/announcement.hpp"

#include "base/id.hpp"

#include <utility>

namespace gatehouse::files {

events::Event make_announcement(std::string type, const File& file, TimePoint time)
{
    events::Event event;
    event.id = make_id();
    event.type = std::move(type);
    event.source = "/files";
    event.subject = file.id;
    event.time = time;
    event.data["file"] = file.id;
    event.data["owner"] = file.owner;
    event.data["name"] = file.name;
    return event;
}

events::Event make_emptied_announcement(const File& file, TimePoint time)
{
    events::Event event = make_announcement("file.deleted", file, time);
    event.data["deleted_by"] = file.trashed.value().by;
    return event;
}

}  // namespace gatehouse::files
