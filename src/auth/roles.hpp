// SPDX-License-Identifier: Apache-2.0
// Roles and permissions as names: the built-in roles, and what a name may be. The other roles are in the store
// (role_store.hpp). Immutable; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

inline constexpr std::string_view admin_role = "admin";
inline constexpr std::string_view user_role = "user";

struct BuiltInRole {
    std::string_view name;
    std::string_view description;
    std::vector<std::string> permissions;  // sorted
};
std::span<const BuiltInRole> built_in_roles();
bool is_built_in_role(std::string_view name);

// Of the built-in ones among `roles`; sorted, each once.
std::vector<std::string> built_in_permissions(const std::vector<std::string>& roles);

// What is wrong with it, a sentence for the one who typed it; nullopt when it is allowed.
//   role: 1 to 64 small letters, digits and '-', a letter first.
//   permission: up to 64 small letters, digits, '-' and ':', such as "orders:read"; "orders:*" stands for all that
//   begin with "orders:". Every token of a user carries all of theirs, so their number is bounded.
inline constexpr std::size_t roles_of_user_max = 16;
inline constexpr std::size_t permissions_of_role_max = 32;
inline constexpr std::size_t own_roles_max = 200;
inline constexpr std::size_t description_characters_max = 200;
std::optional<std::string> check_role_name(std::string_view name);
std::optional<std::string> check_permission(std::string_view permission);
std::optional<std::string> check_description(std::string_view description);  // one line of text

// Whether who has `granted` may do all that `wanted` allows.
bool covers(const std::vector<std::string>& granted, const std::vector<std::string>& wanted);

// Sorted, each once.
void make_set(std::vector<std::string>& names);

}  // namespace gatehouse::auth
