// SPDX-License-Identifier: Apache-2.0
#include "app/cli_commands.hpp"

#include "app/command_target.hpp"
#include "app/output.hpp"
#include "app/terminal.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

// The result of a command; nullopt when it failed, which has been told.
std::optional<json::value> run(const Config& config, const std::string& name, json::object arguments)
{
    try {
        return CommandTarget(config, name).run(name, std::move(arguments));
    } catch (const http::Problem& problem) {
        fmt::print(stderr, "gatehouse: {}\n", problem.what());
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
    }
    return std::nullopt;
}

using Print = std::string (*)(const json::value& result);

// What came out, printed already; without a value the exit code says why.
struct Told {
    std::optional<json::value> value;
    int code = 0;
};

Told run_and_tell(const CommandLine& line, const std::string& name, json::object arguments, Print print)
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return {std::nullopt, 2};
    // People look at the result here, not at the log of a server.
    log::configure(log::Format::text, std::max(loaded->config.log.level, log::Level::warn));
    auto result = run(loaded->config, name, std::move(arguments));
    if (!result)
        return {std::nullopt, 1};
    fmt::print("{}", line.json ? json::serialize(*result) + "\n" : print(*result));
    return {std::move(result), 0};
}

int run_and_print(const CommandLine& line, const std::string& name, json::object arguments, Print print)
{
    return run_and_tell(line, name, std::move(arguments), print).code;
}

const json::array& items_of(const json::value& result) { return result.as_object().at("items").as_array(); }

std::string name_of(const json::value& result) { return find_string(result.as_object(), "username").value_or("?"); }

std::string print_users(const json::value& result)
{
    return format_table(items_of(result),
                        {{"NAME", "username"},
                         {"EMAIL", "email"},
                         {"ROLES", "roles"},
                         {"DISABLED", "disabled"},
                         {"CREATED", "created_at"},
                         {"ID", "id"}},
                        "There is no user yet.");
}
std::string print_keys(const json::value& result)
{
    return format_table(items_of(result),
                        {{"KID", "kid"},
                         {"ALGORITHM", "algorithm"},
                         {"STATE", "state"},
                         {"CREATED", "created_at"},
                         {"SIGNS FROM", "activates_at"},
                         {"UNTIL", "retires_at"}},
                        "There is no key yet: the first start makes one.");
}
std::string print_audit(const json::value& result)
{
    return format_table(items_of(result),
                        {{"NUMBER", "number"},
                         {"AT", "at"},
                         {"TYPE", "type"},
                         {"ACTOR", "actor"},
                         {"TARGET", "target"},
                         {"ADDRESS", "address"},
                         {"DETAILS", "details"}},
                        "There is no such record.");
}
std::string print_verified(const json::value& result)
{
    const json::object& check = result.as_object();
    auto count = find_integer(check, "count").value_or(0);
    auto head = find_string(check, "head").value_or("");
    if (find_bool(check, "valid").value_or(false))
        return count == 0 ? "The log is empty.\n" : fmt::format("{} records are right: {}:{}\n", count, count, head);
    return fmt::format("Record {} is wrong: {}.\n", find_integer(check, "first_wrong").value_or(0),
                       find_string(check, "reason").value_or("?"));
}
std::string print_roles(const json::value& result)
{
    return format_table(
        items_of(result),
        {{"NAME", "name"}, {"PERMISSIONS", "permissions"}, {"BUILT-IN", "built_in"}, {"DESCRIPTION", "description"}},
        "There is no role.");
}
std::string print_letters(const json::value& result)
{
    return format_table(items_of(result),
                        {{"ID", "id"},
                         {"TYPE", "type"},
                         {"SUBJECT", "subject"},
                         {"ATTEMPTS", "attempts"},
                         {"FAILED", "failed_at"},
                         {"REASON", "reason"}},
                        "There are no dead letters.");
}
std::string print_record(const json::value& result) { return format_record(result.as_object()); }

std::string print_added(const json::value& result) { return fmt::format("Added {}.\n", name_of(result)); }
std::string print_passwd(const json::value& result) { return fmt::format("{} has a new password.\n", name_of(result)); }
std::string print_disabled(const json::value& result) { return fmt::format("{} is locked out.\n", name_of(result)); }
std::string print_enabled(const json::value& result) { return fmt::format("{} may log in.\n", name_of(result)); }
std::string print_totp_reset(const json::value& result)
{
    return fmt::format("{} needs no second factor any more.\n", name_of(result));
}
std::string print_removed(const json::value& result) { return fmt::format("Removed {}.\n", name_of(result)); }
std::string print_given(const json::value& result)
{
    return fmt::format("{} has other roles now. Tokens from before are refused: refresh them, or log in again.\n",
                       name_of(result));
}
std::string role_of(const json::value& result) { return find_string(result.as_object(), "name").value_or("?"); }
std::string print_role_added(const json::value& result) { return fmt::format("Added the role {}.\n", role_of(result)); }
std::string print_role_set(const json::value& result)
{
    return fmt::format("{} stands for other permissions from the next request on.\n", role_of(result));
}
std::string print_role_removed(const json::value& result)
{
    return fmt::format("Removed the role {}.\n", role_of(result));
}
std::string print_rotated(const json::value& result)
{
    auto text = [&](std::string_view member) { return find_string(result.as_object(), member).value_or("?"); };
    return fmt::format("{} is published now and signs from {} on.\n", text("kid"), text("activates_at"));
}
std::string print_retried(const json::value&) { return "It is back in its queue.\n"; }
std::string print_dropped(const json::value&) { return "Dropped.\n"; }

