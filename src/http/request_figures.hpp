// SPDX-License-Identifier: Apache-2.0
// Counts, durations and sizes of requests, kept by each thread for itself and added up when somebody asks: the steady
// path takes no lock, allocates nothing and writes no memory that another thread writes.
//
// Requests are kept apart by a group (a route, an endpoint) and by what the conventions of OpenTelemetry name: method,
// status, scheme and version. Both are bounded: unknown methods are one, and a group that shows too many different
// kinds of requests counts the further ones together.
#pragma once

#include "http/message.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::http {

// The method for metrics: "_OTHER" for one that no specification names, so that nobody can make up label values.
enum class KnownMethod : std::uint8_t { get, head, post, put, delete_, connect, options, trace, patch, other };
KnownMethod known_method(std::string_view method);
std::string_view to_string(KnownMethod method);
std::string_view version_label(Version version);  // "1.1"

// Why a request that we sent got no answer: `error.type` of OpenTelemetry's conventions. `cancelled`: its own sender
// broke off.
enum class RequestError : std::uint8_t {
    none,
    connect,
    too_many_connections,
    timeout,
    malformed,
    closed,
    cancelled,
    other
};
std::string_view to_string(RequestError error);

// What kind of request it was.
struct RequestKind {
    KnownMethod method = KnownMethod::other;
    bool https = false;
    Version version = Version::http11;
    int status = 0;  // 0: none came
    RequestError error = RequestError::none;

    std::uint32_t key() const;
    static RequestKind of_key(std::uint32_t key);
};

class RequestFigures final {
public:
    static constexpr std::array<double, 14> duration_bounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                            0.5,   0.75, 1,     2.5,  5,     7.5, 10};
    static constexpr std::array<double, 6> size_bounds{1024, 16384, 262144, 4194304, 67108864, 1073741824};

    template <std::size_t Bounds>
    struct Histogram {
        std::array<std::uint64_t, Bounds + 1> buckets{};  // each for itself; the last one is beyond all bounds
        double sum = 0;

        void add(const Histogram& other)
        {
            for (std::size_t i = 0; i < buckets.size(); ++i)
                buckets[i] += other.buckets[i];
            sum += other.sum;
        }
    };
    struct Total {
        Histogram<duration_bounds.size()> seconds;
        Histogram<size_bounds.size()> request_bytes;
        Histogram<size_bounds.size()> response_bytes;
    };

    struct Sample {
        RequestKind kind;
        std::chrono::steady_clock::duration took{};
        std::uint64_t request_bytes = 0;
        std::uint64_t response_bytes = 0;
    };

    // One thread's part. Call from that thread, or when it has ended.
    class Thread final {
    public:
        void count(std::size_t group, const Sample& sample);

    private:
        friend class RequestFigures;

        // Written by its thread alone, which therefore needs no atomic addition; read by whoever scrapes.
        template <std::size_t Bounds>
        struct Cells {
            std::array<std::atomic<std::uint64_t>, Bounds + 1> buckets{};
            std::atomic<double> sum{0};

            void observe(const std::array<double, Bounds>& bounds, double value);
            Histogram<Bounds> read() const;
        };
        struct Series {
            explicit Series(std::uint32_t kind) : key(kind) {}

            std::uint32_t key;
            Cells<duration_bounds.size()> seconds;
            Cells<size_bounds.size()> request_bytes;
            Cells<size_bounds.size()> response_bytes;
        };

        Series& find(std::size_t group, std::uint32_t key);
        Series& add(std::size_t group, std::uint32_t key);

        mutable std::mutex mutex_;  // of changes of the lists, not of the figures
        std::vector<std::vector<std::unique_ptr<Series>>> groups_;
    };

    explicit RequestFigures(std::size_t threads) : threads_(threads) {}

    // The group's number; the same name gives the same one. Takes a lock: ask once and keep it.
    std::size_t group(const std::string& name);
    std::string name_of(std::size_t group) const;

    Thread& thread(std::size_t index) { return threads_[index]; }

    // By group and RequestKind::key().
    std::map<std::pair<std::size_t, std::uint32_t>, Total> totals() const;

private:
    std::deque<Thread> threads_;
    mutable std::mutex mutex_;
    std::map<std::string, std::size_t> groups_;
    std::vector<std::string> names_;
};

}  // namespace gatehouse::http
