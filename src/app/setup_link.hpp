// SPDX-License-Identifier: Apache-2.0
// The link by which the first administrator is made, in a file of the data directory for as long as there is none.
//
// Before the start, or on I/O thread 0.
#pragma once

#include "app/data_directory.hpp"
#include "auth/commands.hpp"
#include "base/blocking_pool.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace gatehouse::app {

class SetupLink final {
public:
    // All outlive it.
    explicit SetupLink(DataDirectory& data) : data_(data) {}

    // The link with this token, or none any more.
    std::optional<std::string> publish(std::optional<Secret> token, const std::string& public_url);
    std::filesystem::path file() const;

    // When the first administrator is there, the link has done its work. `pool` asks the store.
    Task<void> drop_when_used(auth::Commands& users, BlockingPool& pool);

private:
    DataDirectory& data_;
    bool pending_ = false;  // the file is there
};

}  // namespace gatehouse::app
