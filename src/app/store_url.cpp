// SPDX-License-Identifier: Apache-2.0
#include "app/store_url.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

struct Product {
    std::string_view scheme;
    std::string_view name;
};
constexpr Product not_yet[] = {
    {"mysql", "MySQL"},         {"mariadb", "MariaDB"}, {"mongodb", "MongoDB"},
    {"mongodb+srv", "MongoDB"}, {"amqp", "RabbitMQ"},   {"amqps", "RabbitMQ"},
};

}  // namespace

std::optional<std::string> find_store_error(std::string_view url, std::string_view scheme)
{
    std::size_t colon = url.find(':');
    std::string_view given = url.substr(0, colon);
    std::string_view what = scheme == "local" ? "DIRECTORY" : "FILE";
    for (const Product& product : not_yet) {
        // The rest of the URL may hold a password: it is not repeated.
        if (colon != std::string_view::npos && given == product.scheme)
            return fmt::format("{} is not supported in this version: use {}:{}", product.name, scheme, what);
    }
    if (colon == std::string_view::npos || given != scheme)
        return fmt::format("must be {}:{}", scheme, what);
    std::string_view path = url.substr(colon + 1);
    if (path.empty())
        return fmt::format("must be {}:{}: the name is missing", scheme, what);
    if (path.starts_with("//"))
        return fmt::format("must be {0}:{1}, without //: {0}:name, or {0}:/absolute/name", scheme, what);
    for (const auto& part : std::filesystem::path(path)) {
        if (part == "..")
            return std::string("must not climb with ..");
    }
    return std::nullopt;
}

std::filesystem::path store_path(std::string_view url, const std::filesystem::path& data)
{
    return data / std::filesystem::path(url.substr(url.find(':') + 1));
}

}  // namespace gatehouse::app
