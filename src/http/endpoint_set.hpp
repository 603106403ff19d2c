// SPDX-License-Identifier: Apache-2.0
// The endpoints of one service: who of them is fit to serve, how much each is doing, and which one takes a request.
//
// All threads share it. What a request touches is one cache line of its endpoint; the turns are each thread's own.
#pragma once

#include "http/deadline.hpp"
#include "http/upstream_options.hpp"
#include "http/url.hpp"

#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct WeightedEndpoint {
    Endpoint endpoint;
    unsigned weight = 1;
};

class EndpointSet final {
public:
    static constexpr std::size_t endpoints_max = 64;
    using Tried = std::bitset<endpoints_max>;

    // REQUIRES: 1 to endpoints_max endpoints with weights of 1 or more.
    EndpointSet(std::string service, std::vector<WeightedEndpoint> endpoints, UpstreamOptions options);
    EndpointSet(const EndpointSet&) = delete;
    EndpointSet& operator=(const EndpointSet&) = delete;

    std::size_t size() const { return entries_.size(); }
    const Endpoint& endpoint(std::size_t index) const { return entries_[index]->endpoint; }
    const std::string& authority(std::size_t index) const { return entries_[index]->authority; }
    const std::string& name(std::size_t index) const { return entries_[index]->name; }  // for logs and metrics
    const std::string& service() const { return service_; }
    const UpstreamOptions& options() const { return options_; }

    // What one thread keeps of whose turn it is.
    struct Turns {
        std::vector<std::int64_t> credit;
        std::uint64_t random = 0;
    };
    Turns make_turns(std::uint64_t seed) const { return {std::vector<std::int64_t>(size()), seed | 1U}; }

    // One that was not tried and is fit to serve; when none is, any that was not tried, for a wrong judgement must not
    // end the service. nullopt when all were tried. `affinity` is for Balance::hash_...
    std::optional<std::size_t> choose(Turns& turns, std::uint64_t affinity, const Tried& tried, SteadyTime now) const;
    // Whether choose() would find a fit one.
    bool any_fit(const Tried& tried, SteadyTime now) const;

    // Counts a request in progress; false when the endpoint has enough of them.
    bool enter(std::size_t index);
    void leave(std::size_t index);
    std::size_t in_progress(std::size_t index) const;
    std::size_t in_progress() const;

    // What came of a request.
    void succeeded(std::size_t index);
    void failed(std::size_t index, std::string_view cause, SteadyTime now);
    // What came of an active check.
    void checked(std::size_t index, bool healthy, std::string_view cause, SteadyTime now);

    bool fit(std::size_t index, SteadyTime now) const { return entries_[index]->fit(now); }
    std::uint64_t ejections(std::size_t index) const;

private:
    static constexpr std::int64_t whole = 1024;  // of a weight

    struct alignas(64) Entry {
        Entry(WeightedEndpoint from);

        bool fit(SteadyTime now) const;
        std::int64_t weight_at(SteadyTime now, std::chrono::nanoseconds slow_start) const;

        std::atomic<std::uint32_t> in_progress{0};
        std::atomic<std::uint32_t> failures{0};   // in a row
        std::atomic<bool> told{false};            // that it is out; its return is still to be told
        std::atomic<bool> down{false};            // by the active checks
        std::atomic<std::int64_t> out_until{0};   // ejected; ticks of the steady clock
        std::atomic<std::int64_t> back_since{0};  // begin of the slow start; 0: never was away

        Endpoint endpoint;
        std::string authority;
        std::string name;
        std::uint64_t hash;
        unsigned weight;
        std::atomic<std::uint32_t> ejections_in_row{0};
        std::atomic<std::uint64_t> ejections{0};
        unsigned checks_in_row = 0;  // that say otherwise than `down`; thread 0 alone
    };

    std::optional<std::size_t> choose_in_turn(Turns& turns, const Tried& tried, bool fit_only, SteadyTime now) const;
    std::optional<std::size_t> choose_least(Turns& turns, const Tried& tried, bool fit_only, SteadyTime now) const;
    std::optional<std::size_t> choose_by_hash(std::uint64_t affinity, const Tried& tried, bool fit_only,
                                              SteadyTime now) const;
    std::optional<std::size_t> choose_by_chance(Turns& turns, const Tried& tried, bool fit_only, SteadyTime now) const;
    // Whether an endpoint has so much to do that a hash passes it over.
    struct LoadBound {
        std::uint64_t requests = 0;  // in progress at all that may be chosen, with the one to come
        std::uint64_t weights = 0;   // of them
        std::uint64_t factor = 0;    // in percent; 0: there is no bound

        bool allows(std::uint64_t in_progress, std::int64_t weight) const;
    };
    LoadBound load_bound(bool fit_only, SteadyTime now) const;
    // 0: not to be chosen.
    std::int64_t weight_of(std::size_t index, const Tried& tried, bool fit_only, SteadyTime now) const;
    void eject(Entry& entry, std::string_view cause, SteadyTime now);

    std::string service_;
    UpstreamOptions options_;
    std::vector<std::unique_ptr<Entry>> entries_;
};

// For Balance::hash_...: the same in every process and build.
std::uint64_t affinity_of(std::string_view key);

}  // namespace gatehouse::http
