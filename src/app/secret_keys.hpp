// SPDX-License-Identifier: Apache-2.0
// The keys of an installation: those of the configuration, or else made once for the data directory.
#pragma once

#include "app/config.hpp"
#include "app/data_directory.hpp"
#include "auth/secret_box.hpp"
#include "identity/service_key.hpp"

namespace gatehouse::app {

// service_key, or the file service.key.
identity::ServiceKey find_service_key(const Config& config, DataDirectory& data);

// auth.encryption_key, or the file auth.key; without a data directory, because the store is not in one, it must be
// configured: throws std::runtime_error.
auth::SecretBox find_secret_box(const Config& config, DataDirectory* data);

}  // namespace gatehouse::app
