// SPDX-License-Identifier: Apache-2.0
#include "sql/mysql_url.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace gatehouse::sql {

namespace {

constexpr std::size_t connections_min = 2;
constexpr std::size_t connections_max = 64;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("the database's URL: " + what); }

std::string decode(std::string_view text, std::string_view what)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned byte = 0;
        auto digits = text.substr(i + 1, 2);
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2)
            refuse(fmt::format("a % in the {} is not followed by two hexadecimal digits", what));
        out += static_cast<char>(byte);
        i += 2;
    }
    // Libraries of C end a text there.
    if (out.find('\0') != std::string::npos)
        refuse(fmt::format("the {} holds a zero byte", what));
    return out;
}

Tls read_scheme(std::string_view scheme)
{
    if (scheme == "mysql" || scheme == "mariadb")
        return Tls::off;
    if (scheme == "mysqls" || scheme == "mariadbs")
        return Tls::verify;
    refuse("must begin with mysql://, mysqls://, mariadb:// or mariadbs://");
}

Tls read_tls(std::string_view value)
{
    if (value == "off")
        return Tls::off;
    if (value == "require")
        return Tls::require;
    if (value == "verify")
        return Tls::verify;
    refuse("tls is off, require or verify");
}

void read_host(std::string_view text, MysqlOptions& options)
{
    std::string_view host = text;
    std::optional<std::string_view> port;
    if (text.starts_with('[')) {  // an IPv6 address
        auto end = text.find(']');
        if (end == std::string_view::npos)
            refuse("a ] is missing after the host");
        host = text.substr(1, end - 1);
        auto rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':')
            refuse("a port follows the host after a colon");
        if (!rest.empty())
            port = rest.substr(1);
    } else {
        port = cut_at(host, ':');
    }
    if (host.empty())
        refuse("the host is missing");
    if (host.find_first_of(" \t\r\n%") != std::string_view::npos)
        refuse("the host is not one");
    options.host = host;
    if (!port)
        return;
    auto number = read_number<std::uint16_t>(*port);
    if (!number || *number == 0)
        refuse("the port is a number from 1 to 65535");
    options.port = *number;
}

void read_parameter(std::string_view parameter, MysqlOptions& options)
{
    auto value = cut_at(parameter, '=');
    if (parameter == "tls") {
        options.tls = read_tls(value.value_or(""));
    } else if (parameter == "ca") {
        options.ca = decode(value.value_or(""), "parameter ca");
        if (options.ca.empty())
            refuse("ca is the name of a file");
    } else if (parameter == "connections") {
        auto number = read_number<std::size_t>(value.value_or(""));
        if (!number || *number < connections_min || *number > connections_max)
            refuse(fmt::format("connections is a number from {} to {}", connections_min, connections_max));
        options.connections = *number;
    } else {
        refuse(fmt::format("there is no parameter \"{}\": tls, ca and connections are known", parameter));
    }
}

}  // namespace

MysqlOptions parse_mysql_url(std::string_view url)
{
    auto colon = url.find("://");
    if (colon == std::string_view::npos)
        refuse("must begin with mysql://, mysqls://, mariadb:// or mariadbs://");
    MysqlOptions options;
    options.tls = read_scheme(url.substr(0, colon));
    std::string_view rest = url.substr(colon + 3);

    // The last @ ends the credentials, whatever a password holds that should have been encoded: a password must not be
    // taken for a host, which messages name.
    if (auto at = rest.rfind('@'); at != std::string_view::npos) {
        std::string_view user = rest.substr(0, at);
        auto password = cut_at(user, ':');
        if (password && password->find_first_of("/?#@") != std::string_view::npos)
            refuse("/, ?, # and @ in the password must be percent-encoded");
        options.user = decode(user, "user name");
        options.password = Secret(decode(password.value_or(""), "password"));
        rest = rest.substr(at + 1);
    }
    if (options.user.empty())
        refuse("the user name is missing");

    auto query = cut_at(rest, '?');
    auto database = cut_at(rest, '/');
    read_host(rest, options);
    options.database = decode(database.value_or(""), "name of the database");
    if (options.database.empty() || options.database.find('/') != std::string::npos)
        refuse("a database is named after the host, like mysql://host/gatehouse");
    for (auto left = query; left;) {
        std::string_view parameter = *left;
        left = cut_at(parameter, '&');
        read_parameter(parameter, options);
    }
    if (!options.ca.empty() && options.tls != Tls::verify)
        refuse("ca is of use with tls=verify only");
    return options;
}

}  // namespace gatehouse::sql
