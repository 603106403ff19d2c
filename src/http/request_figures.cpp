// SPDX-License-Identifier: Apache-2.0
#include "http/request_figures.hpp"

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t kinds_max = 128;  // of one group on one thread

constexpr std::array<std::string_view, 10> method_names{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                        "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"};

// The only writer's addition.
template <class T>
void add_to(std::atomic<T>& cell, T value)
{
    cell.store(cell.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

KnownMethod known_method(std::string_view method)
{
    for (std::size_t i = 0; i + 1 < method_names.size(); ++i)
        if (method == method_names[i])
            return static_cast<KnownMethod>(i);
    return KnownMethod::other;
}

std::string_view to_string(KnownMethod method) { return method_names[static_cast<std::size_t>(method)]; }

std::string_view to_string(RequestError error)
{
    switch (error) {
    case RequestError::none: break;
    case RequestError::connect: return "connect";
    case RequestError::too_many_connections: return "too_many_connections";
    case RequestError::timeout: return "timeout";
    case RequestError::malformed: return "malformed";
    case RequestError::closed: return "closed";
    case RequestError::cancelled: return "cancelled";
    case RequestError::other: return "_OTHER";
    }
    return "";
}

std::string_view version_label(Version version)
{
    switch (version) {
    case Version::http10: return "1.0";
    case Version::http11: break;
    case Version::http2: return "2";
    }
    return "1.1";
}

std::uint32_t RequestKind::key() const
{
    auto code = static_cast<std::uint32_t>(std::clamp(status, 0, 999));
    return static_cast<std::uint32_t>(error) << 26U | code << 16U | static_cast<std::uint32_t>(version) << 8U |
           static_cast<std::uint32_t>(https) << 7U | static_cast<std::uint32_t>(method);
}

RequestKind RequestKind::of_key(std::uint32_t key)
{
    RequestKind kind;
    kind.method = static_cast<KnownMethod>(key & 0x7FU);
    kind.https = (key >> 7U & 1U) != 0;
    kind.version = static_cast<Version>(key >> 8U & 0xFFU);
    kind.status = static_cast<int>(key >> 16U & 0x3FFU);
    kind.error = static_cast<RequestError>(key >> 26U);
    return kind;
}

template <std::size_t Bounds>
void RequestFigures::Thread::Cells<Bounds>::observe(const std::array<double, Bounds>& bounds, double value)
{
    std::size_t index = 0;
    while (index < Bounds && value > bounds[index])
        ++index;
    add_to<std::uint64_t>(buckets[index], 1);
    add_to(sum, value);
}

template <std::size_t Bounds>
RequestFigures::Histogram<Bounds> RequestFigures::Thread::Cells<Bounds>::read() const
{
    Histogram<Bounds> histogram;
    for (std::size_t i = 0; i < buckets.size(); ++i)
        histogram.buckets[i] = buckets[i].load(std::memory_order_relaxed);
    histogram.sum = sum.load(std::memory_order_relaxed);
    return histogram;
}

void RequestFigures::Thread::count(std::size_t group, const Sample& sample)
{
    Series& series = find(group, sample.kind.key());
    series.seconds.observe(duration_bounds, std::chrono::duration<double>(sample.took).count());
    series.request_bytes.observe(size_bounds, static_cast<double>(sample.request_bytes));
    series.response_bytes.observe(size_bounds, static_cast<double>(sample.response_bytes));
}

RequestFigures::Thread::Series& RequestFigures::Thread::find(std::size_t group, std::uint32_t key)
{
    if (group < groups_.size())
        for (const auto& series : groups_[group])
            if (series->key == key)
                return *series;
    if (group < groups_.size() && groups_[group].size() >= kinds_max) {
        std::uint32_t rest = RequestKind{}.key();
        if (key != rest)
            return find(group, rest);
    }
    return add(group, key);
}

RequestFigures::Thread::Series& RequestFigures::Thread::add(std::size_t group, std::uint32_t key)
{
    std::lock_guard guard(mutex_);
    if (group >= groups_.size())
        groups_.resize(group + 1);
    return *groups_[group].emplace_back(std::make_unique<Series>(key));
}

std::size_t RequestFigures::group(const std::string& name)
{
    std::lock_guard guard(mutex_);
    auto [place, added] = groups_.try_emplace(name, names_.size());
    if (added)
        names_.push_back(name);
    return place->second;
}

std::string RequestFigures::name_of(std::size_t group) const
{
    std::lock_guard guard(mutex_);
    return names_.at(group);
}

std::map<std::pair<std::size_t, std::uint32_t>, RequestFigures::Total> RequestFigures::totals() const
{
    std::map<std::pair<std::size_t, std::uint32_t>, Total> totals;
    for (const Thread& thread : threads_) {
        std::lock_guard guard(thread.mutex_);
        for (std::size_t group = 0; group < thread.groups_.size(); ++group) {
            for (const auto& series : thread.groups_[group]) {
                Total& total = totals[{group, series->key}];
                total.seconds.add(series->seconds.read());
                total.request_bytes.add(series->request_bytes.read());
                total.response_bytes.add(series->response_bytes.read());
            }
        }
    }
    return totals;
}

}  // namespace gatehouse::http
