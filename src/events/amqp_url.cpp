// SPDX-License-Identifier: Apache-2.0
#include "events/amqp_url.hpp"

#include "http/url.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gatehouse::events {

namespace {

constexpr std::uint16_t amqp_port = 5672;
constexpr std::uint16_t amqps_port = 5671;
constexpr int heartbeat_max = 3600;

std::optional<int> parse_integer(std::string_view text, int min, int max)
{
    int number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < min || number > max)
        return std::nullopt;
    return number;
}

// What stands before `mark` is taken from the front of `text`; nullopt, and nothing is taken, when there is no mark.
std::optional<std::string_view> take_until(std::string_view& text, char mark)
{
    std::size_t at = text.find(mark);
    if (at == std::string_view::npos)
        return std::nullopt;
    auto taken = text.substr(0, at);
    text.remove_prefix(at + 1);
    return taken;
}

std::optional<std::string> read_credentials(std::string_view text, AmqpUrl& out)
{
    std::string_view password = text;
    auto user = take_until(password, ':');
    auto decoded_user = http::percent_decode(user.value_or(text));
    auto decoded_password = http::percent_decode(user ? password : std::string_view());
    if (!decoded_user || !decoded_password || decoded_user->empty())
        return "has a user or password with a broken percent-encoding";
    out.user = *decoded_user;
    out.password = Secret(*decoded_password);
    return std::nullopt;
}

std::optional<std::string> read_host(std::string_view text, AmqpUrl& out)
{
    std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    std::size_t colon = bracket == std::string_view::npos ? bracket : text.find(':', bracket);
    out.host = text.substr(0, colon);
    if (out.host.starts_with('[') && out.host.ends_with(']'))
        out.host = out.host.substr(1, out.host.size() - 2);
    if (out.host.empty())
        return "names no host";
    out.port = out.tls ? amqps_port : amqp_port;
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto port = parse_integer(text.substr(colon + 1), 1, 65535);
    if (!port)
        return "has a port that is not 1 to 65535";
    out.port = static_cast<std::uint16_t>(*port);
    return std::nullopt;
}

std::optional<std::string> read_parameter(std::string_view name, std::string_view value, AmqpUrl& out)
{
    if (name == "heartbeat") {
        auto seconds = parse_integer(value, 1, heartbeat_max);
        if (!seconds)
            return fmt::format("has a heartbeat that is not 1 to {} seconds", heartbeat_max);
        out.heartbeat = std::chrono::seconds{*seconds};
        return std::nullopt;
    }
    if (name == "ca") {
        auto path = http::percent_decode(value);
        if (!path || path->empty() || !out.tls)
            return "has a ca that is no file name, or is not amqps";
        out.ca = *path;
        return std::nullopt;
    }
    return fmt::format("has the unknown parameter `{}`; known are heartbeat and ca", name);
}

}  // namespace

std::string AmqpUrl::describe() const
{
    return fmt::format("{}://{}:{}/{}", tls ? "amqps" : "amqp", host, port, vhost == "/" ? "" : vhost);
}

Result<AmqpUrl, std::string> parse_amqp_url(std::string_view url)
{
    AmqpUrl out;
    auto scheme = take_until(url, ':');
    if (!scheme || (*scheme != "amqp" && *scheme != "amqps") || !url.starts_with("//"))
        return std::unexpected("is not amqp://... or amqps://...");
    out.tls = *scheme == "amqps";
    url.remove_prefix(2);

    std::string_view query;
    std::string_view before = url;
    if (auto path = take_until(before, '?')) {
        query = before;
        url = *path;
    }
    if (std::size_t at = url.rfind('@'); at != std::string_view::npos) {
        if (auto wrong = read_credentials(url.substr(0, at), out))
            return std::unexpected(*wrong);
        url.remove_prefix(at + 1);
    }
    std::string_view vhost = url;
    auto host = take_until(vhost, '/');
    if (auto wrong = read_host(host.value_or(url), out))
        return std::unexpected(*wrong);
    if (host && !vhost.empty()) {
        auto decoded = http::percent_decode(vhost);
        if (!decoded || vhost.find('/') != std::string_view::npos)
            return std::unexpected("has a virtual host with a broken percent-encoding; a slash in it is %2F");
        out.vhost = *decoded;
    }
    while (!query.empty()) {
        std::string_view rest = query;
        std::string_view pair = take_until(rest, '&').value_or(query);
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        std::string_view value = pair;
        auto name = take_until(value, '=');
        if (auto wrong = read_parameter(name.value_or(pair), name ? value : std::string_view(), out))
            return std::unexpected(*wrong);
    }
    return out;
}

}  // namespace gatehouse::events
