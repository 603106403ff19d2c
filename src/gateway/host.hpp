// SPDX-License-Identifier: Apache-2.0
// The one form of a host that routes are matched on. No state, any thread.
#pragma once

#include <array>
#include <string_view>

namespace gatehouse::gateway {

using HostBuffer = std::array<char, 256>;

// The host of a Host field in lower case, without a port and without the dot of an absolute name:
// "Shop.Example.com.:443" is "shop.example.com". An IPv6 address keeps its brackets. Empty for what is no name. The
// result is part of `buffer`.
std::string_view normalize_host(std::string_view host, HostBuffer& buffer);

// True for what may stand in a route's `hosts`: "shop.example.com", "*.example.com", "192.0.2.1", "[2001:db8::1]".
bool is_host_pattern(std::string_view pattern);

// Whether a pattern takes a host, both in normal form. "*.example.com" takes a.example.com and b.a.example.com, not
// example.com.
bool host_fits(std::string_view pattern, std::string_view host);

}  // namespace gatehouse::gateway
