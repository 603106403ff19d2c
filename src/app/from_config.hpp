// SPDX-License-Identifier: Apache-2.0
// What the composition root makes of single settings. No state; main thread.
#pragma once

#include "app/config.hpp"
#include "app/data_directory.hpp"
#include "app/roles.hpp"
#include "auth/secret_box.hpp"
#include "base/metrics.hpp"
#include "base/tracer.hpp"
#include "http/url.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::app {

std::size_t io_thread_count(const IoConfig& io);

// nullopt where auth does not run.
std::optional<auth::SecretBox> find_secrets_of_auth(const Config& config, const RoleSet& roles, DataDirectory& data);

// nullptr without a collector.
std::unique_ptr<Tracer> make_tracer(const TracingConfig& config, Metrics& metrics);

// REQUIRES: check_config() has nothing to say against them.
std::vector<http::Endpoint> endpoints_of(const std::vector<std::string>& urls);

}  // namespace gatehouse::app
