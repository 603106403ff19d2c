// SPDX-License-Identifier: Apache-2.0
#include "app/setup_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::app {

namespace {

constexpr std::string_view name = "setup-link";

}  // namespace

std::optional<std::string> SetupLink::publish(std::optional<Secret> token, const std::string& public_url)
{
    data_.remove(name);
    if (!token)
        return std::nullopt;
    auto link = fmt::format("{}/console/setup#{}", public_url, token->reveal());
    data_.write_private(name, link + "\n");
    pending_ = true;
    return link;
}

std::filesystem::path SetupLink::file() const { return data_.path() / name; }

Task<void> SetupLink::drop_when_used(auth::Commands& users, BlockingPool& pool)
{
    if (!std::exchange(pending_, false))
        co_return;
    auto find = [&users] {
        return std::ranges::any_of(users.list_users(), [](const auth::UserInfo& user) {
            return std::ranges::find(user.roles, "admin") != user.roles.end();
        });
    };
    pending_ = !co_await pool.run(find);
    if (!pending_)
        data_.remove(name);
}

}  // namespace gatehouse::app
