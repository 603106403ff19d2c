// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.hpp"

#include "gateway/explain.hpp"
#include "gateway/generation.hpp"
#include "gateway/issuers.hpp"
#include "gateway/rate_limit_metrics.hpp"
#include "gateway/recent_finder.hpp"
#include "gateway/route_endpoints.hpp"
#include "gateway/upstream_metrics.hpp"
#include "http/health_checks.hpp"

#include <boost/asio/post.hpp>
#include <boost/smart_ptr/make_shared.hpp>
#include <boost/smart_ptr/weak_ptr.hpp>

#include <algorithm>
#include <iterator>
#include <latch>
#include <stdexcept>

namespace gatehouse::gateway {

namespace {

// Long answers keep the generation alive that they began in.
constexpr std::size_t generations_max = 64;

}  // namespace

class Gateway::Impl {
public:
    Impl(Config config, Needs needs)
        : needs_(needs), issuers_(config.issuers, needs.threads.size(), needs.revocations, needs.clock),
          overload_(needs.threads.size(),
                    [this](std::size_t i) {
                        return std::make_unique<Overload>(needs_.threads.context(i).get_executor(),
                                                          needs_.threads.size(), needs_.process_metrics);
                    }),
          recent_(needs.threads.size(), [](std::size_t) { return std::make_unique<RecentRequests>(); }),
          finder_(needs.threads, recent_),
          route_endpoints_([this](json::object question) { return explain(std::move(question)); },
                           [this] { return list_routes(); }),
          own_router_(own_routes()), own_("gateway", http::make_handler(own_router_)),
          newest_(
              boost::make_shared<Generation>(std::move(config), needs_, issuers_, overload_, recent_, own_, nullptr)),
          current_(needs.threads.size(), [this](std::size_t) {
              return std::make_unique<CurrentGeneration>(boost::local_shared_ptr<Generation>(newest_));
          })
    {
        alive_.push_back(newest_);
        watch_newest();
        needs_.process_metrics.add(rate_limit_metrics_);
    }

    Task<http::Response> handle(http::Request& request)
    {
        const auto& generation = current_.local().generation;
        return generation->pipeline().handle(request, generation);
    }

    Task<json::object> explain(json::object question)
    {
        auto generation = current_.local().generation;
        http::Request request = read_question(question, generation->config().public_url);
        http::StringBody empty;
        request.body = &empty;
        co_return co_await generation->pipeline().explain(request);
    }

    void reload(Config config)
    {
        std::erase_if(alive_, [](const auto& generation) { return generation.expired(); });
        if (alive_.size() >= generations_max)
            throw std::runtime_error("too many requests of older configurations are still being answered");
        auto next = boost::make_shared<Generation>(std::move(config), needs_, issuers_, overload_, recent_, own_,
                                                   newest_.get());
        alive_.push_back(next);
        newest_ = next;
        watch_newest();
        // Shared, because the last to count down may still be in that call when this has been woken up.
        auto taken = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(current_.size()));
        for (std::size_t i = 0; i < current_.size(); ++i)
            asio::post(needs_.threads.context(i), [this, i, next, taken] {
                current_.at(i).generation = boost::local_shared_ptr<Generation>(next);
                taken->count_down();
            });
        taken->wait();
    }

    Issuers& issuers() { return issuers_; }
    http::HealthChecks& checks() { return checks_; }
    const std::shared_ptr<UpstreamMetrics>& upstream_metrics() const { return upstream_metrics_; }

private:
    std::vector<http::Route> own_routes()
    {
        auto routes = finder_.routes();
        std::ranges::move(route_endpoints_.routes(), std::back_inserter(routes));
        return routes;
    }

    json::array list_routes()
    {
        json::array list;
        for (const auto& route : current_.local().generation->routes().routes()) {
            json::object object = explain_route(*route);
            object["upstream"] = route->upstream->name();
            list.push_back(std::move(object));
        }
        return list;
    }

    // What metrics and health checks look at.
    void watch_newest()
    {
        std::vector<std::shared_ptr<http::EndpointSet>> services;
        for (const UpstreamSet::Entry& entry : newest_->upstreams().all()) {
            services.push_back(entry.upstream->endpoints());
            checks_.add(services.back());
        }
        upstream_metrics_->show(std::move(services));
        rate_limit_metrics_->show(newest_->rate_buckets());
    }

    Needs needs_;
    Issuers issuers_;
    PerThread<Overload> overload_;
    PerThread<RecentRequests> recent_;
    RecentFinder finder_;
    RouteEndpoints route_endpoints_;
    http::Router own_router_;
    http::Upstream own_;
    http::HealthChecks checks_{needs_.clients};
    std::shared_ptr<UpstreamMetrics> upstream_metrics_ = std::make_shared<UpstreamMetrics>();
    std::shared_ptr<RateLimitMetrics> rate_limit_metrics_ = std::make_shared<RateLimitMetrics>();
    boost::shared_ptr<Generation> newest_;
    std::vector<boost::weak_ptr<Generation>> alive_;
    PerThread<CurrentGeneration> current_;
};

Gateway::Gateway(Config config, Needs needs) : impl_(std::make_unique<Impl>(std::move(config), needs)) {}

Gateway::~Gateway() = default;

http::Handler Gateway::handler()
{
    return [impl = impl_.get()](http::Request& request) { return impl->handle(request); };
}

Task<json::object> Gateway::explain(json::object question) { return impl_->explain(std::move(question)); }
void Gateway::reload(Config config) { impl_->reload(std::move(config)); }
std::vector<Task<void>> Gateway::background()
{
    auto tasks = impl_->issuers().fetchers();
    tasks.push_back(impl_->checks().run());
    return tasks;
}

std::shared_ptr<const prometheus::Collectable> Gateway::upstream_metrics() const { return impl_->upstream_metrics(); }
json::array Gateway::service_states() const { return impl_->upstream_metrics()->states(); }
void Gateway::interrupt() { impl_->issuers().interrupt(); }
void Gateway::stop() { impl_->issuers().stop(); }

}  // namespace gatehouse::gateway
