// SPDX-License-Identifier: Apache-2.0
#include "http/endpoint_set.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gatehouse::http {

namespace {

constexpr std::int64_t slow_start_parts = 10;  // one that comes back begins with one of so many parts of its weight
constexpr unsigned doublings_max = 20;
constexpr std::uint64_t busy_min = 8;  // with fewer requests in progress no endpoint is overloaded

std::int64_t ticks_of(SteadyTime time) { return time.time_since_epoch().count(); }

// The finalizer of splitmix64: every bit of the input changes about half of the output's.
std::uint64_t mix(std::uint64_t value)
{
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
}

std::uint64_t next_random(std::uint64_t& state) { return mix(state++); }

}  // namespace

std::uint64_t affinity_of(std::string_view key)
{
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    for (char c : key)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return mix(hash);
}

EndpointSet::Entry::Entry(WeightedEndpoint from)
    : endpoint(std::move(from.endpoint)), authority(endpoint.authority()),
      name(endpoint.scheme == "unix" ? "unix:" + endpoint.host : authority + endpoint.prefix), hash(affinity_of(name)),
      weight(from.weight)
{
}

bool EndpointSet::Entry::fit(SteadyTime now) const
{
    return !down.load(std::memory_order_relaxed) && out_until.load(std::memory_order_relaxed) <= ticks_of(now);
}

std::int64_t EndpointSet::Entry::weight_at(SteadyTime now, std::chrono::nanoseconds slow_start) const
{
    std::int64_t all = static_cast<std::int64_t>(weight) * whole;
    std::int64_t since = back_since.load(std::memory_order_relaxed);
    if (since == 0 || slow_start.count() == 0)
        return all;
    std::int64_t gone = std::max<std::int64_t>(ticks_of(now) - since, 0);
    if (gone >= slow_start.count())
        return all;
    // In milliseconds, so that the product stays small.
    std::int64_t grown = all * (gone / 1'000'000) / std::max<std::int64_t>(slow_start.count() / 1'000'000, 1);
    return std::max(grown, all / slow_start_parts);
}

EndpointSet::EndpointSet(std::string service, std::vector<WeightedEndpoint> endpoints, UpstreamOptions options)
    : service_(std::move(service)), options_(std::move(options))
{
    GH_ASSERT(!endpoints.empty() && endpoints.size() <= endpoints_max);
    for (WeightedEndpoint& endpoint : endpoints) {
        GH_ASSERT(endpoint.weight > 0);
        entries_.push_back(std::make_unique<Entry>(std::move(endpoint)));
    }
}

std::int64_t EndpointSet::weight_of(std::size_t index, const Tried& tried, bool fit_only, SteadyTime now) const
{
    const Entry& entry = *entries_[index];
    if (tried[index] || (fit_only && !entry.fit(now)))
        return 0;
    return entry.weight_at(now, options_.ejection.slow_start);
}

std::optional<std::size_t> EndpointSet::choose(Turns& turns, std::uint64_t affinity, const Tried& tried,
                                               SteadyTime now) const
{
    if (size() == 1)
        return tried[0] ? std::nullopt : std::optional<std::size_t>(0);
    for (bool fit_only : {true, false}) {
        std::optional<std::size_t> found;
        switch (options_.balance) {
        case Balance::round_robin: found = choose_in_turn(turns, tried, fit_only, now); break;
        case Balance::least_requests: found = choose_least(turns, tried, fit_only, now); break;
        case Balance::hash_user:
        case Balance::hash_address: found = choose_by_hash(affinity, tried, fit_only, now); break;
        }
        if (found)
            return found;
    }
    return std::nullopt;
}

bool EndpointSet::any_fit(const Tried& tried, SteadyTime now) const
{
    for (std::size_t i = 0; i < size(); ++i)
        if (!tried[i] && entries_[i]->fit(now))
            return true;
    return false;
}

