// SPDX-License-Identifier: Apache-2.0
#include "app/roles.hpp"

#include <algorithm>

namespace gatehouse::app {

std::span<const RoleInfo> all_roles()
{
    static const std::vector<RoleInfo> roles{
        {Role::gateway, "gateway", {Role::auth, Role::files}, "gateway.listen"},
        {Role::auth, "auth", {}, "auth.listen"},
        {Role::files, "files", {Role::auth}, "files.listen"},
        {Role::worker, "worker", {Role::files}, ""},
        {Role::notifier, "notifier", {Role::auth}, ""},
    };
    return roles;
}

std::string_view to_string(Role role) { return all_roles()[static_cast<std::size_t>(role)].name; }

bool RoleSet::empty() const
{
    return std::ranges::none_of(has_, [](bool has) { return has; });
}

bool RoleSet::complete() const
{
    return std::ranges::all_of(has_, [](bool has) { return has; });
}

std::string RoleSet::names() const
{
    std::string names;
    for (const RoleInfo& info : all_roles()) {
        if (has(info.role))
            names.append(names.empty() ? "" : ", ").append(info.name);
    }
    return names;
}

RoleSet parse_roles(const std::vector<std::string>& words)
{
    RoleSet set;
    for (const std::string& word : words) {
        for (const RoleInfo& info : all_roles()) {
            if (word == "all" || word == info.name)
                set.insert(info.role);
        }
    }
    return set;
}

bool is_role_word(std::string_view word)
{
    return word == "all" || std::ranges::find(all_roles(), word, &RoleInfo::name) != all_roles().end();
}

std::optional<std::string_view> listen_key(const std::vector<std::string>& words)
{
    RoleSet set = parse_roles(words);
    for (const RoleInfo& info : all_roles()) {
        if (set.has(info.role) && !info.listen_key.empty())
            return info.listen_key;
    }
    return std::nullopt;
}

}  // namespace gatehouse::app
