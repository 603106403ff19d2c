// SPDX-License-Identifier: Apache-2.0
// Where the command line's management commands run: in the server that works on an embedded store, else here, on the
// store itself, which stays open between them. Blocks; one thread.
#pragma once

#include "app/config.hpp"
#include "app/data_directory.hpp"
#include "base/json.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gatehouse::app {

class CommandTarget final {
public:
    // For `name` and others on the same store. Throws std::runtime_error with a sentence for the operator. `config`
    // outlives this object.
    CommandTarget(const Config& config, const std::string& name);
    ~CommandTarget();
    CommandTarget(const CommandTarget&) = delete;
    CommandTarget& operator=(const CommandTarget&) = delete;

    // Throws http::Problem, or std::exception with a sentence, when the command fails.
    json::value run(const std::string& name, json::object arguments);

private:
    class Here;

    std::optional<DataDirectory> data_;
    std::unique_ptr<Here> here_;  // nullptr: in the server
};

}  // namespace gatehouse::app
