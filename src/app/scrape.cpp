// SPDX-License-Identifier: Apache-2.0
#include "app/scrape.hpp"

#include <cstdint>
#include <memory>
#include <mutex>

namespace gatehouse::app {

namespace {

// A counter that follows a figure which somebody else counts. Scrapes may come on several threads at once.
class Follower final {
public:
    explicit Follower(prometheus::Counter& counter) : counter_(counter) {}

    void follow(std::uint64_t figure)
    {
        std::lock_guard guard(mutex_);
        if (figure <= seen_)
            return;
        counter_.Increment(static_cast<double>(figure - seen_));
        seen_ = figure;
    }

private:
    prometheus::Counter& counter_;
    std::mutex mutex_;
    std::uint64_t seen_ = 0;
};

std::shared_ptr<Follower> follower(prometheus::Counter& counter) { return std::make_shared<Follower>(counter); }

}  // namespace

void report_token_caches(Ops& ops, Metrics& metrics, PerThread<identity::Authenticator>& authenticators)
{
    const std::string lookups = "gatehouse_token_cache_lookups_total";
    const std::string lookups_help = "Access tokens that were remembered as verified, or had to be verified.";
    auto hits = follower(metrics.counter(lookups, lookups_help, {{"result", "hit"}}));
    auto misses = follower(metrics.counter(lookups, lookups_help, {{"result", "miss"}}));
    auto flushes = follower(metrics.counter("gatehouse_token_cache_flushes_total",
                                            "Times that remembered tokens were dropped because the keys changed."));
    auto& tokens = metrics.gauge("gatehouse_token_cache_tokens", "Verified access tokens that are remembered.");
    ops.before_scrape([&authenticators, hits, misses, flushes, &tokens] {
        identity::Authenticator::Figures all;
        for (std::size_t i = 0; i < authenticators.size(); ++i) {
            auto one = authenticators.at(i).figures();
            all.hits += one.hits;
            all.misses += one.misses;
            all.flushes += one.flushes;
            all.tokens += one.tokens;
        }
        hits->follow(all.hits);
        misses->follow(all.misses);
        flushes->follow(all.flushes);
        tokens.Set(static_cast<double>(all.tokens));
    });
}

void report_connections(Ops& ops, Metrics& metrics, const std::string& name, const http::Server& server)
{
    auto& open =
        metrics.gauge("gatehouse_server_open_connections", "Connections that clients hold open.", {{"server", name}});
    auto accepted = follower(metrics.counter("gatehouse_server_connections_total",
                                             "Connections accepted since the start.", {{"server", name}}));
    auto refused =
        follower(metrics.counter("gatehouse_server_refused_heads_total",
                                 "Requests whose head was malformed, too large or too late.", {{"server", name}}));
    ops.before_scrape([&server, &open, accepted, refused] {
        open.Set(static_cast<double>(server.connection_count()));
        auto figures = server.figures();
        accepted->follow(figures.accepted);
        refused->follow(figures.refused_heads);
    });
}

}  // namespace gatehouse::app
