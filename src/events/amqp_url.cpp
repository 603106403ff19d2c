// SPDX-License-Identifier: Apache-2.0
#include "events/amqp_url.hpp"

#include "base/text.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::events {

namespace {

constexpr std::size_t name_bytes_max = 255;  // AMQP's short strings

bool fits_short_string(const std::optional<std::string>& text)
{
    return text && !text->empty() && text->size() <= name_bytes_max;
}

std::optional<std::string> read_user(std::string_view userinfo, AmqpUrl& url)
{
    auto password = cut_at(userinfo, ':');
    auto user = http::percent_decode(userinfo);
    if (!fits_short_string(user))
        return "the user's name is empty, too long or badly escaped";
    url.user = std::move(*user);
    auto decoded = http::percent_decode(password.value_or(""));
    if (!decoded)
        return "the password is badly escaped";
    url.password = Secret(std::move(*decoded));
    return std::nullopt;
}

std::optional<std::string> read_address(std::string_view address, AmqpUrl& url)
{
    std::optional<std::string_view> port;
    if (address.starts_with('[')) {
        auto rest = cut_at(address, ']');
        if (!rest || (!rest->empty() && !rest->starts_with(':')))
            return "the address in brackets is not complete";
        address.remove_prefix(1);
        if (!rest->empty())
            port = rest->substr(1);
    } else {
        port = cut_at(address, ':');
    }
    if (address.empty() || address.find_first_of("@ \t\r\n") != std::string_view::npos)
        return "there is no host";
    url.host = address;
    url.port = url.tls ? 5671 : 5672;
    if (port) {
        auto number = read_number<std::uint16_t>(*port);
        if (!number || *number == 0)
            return "the port is not a number from 1 to 65535";
        url.port = *number;
    }
    return std::nullopt;
}

std::optional<std::string> read_parameter(std::string_view name, std::string_view value, AmqpUrl& url)
{
    auto decoded = http::percent_decode(value);
    if (!decoded || decoded->empty())
        return fmt::format("the parameter \"{}\" is empty or badly escaped", name);
    if (name == "ca" && url.tls) {
        url.ca = std::move(*decoded);
        return std::nullopt;
    }
    if (name == "heartbeat") {
        auto seconds = read_number<int>(*decoded);
        if (!seconds || *seconds < 1 || *seconds > 300)
            return "\"heartbeat\" is not a number of seconds from 1 to 300";
        url.heartbeat = std::chrono::seconds{*seconds};
        return std::nullopt;
    }
    return name == "ca" ? "\"ca\" belongs to amqps:// only" : "its parameters are \"ca\" and \"heartbeat\"";
}

}  // namespace

std::string AmqpUrl::authority() const
{
    return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<AmqpUrl, std::string> parse_amqp_url(std::string_view text)
{
    AmqpUrl url;
    if (text.starts_with("amqps://"))
        url.tls = true;
    else if (!text.starts_with("amqp://"))
        return std::unexpected("it does not begin with amqp:// or amqps://");
    text.remove_prefix(url.tls ? 8 : 7);

    auto query = cut_at(text, '?');
    auto path = cut_at(text, '/');
    if (auto at = text.rfind('@'); at != std::string_view::npos) {
        if (auto problem = read_user(text.substr(0, at), url))
            return std::unexpected(std::move(*problem));
        text.remove_prefix(at + 1);
    }
    if (auto problem = read_address(text, url))
        return std::unexpected(std::move(*problem));
    if (path && !path->empty()) {
        auto vhost = http::percent_decode(*path);
        if (!fits_short_string(vhost) || path->contains('/'))
            return std::unexpected("the virtual host is too long, or has a slash that is not written as %2F");
        url.vhost = std::move(*vhost);
    }
    while (query && !query->empty()) {
        auto parameter = *query;
        query = cut_at(parameter, '&');
        auto name = parameter;
        auto value = cut_at(name, '=');
        if (auto problem = read_parameter(name, value.value_or(""), url))
            return std::unexpected(std::move(*problem));
    }
    return url;
}

}  // namespace gatehouse::events
