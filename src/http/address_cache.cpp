// SPDX-License-Identifier: Apache-2.0
#include "http/address_cache.hpp"

#include "base/error.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::chrono::seconds fresh_time_min{1};
constexpr std::chrono::seconds fresh_time_max{60};
constexpr std::chrono::seconds hosts_file_time{10};  // of what comes from there
constexpr std::chrono::seconds failure_time{1};      // until the next question after one without an answer
constexpr std::chrono::seconds stale_time{300};      // how long old addresses are used when the resolver fails

constexpr std::size_t entries_max = 4096;

std::chrono::seconds fresh_time(const DnsAnswer& answer)
{
    if (answer.addresses.empty())
        return failure_time;
    if (answer.lifetime.count() == 0)
        return hosts_file_time;
    return std::clamp(answer.lifetime, fresh_time_min, fresh_time_max);
}

}  // namespace

struct AddressCache::Entry {
    std::vector<asio::ip::address> addresses;
    std::string error;
    SteadyTime fresh_until;
    SteadyTime usable_until;
    bool asking = false;
    std::size_t turn = 0;
    std::vector<asio::steady_timer*> waiting;  // cancelled when the answer is there
};

// One caller that waits for an answer.
struct AddressCache::Waiter {
    Waiter(Entry& asked, const asio::any_io_executor& executor, SteadyTime deadline)
        : entry(asked), timer(executor, deadline)
    {
        entry.waiting.push_back(&timer);
    }
    ~Waiter() { std::erase(entry.waiting, &timer); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    Entry& entry;
    asio::steady_timer timer;
};

AddressCache::AddressCache(asio::any_io_executor executor, DnsOptions options)
    : executor_(executor), resolver_(std::move(executor), std::move(options))
{
}

Task<std::vector<asio::ip::tcp::endpoint>> AddressCache::find(std::string host, std::uint16_t port, SteadyTime deadline)
{
    std::vector<asio::ip::tcp::endpoint> endpoints;
    boost::system::error_code not_literal;
    asio::ip::address literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) {
        endpoints.emplace_back(literal, port);
        co_return endpoints;
    }

    // Names come from the configuration alone, so this is about very many reloads.
    if (entries_.size() >= entries_max && !entries_.contains(host))
        entries_.clear();
    std::shared_ptr<Entry>& slot = entries_[host];
    if (!slot)
        slot = std::make_shared<Entry>();
    std::shared_ptr<Entry> entry = slot;
    if (!entry->asking && entry->fresh_until <= coarse_now())
        ask(host, entry);
    if (entry->asking && entry->addresses.empty()) {
        Waiter waiter(*entry, executor_, deadline);
        co_await waiter.timer.async_wait(asio::as_tuple(asio::deferred));
    }
    if (entry->addresses.empty())
        throw Unavailable("no address for " + host + ": " + (entry->asking ? "the resolver is late" : entry->error));
    std::size_t first = entry->turn++ % entry->addresses.size();
    for (std::size_t i = 0; i < entry->addresses.size(); ++i)
        endpoints.emplace_back(entry->addresses[(first + i) % entry->addresses.size()], port);
    co_return endpoints;
}

void AddressCache::ask(const std::string& host, const std::shared_ptr<Entry>& entry)
{
    entry->asking = true;
    resolver_.ask(host, [entry](DnsAnswer answer) {
        entry->asking = false;
        entry->error = std::move(answer.error);
        SteadyTime now = coarse_now();
        entry->fresh_until = now + fresh_time(answer);
        if (!answer.addresses.empty()) {
            entry->addresses = std::move(answer.addresses);
            entry->usable_until = now + stale_time;
        } else if (entry->usable_until < now) {
            entry->addresses.clear();
        }
        for (asio::steady_timer* timer : entry->waiting)
            timer->cancel();
    });
}

}  // namespace gatehouse::http
