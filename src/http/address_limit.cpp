// SPDX-License-Identifier: Apache-2.0
#include "http/address_limit.hpp"

#include "http/address_ranges.hpp"

namespace gatehouse::http {

namespace {

// The bytes of an IPv4 address, or of an IPv6 network.
std::string client_of(std::string_view text)
{
    auto address = parse_address(text);
    if (!address)
        return std::string(text);
    const auto* bytes = reinterpret_cast<const char*>(address->data());
    bool v4 = text.find(':') == std::string_view::npos;
    return v4 ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

}  // namespace

AddressLimit::Place AddressLimit::enter(std::string_view address)
{
    std::string client = client_of(address);
    Shard& shard = shard_of(client);
    {
        std::lock_guard lock(shard.mutex);
        std::size_t& connections = shard.connections[client];
        if (connections < connections_max_) {
            ++connections;
            return {*this, std::move(client)};
        }
    }
    refused_.fetch_add(1, std::memory_order_relaxed);
    return {};
}

void AddressLimit::leave(const std::string& client)
{
    Shard& shard = shard_of(client);
    std::lock_guard lock(shard.mutex);
    auto found = shard.connections.find(client);
    if (found != shard.connections.end() && --found->second == 0)
        shard.connections.erase(found);
}

}  // namespace gatehouse::http
