// SPDX-License-Identifier: Apache-2.0
// The role `files`: uploads, metadata, downloads, ownership. Its public face besides file_store.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/io_threads.hpp"
#include "base/metrics.hpp"
#include "files/config.hpp"
#include "files/file_store.hpp"
#include "http/router.hpp"
#include "identity/authenticator.hpp"
#include "identity/service_key.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::files {

// What is wrong with the settings, by key within the section.
struct ConfigError {
    std::string key;
    std::string what;
};
std::vector<ConfigError> find_config_errors(const Config& config);

class Files final {
public:
    struct Needs {
        FileStore& store;
        PerThread<identity::Authenticator>& authenticators;
        const identity::ServiceKey& service_key;
        const Clock& clock;
        Metrics& metrics;
    };
    // `public_url`: of the gateway, for links; it may end with a slash.
    Files(Config config, Needs needs, std::string public_url);
    ~Files();

    const http::Router& router() const;

    // Carries changes of files to event streams, until cancelled; on one I/O thread.
    Task<void> follow_changes();

    // Event streams end, and none begins any more: the process is about to end. Any thread.
    void stop_waiting();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::files
