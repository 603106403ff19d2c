// SPDX-License-Identifier: Apache-2.0
// The whole program's configuration: one value, built once from file, environment and flags (config_load.hpp), then
// only read. A role's part is the role's own struct; its name is the section. The names of all keys stand in
// settings.cpp.
#pragma once

#include "auth/config.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "events/event_queue.hpp"
#include "files/config.hpp"
#include "gateway/config.hpp"
#include "http/tls_options.hpp"
#include "notifier/config.hpp"
#include "worker/config.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gatehouse::app {

enum class LogFormat { automatic, text, json };  // automatic: text on a terminal, else json

struct LogConfig {
    LogFormat format = LogFormat::automatic;
    log::Level level = log::Level::info;
};

struct OpsConfig {
    std::string listen = "127.0.0.1:9090";
};

struct IoConfig {
    std::size_t threads = 0;  // 0: one for each core
};

struct TracingConfig {
    std::string endpoint;        // of the collector; empty: no spans are recorded
    http::TlsClientOptions tls;  // where that is https://
    double sample_ratio = 1;
    bool continue_traces = true;
    std::size_t queue_max = 4096;
    std::chrono::milliseconds timeout{5'000};
};

struct EventsConfig {
    std::string store = "sqlite:queue.db";
    events::Retry retry;
};

struct Config {
    std::string data = "data";
    std::vector<std::string> roles{"all"};
    Secret service_key;  // by which roles in different processes know each other
    LogConfig log;
    OpsConfig ops;
    IoConfig io;
    gateway::Config gateway;
    auth::Config auth;
    files::Config files;
    worker::Config worker;
    notifier::Config notifier;
    EventsConfig events;
    TracingConfig tracing;
};

}  // namespace gatehouse::app
