// SPDX-License-Identifier: Apache-2.0
// The uploads of a local file store. For local_file_store.cpp alone; threads and lifetime as upload_store.hpp says.
#pragma once

#include "files/local_core.hpp"
#include "files/upload_store.hpp"

#include <memory>

namespace gatehouse::files::local {

std::unique_ptr<UploadStore> make_uploads(std::shared_ptr<Core> core);

}  // namespace gatehouse::files::local
