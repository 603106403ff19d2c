// SPDX-License-Identifier: Apache-2.0
#include "app/from_config.hpp"

#include "app/secret_keys.hpp"
#include "app/store_url.hpp"

#include <algorithm>
#include <thread>

namespace gatehouse::app {

std::size_t io_thread_count(const IoConfig& io)
{
    return io.threads != 0 ? io.threads : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

std::optional<auth::SecretBox> find_secrets_of_auth(const Config& config, const RoleSet& roles, DataDirectory& data)
{
    if (!roles.has(Role::auth))
        return std::nullopt;
    return find_secret_box(config, is_embedded(config.auth.store) ? &data : nullptr);
}

std::unique_ptr<Tracer> make_tracer(const TracingConfig& config, Metrics& metrics)
{
    if (config.endpoint.empty())
        return nullptr;
    return std::make_unique<Tracer>(Tracer::Options{config.sample_ratio, config.continue_traces, config.queue_max},
                                    metrics);
}

std::vector<http::Endpoint> endpoints_of(const std::vector<std::string>& urls)
{
    std::vector<http::Endpoint> endpoints;
    endpoints.reserve(urls.size());
    for (const std::string& url : urls)
        endpoints.push_back(*http::parse_endpoint(url));
    return endpoints;
}

}  // namespace gatehouse::app
