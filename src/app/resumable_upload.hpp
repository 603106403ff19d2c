// SPDX-License-Identifier: Apache-2.0
// An upload that goes on where it broke off (tus 1.0.0, docs/uploads.md): by itself when the connection breaks or the
// server is away for a while, and with the same command when that was ended. What is needed for that is kept in
// $XDG_STATE_HOME/gatehouse/uploads while the upload is unfinished. Blocks; one thread.
#pragma once

#include "app/client_session.hpp"
#include "app/progress_bar.hpp"
#include "app/upload_source.hpp"
#include "base/json.hpp"

#include <optional>

namespace gatehouse::app {

// The record of the file; nullopt when the server knows no resumable uploads, and nothing was sent. Throws ClientError.
std::optional<json::object> upload_resumably(ClientSession& session, UploadSource& source, ProgressBar& bar);

}  // namespace gatehouse::app
