// SPDX-License-Identifier: Apache-2.0
// The uploads of a MongoDB file store. For mongo_file_store.cpp alone; threads and lifetime as upload_store.hpp says.
#pragma once

#include "files/mongo_core.hpp"
#include "files/upload_store.hpp"

#include <memory>

namespace gatehouse::files::mongo {

std::unique_ptr<UploadStore> make_uploads(std::shared_ptr<Core> core);

}  // namespace gatehouse::files::mongo
