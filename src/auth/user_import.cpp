// SPDX-License-Identifier: Apache-2.0
#include "auth/user_import.hpp"

#include "auth/foreign_hashes.hpp"
#include "auth/names.hpp"
#include "auth/role_store.hpp"
#include "auth/roles.hpp"
#include "base/id.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace gatehouse::auth {

namespace {

// One statement inserts so many rows: the way to a server and back is what takes the time.
constexpr std::size_t rows_at_once = 100;

std::optional<ImportError> read_text(const json::object& object, std::string_view key, std::optional<std::string>& to)
{
    const json::value* value = object.if_contains(key);
    if (!value || value->is_null())
        return std::nullopt;
    if (!value->is_string())
        return ImportError{std::string(key), "A text is needed here."};
    to = std::string(value->get_string());
    return std::nullopt;
}

std::optional<ImportError> read_roles(const json::object& object, std::vector<std::string>& roles)
{
    const json::value* value = object.if_contains("roles");
    if (!value) {
        roles.emplace_back(user_role);
        return std::nullopt;
    }
    const json::array* list = value->if_array();
    if (!list || !std::ranges::all_of(*list, [](const json::value& item) { return item.is_string(); }))
        return ImportError{"roles", "A list of roles is needed here."};
    for (const json::value& item : *list)
        roles.emplace_back(item.get_string());
    make_set(roles);
    if (roles.size() > roles_of_user_max)
        return ImportError{"roles", fmt::format("At most {} roles.", roles_of_user_max)};
    return std::nullopt;
}

std::optional<ImportError> read_password(const json::object& object, std::string& hash)
{
    std::optional<std::string> stored;
    std::optional<std::string> plain;
    if (auto wrong = read_text(object, "password_hash", stored))
        return wrong;
    if (auto wrong = read_text(object, "password_plain", plain))
        return wrong;
    if (stored && plain)
        return ImportError{"password_plain", "There is a password_hash already."};
    if (!stored && !plain)
        return std::nullopt;
    hash = stored ? *stored : "{plain}" + *plain;
    if (auto wrong = check_foreign_hash(hash))
        return ImportError{stored ? "password_hash" : "password_plain", *wrong};
    return std::nullopt;
}

std::optional<ImportError> find_unknown_member(const json::object& object)
{
    constexpr std::string_view known[] = {"username", "email", "roles", "password_hash", "password_plain"};
    for (const auto& member : object)
        if (std::ranges::find(known, std::string_view(member.key())) == std::end(known))
            return ImportError{std::string(member.key()), "There is no such member."};
    return std::nullopt;
}

std::optional<ImportError> read_names(const json::object& object, ImportedUser& user)
{
    std::optional<std::string> username;
    if (auto wrong = read_text(object, "username", username))
        return wrong;
    if (auto wrong = read_text(object, "email", user.email))
        return wrong;
    user.username = username.value_or("");
    if (auto wrong = check_username(user.username))
        return ImportError{"username", *wrong};
    if (user.email && user.email->empty())
        user.email.reset();
    if (!user.email && !check_email(user.username))
        user.email = user.username;
    if (user.email)
        if (auto wrong = check_email(*user.email))
            return ImportError{"email", *wrong};
    return std::nullopt;
}

// INSERT statements of many rows.
class Rows final {
public:
    Rows(sql::Connection& connection, std::string_view table, std::size_t columns)
        : connection_(connection), table_(table), columns_(columns)
    {
    }
    void add(sql::Params row)
    {
        for (sql::Value& value : row)
            params_.push_back(std::move(value));
        if (params_.size() == rows_at_once * columns_)
            flush();
    }
    void flush()
    {
        if (params_.empty())
            return;
        std::string row = fmt::format("(?{})", std::string_view(commas_).substr(0, 2 * (columns_ - 1)));
        std::string text = fmt::format("INSERT INTO {} VALUES {}", table_, row);
        for (std::size_t i = columns_; i < params_.size(); i += columns_)
            text += "," + row;
        connection_.execute(text, params_);
        params_.clear();
    }

private:
    static constexpr std::string_view commas_ = ",?,?,?,?,?,?,?,?";
    sql::Connection& connection_;
    std::string_view table_;
    std::size_t columns_;
    sql::Params params_;
};

struct Names {
    std::string username;
    std::optional<std::string> email;  // when it is another
};

Names fold(const ImportedUser& user)
{
    Names names{fold_name(user.username).value(), std::nullopt};
    if (user.email && fold_name(*user.email) != names.username)
        names.email = fold_name(*user.email);
    return names;
}

std::unordered_set<std::string> find_taken(sql::Connection& connection, const std::vector<Names>& names)
{
    std::vector<std::string> all;
    for (const Names& one : names) {
        all.push_back(one.username);
        if (one.email)
            all.push_back(*one.email);
    }
    std::unordered_set<std::string> taken;
    for (std::size_t begin = 0; begin < all.size(); begin += rows_at_once) {
        sql::Params params;
        for (std::size_t i = begin; i < begin + rows_at_once; ++i)
            params.emplace_back(all[std::min(i, all.size() - 1)]);  // the same statement each time
        std::string text = "SELECT name FROM login_names WHERE name IN (?";
        for (std::size_t i = 1; i < rows_at_once; ++i)
            text += ",?";
        for (const sql::Row& row : connection.query(text + ")", params))
            taken.insert(row.text(0));
    }
    return taken;
}

std::unordered_set<std::string> names_of_roles(sql::Connection& connection)
{
    std::unordered_set<std::string> names;
    for (Role& role : list_roles(connection))
        names.insert(std::move(role.name));
    return names;
}

void insert(sql::Connection& connection, std::span<const ImportedUser> users, const std::vector<Names>& names,
            const std::vector<bool>& wanted, TimePoint now)
{
    Rows user_rows(connection, "users (id, username, email, password_hash, disabled, created_at)", 6);
    std::vector<std::string> ids(users.size());
    for (std::size_t i = 0; i < users.size(); ++i) {
        if (!wanted[i])
            continue;
        ids[i] = make_id();
        sql::Value email;
        if (users[i].email)
            email = *users[i].email;
        user_rows.add({ids[i], users[i].username, email, users[i].password_hash, std::int64_t{0}, to_unix_ms(now)});
    }
    user_rows.flush();
    // Behind the users that they refer to.
    Rows name_rows(connection, "login_names (name, user_id)", 2);
    Rows role_rows(connection, "user_roles (user_id, role)", 2);
    for (std::size_t i = 0; i < users.size(); ++i) {
        if (!wanted[i])
            continue;
        name_rows.add({names[i].username, ids[i]});
        if (names[i].email)
            name_rows.add({*names[i].email, ids[i]});
        for (const std::string& role : users[i].roles)
            role_rows.add({ids[i], role});
    }
    name_rows.flush();
    role_rows.flush();
}

}  // namespace