json::object named(const CommandLine& line) { return {{"name", line.name}}; }
json::object identified(const CommandLine& line) { return {{"id", line.id}}; }

json::object role_named(const CommandLine& line)
{
    json::object arguments = named(line);
    if (line.description)
        arguments["description"] = *line.description;
    arguments["permissions"] = json::array(line.permissions.begin(), line.permissions.end());
    return arguments;
}

// Adds "password"; false, and a sentence on standard error, when there is none.
bool add_password(const CommandLine& line, json::object& arguments)
{
    auto password = line.password_stdin ? read_password_from_stdin() : ask_new_password(line.name);
    if (!password) {
        fmt::print(stderr, "gatehouse: {}\n", password.error());
        return false;
    }
    arguments["password"] = password->reveal();
    return true;
}

}  // namespace

int user_add(const CommandLine& line)
{
    json::object arguments = named(line);
    if (line.email)
        arguments["email"] = *line.email;
    if (!line.user_roles.empty())
        arguments["roles"] = json::array(line.user_roles.begin(), line.user_roles.end());
    if (!add_password(line, arguments))
        return 2;
    return run_and_print(line, "user.add", std::move(arguments), print_added);
}

int user_passwd(const CommandLine& line)
{
    json::object arguments = named(line);
    if (!add_password(line, arguments))
        return 2;
    return run_and_print(line, "user.passwd", std::move(arguments), print_passwd);
}

int user_list(const CommandLine& line) { return run_and_print(line, "user.list", {}, print_users); }
int user_show(const CommandLine& line) { return run_and_print(line, "user.show", named(line), print_record); }
int user_disable(const CommandLine& line) { return run_and_print(line, "user.disable", named(line), print_disabled); }
int user_enable(const CommandLine& line) { return run_and_print(line, "user.enable", named(line), print_enabled); }
int user_remove(const CommandLine& line) { return run_and_print(line, "user.remove", named(line), print_removed); }
int user_totp_reset(const CommandLine& line)
{
    return run_and_print(line, "user.totp_reset", named(line), print_totp_reset);
}
int user_roles(const CommandLine& line)
{
    json::object arguments = named(line);
    arguments["roles"] = json::array(line.user_roles.begin(), line.user_roles.end());
    return run_and_print(line, "user.roles", std::move(arguments), print_given);
}
int role_list(const CommandLine& line) { return run_and_print(line, "role.list", {}, print_roles); }
int role_add(const CommandLine& line) { return run_and_print(line, "role.add", role_named(line), print_role_added); }
int role_set(const CommandLine& line) { return run_and_print(line, "role.set", role_named(line), print_role_set); }
int role_remove(const CommandLine& line) { return run_and_print(line, "role.remove", named(line), print_role_removed); }
int key_list(const CommandLine& line) { return run_and_print(line, "key.list", {}, print_keys); }
int key_rotate(const CommandLine& line)
{
    return run_and_print(line, "key.rotate", {{"now", line.now}}, print_rotated);
}
int audit_list(const CommandLine& line)
{
    json::object arguments{{"limit", line.audit_limit}};
    for (auto [name, value] : {std::pair{"type", &line.audit_type}, std::pair{"actor", &line.audit_actor},
                               std::pair{"target", &line.audit_target}})
        if (!value->empty())
            arguments[name] = *value;
    return run_and_print(line, "audit.list", std::move(arguments), print_audit);
}

int audit_verify(const CommandLine& line)
{
    json::object arguments;
    if (!line.known_head.empty()) {
        std::string_view count = line.known_head;
        auto head = cut_at(count, ':');
        auto number = read_number<std::int64_t>(count);
        if (!head || head->empty() || !number || *number < 1) {
            fmt::print(stderr, "gatehouse: --known takes NUMBER:HASH, as an earlier run printed it\n");
            return 2;
        }
        arguments["known_count"] = *number;
        arguments["known_head"] = *head;
    }
    auto result = run_and_tell(line, "audit.verify", std::move(arguments), print_verified);
    if (!result.value)
        return result.code;
    return find_bool(result.value->as_object(), "valid").value_or(false) ? 0 : 1;
}

int dead_list(const CommandLine& line) { return run_and_print(line, "dead.list", {}, print_letters); }
int dead_show(const CommandLine& line) { return run_and_print(line, "dead.show", identified(line), print_record); }
int dead_retry(const CommandLine& line) { return run_and_print(line, "dead.retry", identified(line), print_retried); }
int dead_drop(const CommandLine& line) { return run_and_print(line, "dead.drop", identified(line), print_dropped); }

}  // namespace gatehouse::app
