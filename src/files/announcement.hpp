// SPDX-License-Identifier: Apache-2.0
// What this role announces of a file, without who asked for it: events for the outbox. No state, any thread.
#pragma once

#include "events/event.hpp"
#include "files/file_store.hpp"

#include <string>

namespace gatehouse::files {

// An event about the file with a new id; data {file, owner, name}.
events::Event make_announcement(std::string type, const File& file, TimePoint time);

// file.deleted, of a file whose time in the trash is over: `deleted_by` is who put it there.
// REQUIRES: file.trashed.
events::Event make_emptied_announcement(const File& file, TimePoint time);

}  // namespace gatehouse::files