// Everybody earns its weight, who has most is served and pays for all: smooth, and exact over a round.
std::optional<std::size_t> EndpointSet::choose_in_turn(Turns& turns, const Tried& tried, bool fit_only,
                                                       SteadyTime now) const
{
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        std::int64_t weight = weight_of(i, tried, fit_only, now);
        if (weight == 0)
            continue;
        total += weight;
        turns.credit[i] += weight;
        if (!best || turns.credit[i] > turns.credit[*best])
            best = i;
    }
    if (best)
        turns.credit[*best] -= total;
    return best;
}

std::optional<std::size_t> EndpointSet::choose_by_chance(Turns& turns, const Tried& tried, bool fit_only,
                                                         SteadyTime now) const
{
    std::int64_t total = 0;
    for (std::size_t i = 0; i < size(); ++i)
        total += weight_of(i, tried, fit_only, now);
    if (total == 0)
        return std::nullopt;
    auto left = static_cast<std::int64_t>(next_random(turns.random) % static_cast<std::uint64_t>(total));
    std::optional<std::size_t> last;
    for (std::size_t i = 0; i < size() && left >= 0; ++i) {
        std::int64_t weight = weight_of(i, tried, fit_only, now);
        if (weight == 0)
            continue;
        last = i;
        left -= weight;
    }
    return last;
}

// The less busy one of two that chance names, by weight: the power of two choices.
std::optional<std::size_t> EndpointSet::choose_least(Turns& turns, const Tried& tried, bool fit_only,
                                                     SteadyTime now) const
{
    auto first = choose_by_chance(turns, tried, fit_only, now);
    if (!first)
        return first;
    Tried others = tried;
    others.set(*first);
    auto second = choose_by_chance(turns, others, fit_only, now);
    if (!second)
        return first;
    auto load = [&](std::size_t busy, std::size_t other) {
        return static_cast<std::int64_t>(in_progress(busy)) *
               entries_[other]->weight_at(now, options_.ejection.slow_start);
    };
    return load(*second, *first) < load(*first, *second) ? second : first;
}

bool EndpointSet::LoadBound::allows(std::uint64_t in_progress, std::int64_t weight) const
{
    // in_progress + 1 <= ceil(factor * requests * weight / weights), without the division.
    return factor == 0 || in_progress < busy_min ||
           in_progress * 100 * weights < factor * requests * static_cast<std::uint64_t>(weight);
}

EndpointSet::LoadBound EndpointSet::load_bound(bool fit_only, SteadyTime now) const
{
    LoadBound bound{.requests = 1, .weights = 0, .factor = options_.hash_balance_factor};
    for (std::size_t i = 0; bound.factor != 0 && i < size(); ++i) {
        std::int64_t weight = weight_of(i, {}, fit_only, now);
        bound.weights += static_cast<std::uint64_t>(weight);
        bound.requests += weight != 0 ? in_progress(i) : 0;
    }
    return bound;
}

// Rendezvous hashing with weights: when an endpoint goes, only its callers move; one that comes back slowly gets its
// own callers back first. With bounded loads (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads):
// an endpoint that is overloaded is passed over, and its callers go to the next one in their own order.
std::optional<std::size_t> EndpointSet::choose_by_hash(std::uint64_t affinity, const Tried& tried, bool fit_only,
                                                       SteadyTime now) const
{
    LoadBound bound = load_bound(fit_only, now);
    std::optional<std::size_t> best;
    bool best_allowed = false;
    double best_score = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < size(); ++i) {
        std::int64_t weight = weight_of(i, tried, fit_only, now);
        if (weight == 0)
            continue;
        // In (0, 1]; the score is exponentially distributed with the weight as its rate, the least one wins.
        double uniform = (static_cast<double>(mix(affinity ^ entries_[i]->hash) >> 11U) + 1) * 0x1p-53;
        double score = -std::log(uniform) / static_cast<double>(weight);
        // When all that were not tried are overloaded, the first one takes it.
        bool allowed = bound.allows(in_progress(i), weight);
        if (!best || (allowed != best_allowed ? allowed : score < best_score)) {
            best = i;
            best_allowed = allowed;
            best_score = score;
        }
    }
    return best;
}

bool EndpointSet::enter(std::size_t index)
{
    auto& count = entries_[index]->in_progress;
    if (count.fetch_add(1, std::memory_order_relaxed) < options_.connections_max)
        return true;
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
}

