// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a connection from outside, when a proxy may stand between: the PROXY header, and how many
// connections one client may hold. For servers that face the public; shared by their I/O threads.
#pragma once

#include "http/address_limit.hpp"
#include "http/address_ranges.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace gatehouse::http {

struct PublicSide {
    // Trusted proxies speak for others: their own address has no limit. Any thread; connections that were accepted
    // before stay what they are.
    bool trusts(std::string_view address) const { return trusted_proxies.load()->contains(address); }
    void set_trusted_proxies(AddressRanges ranges)
    {
        trusted_proxies.store(std::make_shared<const AddressRanges>(std::move(ranges)));
    }

    std::atomic<std::shared_ptr<const AddressRanges>> trusted_proxies{std::make_shared<const AddressRanges>()};
    bool proxy_protocol = false;          // each connection of theirs begins with a PROXY header
    std::unique_ptr<AddressLimit> limit;  // null: none
    std::atomic<std::uint64_t> refused_proxy_headers{0};
};

}  // namespace gatehouse::http
