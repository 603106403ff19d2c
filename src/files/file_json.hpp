// SPDX-License-Identifier: Apache-2.0
// File records as clients and other roles see them: in answers, and in events.
#pragma once

#include "base/json.hpp"
#include "events/event.hpp"
#include "files/file_store.hpp"
#include "http/message.hpp"
#include "identity/claims.hpp"

#include <span>

namespace gatehouse::files {

// {id, owner, name, type, size, sha256, created_at, state, reason, progress, derived_from, processor, derived, trash};
// what does not apply is null. Of `derived` those are nested that were derived from this file.
json::object to_json(const File& file, std::span<const File> derived = {});

// {"items":[records],"next":the cursor or null}
json::object to_json_list(std::span<const File> files, std::span<const File> derived, std::string_view next);

// file.uploaded: data {file, owner, name, type, size, sha256, username}. REQUIRES: `file` is complete, and the caller's
// own.
events::Event make_uploaded_event(const File& file, const identity::Claims& caller, const http::Request& request);

// file.deleted, for good: data {file, owner, name, deleted_by}, the last being the id of the user who did it.
events::Event make_deleted_event(const File& file, const identity::Claims& caller, const http::Request& request,
                                 TimePoint now);

// file.trashed: data {file, owner, name, trashed_by, expires_at}; file.restored: data {file, owner, name, restored_by}.
events::Event make_trashed_event(const File& file, const Trashed& how, const http::Request& request);
events::Event make_restored_event(const File& file, const identity::Claims& caller, const http::Request& request,
                                  TimePoint now);

}  // namespace gatehouse::files