void EndpointSet::leave(std::size_t index) { entries_[index]->in_progress.fetch_sub(1, std::memory_order_relaxed); }

std::size_t EndpointSet::in_progress(std::size_t index) const
{
    return entries_[index]->in_progress.load(std::memory_order_relaxed);
}

std::size_t EndpointSet::in_progress() const
{
    std::size_t sum = 0;
    for (std::size_t i = 0; i < size(); ++i)
        sum += in_progress(i);
    return sum;
}

std::uint64_t EndpointSet::ejections(std::size_t index) const
{
    return entries_[index]->ejections.load(std::memory_order_relaxed);
}

void EndpointSet::succeeded(std::size_t index)
{
    Entry& entry = *entries_[index];
    if (entry.failures.load(std::memory_order_relaxed) != 0)
        entry.failures.store(0, std::memory_order_relaxed);
    if (entry.told.load(std::memory_order_relaxed) && entry.fit(coarse_now()) && entry.told.exchange(false))
        log::info("http", "endpoint serves again", {{"upstream", service_}, {"endpoint", entry.name}});
}

void EndpointSet::failed(std::size_t index, std::string_view cause, SteadyTime now)
{
    Entry& entry = *entries_[index];
    if (entry.failures.fetch_add(1, std::memory_order_relaxed) + 1 >= options_.ejection.failures)
        eject(entry, cause, now);
}

void EndpointSet::eject(Entry& entry, std::string_view cause, SteadyTime now)
{
    std::size_t out = 0;
    for (const auto& other : entries_)
        out += other->out_until.load(std::memory_order_relaxed) > ticks_of(now) ? 1 : 0;
    if ((out + 1) * 100 > size() * options_.ejection.percent_max)
        return;
    std::int64_t before = entry.out_until.load(std::memory_order_relaxed);
    if (before > ticks_of(now))
        return;
    // After a long good time it begins anew.
    bool long_ago = before + std::chrono::nanoseconds(options_.ejection.time_max).count() < ticks_of(now);
    std::uint32_t row = before == 0 || long_ago ? 0 : entry.ejections_in_row.load(std::memory_order_relaxed);
    std::chrono::milliseconds time = std::min<std::chrono::milliseconds>(
        options_.ejection.time * (1LL << std::min(row, doublings_max)), options_.ejection.time_max);
    std::int64_t until = ticks_of(now + time);
    if (!entry.out_until.compare_exchange_strong(before, until, std::memory_order_relaxed))
        return;  // another thread has just done it
    entry.ejections_in_row.store(row + 1, std::memory_order_relaxed);
    entry.ejections.fetch_add(1, std::memory_order_relaxed);
    entry.back_since.store(until, std::memory_order_relaxed);
    // The first failure after its return is enough.
    entry.failures.store(static_cast<std::uint32_t>(options_.ejection.failures - 1), std::memory_order_relaxed);
    entry.told.store(true, std::memory_order_relaxed);
    log::warn("http", "endpoint is left out for a while",
              {{"upstream", service_}, {"endpoint", entry.name}, {"ms", time.count()}, {"cause", cause}});
}

void EndpointSet::checked(std::size_t index, bool healthy, std::string_view cause, SteadyTime now)
{
    Entry& entry = *entries_[index];
    bool down = entry.down.load(std::memory_order_relaxed);
    if (healthy != down) {
        entry.checks_in_row = 0;
        return;
    }
    if (++entry.checks_in_row < (healthy ? options_.health.healthy_after : options_.health.unhealthy_after))
        return;
    entry.checks_in_row = 0;
    if (healthy)
        entry.back_since.store(ticks_of(now), std::memory_order_relaxed);
    entry.down.store(!healthy, std::memory_order_relaxed);
    if (healthy)
        log::info("http", "endpoint is healthy again", {{"upstream", service_}, {"endpoint", entry.name}});
    else
        log::warn("http", "endpoint is not healthy",
                  {{"upstream", service_}, {"endpoint", entry.name}, {"cause", cause}});
}

}  // namespace gatehouse::http
