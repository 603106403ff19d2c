// SPDX-License-Identifier: Apache-2.0
// The role `notifier`: tells the owner of a file by mail what became of it. Lives on I/O thread 0.
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/tracer.hpp"
#include "events/event_queue.hpp"
#include "http/upstream.hpp"
#include "identity/service_key.hpp"
#include "notifier/config.hpp"

#include <filesystem>
#include <memory>

namespace gatehouse::notifier {

class Notifier final {
public:
    struct Needs {
        events::EventQueue& queue;
        http::Upstream& auth;  // GET /internal/users/{id} tells the owner's name and address
        const identity::ServiceKey& service_key;
        const Clock& clock;
        Metrics& metrics;
        Tracer* tracer = nullptr;  // without one no spans are recorded
    };
    // `public_url` is what links in mails begin with. `mail_directory` takes .eml files when no SMTP server is
    // configured.
    Notifier(Config config, Needs needs, std::string public_url, std::filesystem::path mail_directory);
    ~Notifier();

    Task<void> run();  // consumes until cancelled
    void stop();       // joins its threads, after run() has returned

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::notifier
