// SPDX-License-Identifier: Apache-2.0
#include "app/scrape.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <set>

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

void report_revocations(Ops& ops, Metrics& metrics, const identity::RevocationList& revocations)
{
    auto& lag = metrics.gauge("gatehouse_revocation_lag_seconds",
                              "Age of what this process knows of revoked tokens; -1 before it knows anything.");
    auto& size = metrics.gauge("gatehouse_revocations", "Revocations that this process keeps in mind.");
    ops.before_scrape([&revocations, &lag, &size] {
        lag.Set(revocations.ready() ? std::chrono::duration<double>(revocations.age()).count() : -1);
        size.Set(static_cast<double>(revocations.size()));
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

void report_tls(Ops& ops, Metrics& metrics, http::TlsServer& tls)
{
    auto handshakes = [&](const char* result) {
        return follower(metrics.counter("gatehouse_tls_handshakes_total",
                                        "TLS handshakes of clients, by how they went.", {{"result", result}}));
    };
    auto full = handshakes("full");
    auto resumed = handshakes("resumed");
    auto failed = handshakes("failed");
    // Of the files that were ever shown: one that is in use no more has no time.
    struct Shown {
        std::mutex mutex;
        std::set<std::string> files;
    };
    auto shown = std::make_shared<Shown>();
    ops.before_scrape([&tls, &metrics, full, resumed, failed, shown] {
        http::TlsServer::Figures& figures = tls.figures();
        full->follow(figures.full.load(std::memory_order_relaxed));
        resumed->follow(figures.resumed.load(std::memory_order_relaxed));
        failed->follow(figures.failed.load(std::memory_order_relaxed));
        auto expiry = [&](const std::string& file) -> prometheus::Gauge& {
            return metrics.gauge("gatehouse_tls_certificate_expiry_timestamp_seconds",
                                 "When the certificate in use expires, in Unix time.", {{"file", file}});
        };
        std::lock_guard guard(shown->mutex);
        for (const std::string& file : shown->files)
            expiry(file).Set(std::numeric_limits<double>::quiet_NaN());
        for (const http::CertificateInfo& info : tls.certificates()) {
            shown->files.insert(info.file);
            expiry(info.file).Set(std::chrono::duration<double>(info.expires.time_since_epoch()).count());
        }
    });
}

void report_public_side(Ops& ops, Metrics& metrics, const http::PublicSide& side)
{
    auto refused = [&](const char* reason) {
        return follower(metrics.counter("gatehouse_server_refused_connections_total",
                                        "Connections that were closed before their first request.",
                                        {{"reason", reason}}));
    };
    auto too_many = refused("address_limit");
    auto no_header = refused("proxy_header");
    ops.before_scrape([&side, too_many, no_header] {
        too_many->follow(side.limit ? side.limit->refused() : 0);
        no_header->follow(side.refused_proxy_headers.load(std::memory_order_relaxed));
    });
}

}  // namespace gatehouse::app