Result<ImportedUser, ImportError> parse_imported_user(std::string_view line)
{
    auto value = parse_json(line);
    if (!value)
        return std::unexpected(ImportError{"", value.error()});
    const json::object* object = value->if_object();
    if (!object)
        return std::unexpected(ImportError{"", "A JSON object is needed here."});
    ImportedUser user;
    for (auto wrong : {find_unknown_member(*object), read_names(*object, user), read_roles(*object, user.roles),
                       read_password(*object, user.password_hash)})
        if (wrong)
            return std::unexpected(*wrong);
    return user;
}

ImportResult insert_imported_users(sql::Connection& connection, std::span<const ImportedUser> users, bool skip_existing,
                                   TimePoint now)
{
    std::vector<Names> names;
    for (const ImportedUser& user : users)
        names.push_back(fold(user));
    auto taken = find_taken(connection, names);
    auto known_roles = names_of_roles(connection);

    ImportResult result;
    std::vector<bool> wanted(users.size(), true);
    std::unordered_set<std::string> here;
    for (std::size_t i = 0; i < users.size(); ++i) {
        auto refuse = [&](std::string_view key, std::string what) {
            wanted[i] = false;
            result.conflicts.push_back({i, {std::string(key), std::move(what)}});
        };
        auto is_known = [&](const std::string& role) { return known_roles.contains(role); };
        auto unknown = std::ranges::find_if_not(users[i].roles, is_known);
        if (unknown != users[i].roles.end()) {
            refuse("roles", fmt::format("There is no role \"{}\".", *unknown));
            continue;
        }
        bool username_taken = taken.contains(names[i].username);
        bool email_taken = names[i].email && taken.contains(*names[i].email);
        if (skip_existing && (username_taken || email_taken))
            wanted[i] = false;
        else if (username_taken || !here.insert(names[i].username).second)
            refuse("username", "Somebody has this user name already.");
        else if (email_taken || (names[i].email && !here.insert(*names[i].email).second))
            refuse("email", "Somebody has this e-mail address already.");
    }
    if (!result.conflicts.empty())
        return result;
    insert(connection, users, names, wanted, now);
    result.imported = static_cast<std::size_t>(std::ranges::count(wanted, true));
    return result;
}

}  // namespace gatehouse::auth
