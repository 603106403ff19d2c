// SPDX-License-Identifier: Apache-2.0
// What requests on resumable uploads are made of: finding one, writing to it, finishing it. tus.cpp has the endpoints,
// tus_join.cpp those that join several.
//
// Everything runs on the I/O thread of the request.
#pragma once

#include "files/handlers.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::files::tus {

// A crash costs at most what arrived since the last of these.
inline constexpr std::uint64_t confirm_bytes = 64ULL << 20U;
inline constexpr std::chrono::seconds confirm_interval{2};

http::Problem no_such_upload();  // 404
http::Problem locked();          // 423
http::Problem too_long(Context& context, const std::string& name);
http::Problem no_room();  // 507, beside the caller's files and unfinished uploads

void set_progress_fields(http::Response& response, const Upload& upload);

// The caller's own upload, or the file that it has become.
struct Found {
    std::optional<Upload> upload;
    std::optional<File> file;
};

// Throws the same for an upload of somebody else as for none: ids cannot be probed.
Task<Found> find_own(Context& context, const identity::Claims& caller, std::string id);

// nullptr when it was finished or removed meanwhile. Throws locked().
Task<std::unique_ptr<UploadWriter>> open(Context& context, std::string id);

// Makes what was written durable. The upload's time begins anew.
Task<void> confirm(Context& context, UploadWriter& writer);

// Makes the file of an upload that is complete.
Task<void> finish(Context& context, const identity::Claims& caller, const http::Request& request, UploadWriter& writer);

// Who was superseded may have been so by one who has finished the upload: then all is well. Throws locked() otherwise.
Task<void> expect_finished(Context& context, std::string id);

// Does `work` with the writer and lets others in before the request is answered, whatever became of it.
Task<void> use(Context& context, std::string id, UploadWriter& writer, Task<void> work);

// The bounds for a new upload of the caller, whose finished ones leave some room.
Task<UploadBounds> find_bounds(Context& context, const identity::Claims& caller);

// Makes the upload. Throws Problem when it is beyond the caller's bounds. True: it was there already, which only one
// can be that is joined of others.
Task<bool> make(Context& context, const identity::Claims& caller, const Upload& upload);

// POST /uploads/ with Upload-Concat: final;... (tus_join.cpp).
Task<http::Response> join(http::Request& request, Context& context);

}  // namespace gatehouse::files::tus
