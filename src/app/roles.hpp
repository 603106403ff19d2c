// SPDX-License-Identifier: Apache-2.0
// The roles of the program as a table: name, what each needs beside it, whose address it listens on.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

enum class Role { gateway, auth, files, worker, notifier };

struct RoleInfo {
    Role role;
    std::string_view name;
    std::vector<Role> needs;      // in the same process, unless it is told how to reach them
    std::string_view listen_key;  // empty: it listens on the ops port only
};

std::span<const RoleInfo> all_roles();
std::string_view to_string(Role role);

// The roles of one process.
class RoleSet final {
public:
    void insert(Role role) { has_[static_cast<std::size_t>(role)] = true; }
    bool has(Role role) const { return has_[static_cast<std::size_t>(role)]; }
    bool empty() const;
    bool complete() const;      // every role
    std::string names() const;  // "gateway, auth"

private:
    std::array<bool, 5> has_{};
};

// "all" stands for every role; unknown words are left out (config_check.cpp reports them).
RoleSet parse_roles(const std::vector<std::string>& words);
bool is_role_word(std::string_view word);

// The key that --listen sets: the gateway's where it runs, else that of the first role with an address of its own.
std::optional<std::string_view> listen_key(const std::vector<std::string>& words);

}  // namespace gatehouse::app
