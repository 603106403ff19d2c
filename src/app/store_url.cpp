// SPDX-License-Identifier: Apache-2.0
#include "app/store_url.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace gatehouse::app {

namespace {

constexpr std::array<std::string_view, 4> mysql_schemes{"mysql", "mysqls", "mariadb", "mariadbs"};
constexpr std::array<std::string_view, 2> mongodb_schemes{"mongodb", "mongodb+srv"};
constexpr std::array<std::string_view, 2> amqp_schemes{"amqp", "amqps"};

std::optional<std::string> find_path_error(std::string_view path, const StoreKind& kind)
{
    if (path.empty())
        return fmt::format("must be {}:{}: the name is missing", kind.embedded, kind.place);
    if (path.starts_with("//"))
        return fmt::format("must be {0}:{1}, without //: {0}:name, or {0}:/absolute/name", kind.embedded, kind.place);
    for (const auto& part : std::filesystem::path(path)) {
        if (part == "..")
            return std::string("must not climb with ..");
    }
    return std::nullopt;
}

}  // namespace

const StoreKind& auth_store_kind()
{
    static constexpr StoreKind kind{"sqlite", "FILE", mysql_schemes};
    return kind;
}

const StoreKind& files_store_kind()
{
    static constexpr StoreKind kind{"local", "DIRECTORY", mongodb_schemes};
    return kind;
}

const StoreKind& events_store_kind()
{
    static constexpr StoreKind kind{"sqlite", "FILE", amqp_schemes};
    return kind;
}

bool is_embedded(std::string_view url) { return url.starts_with("sqlite:") || url.starts_with("local:"); }

std::optional<std::string> find_store_error(std::string_view url, const StoreKind& kind)
{
    std::size_t colon = std::min(url.find(':'), url.size());
    std::string_view scheme = url.substr(0, colon);
    std::string_view rest = url.substr(std::min(colon + 1, url.size()));
    if (colon < url.size() && scheme == kind.embedded)
        return find_path_error(rest, kind);
    if (std::ranges::find(kind.shared, scheme) == kind.shared.end())
        return fmt::format("must be {}:{} or {}://...", kind.embedded, kind.place, kind.shared.front());
    if (!rest.starts_with("//") || rest.size() == 2)
        return fmt::format("must be {}://host: the host is missing", scheme);
    return std::nullopt;
}

std::filesystem::path store_path(std::string_view url, const std::filesystem::path& data)
{
    return data / std::filesystem::path(url.substr(url.find(':') + 1));
}

std::string redact_url(const std::string& url)
{
    std::size_t scheme = url.find("://");
    std::size_t at = url.rfind('@');
    if (scheme == std::string::npos || at == std::string::npos)
        return url;
    std::size_t colon = url.find(':', scheme + 3);
    if (colon == std::string::npos || colon > at)
        return url;
    return url.substr(0, colon + 1).append("[redacted]").append(url.substr(at));
}

}  // namespace gatehouse::app
