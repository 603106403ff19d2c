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

#include <memory>

namespace gatehouse::files {

class Files final {
public:
    struct Needs {
        FileStore& store;
        PerThread<identity::Authenticator>& authenticators;
        const Clock& clock;
        Metrics& metrics;
    };
    Files(Config config, Needs needs);
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
