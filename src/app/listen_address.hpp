// SPDX-License-Identifier: Apache-2.0
// Addresses that we listen on, "ADDR:PORT", and the URLs that lead there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::app {

struct ListenAddress {
    std::string host;  // an IP address
    std::uint16_t port = 0;
    bool operator==(const ListenAddress&) const = default;
};

// ADDR is an IPv4 address, an IPv6 address in brackets, or localhost (127.0.0.1); empty means every address (0.0.0.0).
std::optional<ListenAddress> parse_listen_address(std::string_view text);
std::string to_string(const ListenAddress& address);

// "http://localhost:8080" for a loopback address or one that means every address: something to click on this machine.
std::string local_url(const ListenAddress& address, std::string_view scheme = "http");

// An address in use, and what for.
struct Listening {
    std::string role;
    ListenAddress address;
    std::string_view scheme = "http";
};

}  // namespace gatehouse::app
