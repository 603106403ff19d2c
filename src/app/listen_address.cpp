// SPDX-License-Identifier: Apache-2.0
#include "app/listen_address.hpp"

#include "app/values.hpp"
#include "base/task.hpp"

#include <boost/asio/ip/address.hpp>

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

std::optional<std::string> parse_host(std::string_view host)
{
    if (host.empty())
        return "0.0.0.0";
    if (host == "localhost")
        return "127.0.0.1";
    bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    auto address = asio::ip::make_address(std::string(host), error);
    if (error || address.is_v6() != bracketed)
        return std::nullopt;
    return address.to_string();
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text)
{
    std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto host = parse_host(text.substr(0, colon));
    auto port = parse_number(text.substr(colon + 1));
    if (!host || !port || *port > 65535)
        return std::nullopt;
    return ListenAddress{*host, static_cast<std::uint16_t>(*port)};
}

std::string to_string(const ListenAddress& address)
{
    bool v6 = address.host.find(':') != std::string::npos;
    return v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

std::string local_url(const ListenAddress& address, std::string_view scheme)
{
    auto ip = asio::ip::make_address(address.host);
    if (ip.is_loopback() || ip.is_unspecified())
        return fmt::format("{}://localhost:{}", scheme, address.port);
    return fmt::format("{}://{}", scheme, to_string(address));
}

}  // namespace gatehouse::app
