// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"

#include "app/reloader.hpp"
#include "events/dead_letter_json.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::app {

namespace {

using http::Problem;

constexpr std::size_t dead_letters_max = 1000;
constexpr std::int64_t audit_records_default = 50;
constexpr std::int64_t audit_records_max = 1000;

std::string require_text(const json::object& arguments, std::string_view key)
{
    auto text = find_string(arguments, key);
    if (!text || text->empty())
        throw Problem::bad_request("invalid_request", fmt::format("the argument `{}` is missing", key));
    return *text;
}

// What is no text in the list becomes an empty one, which no command takes.
std::vector<std::string> texts_of(const json::object& arguments, std::string_view key)
{
    std::vector<std::string> texts;
    const json::value* list = arguments.if_contains(key);
    if (list && list->is_array())
        for (const json::value& item : list->get_array())
            texts.emplace_back(item.is_string() ? std::string_view(item.get_string()) : std::string_view());
    return texts;
}

// What auth's commands answer, or its sentence for the operator.
template <class Info>
json::value value_or_problem(const Result<Info, std::string>& outcome)
{
    if (!outcome)
        throw Problem::conflict("command_failed", outcome.error());
    return auth::to_json(*outcome);
}

// The same of a command that may have revoked tokens: the servers are told.
template <class Info>
json::value changed_or_problem(CommandContext& context, const Result<Info, std::string>& outcome)
{
    if (outcome)
        context.on_users_changed();
    return value_or_problem(outcome);
}

template <class Info>
json::value list_of(const std::vector<Info>& infos)
{
    json::array items;
    for (const Info& info : infos)
        items.push_back(auth::to_json(info));
    return json::object{{"items", std::move(items)}};
}

json::value user_add(CommandContext& context, const json::object& arguments)
{
    auth::Commands::AddUser form;
    form.username = require_text(arguments, "name");
    form.email = find_string(arguments, "email");
    form.password = Secret(require_text(arguments, "password"));
    form.roles = texts_of(arguments, "roles");
    auto added = context.users->add_user(std::move(form));
    if (added)
        context.on_users_changed();
    return value_or_problem(added);
}

json::value user_list(CommandContext& context, const json::object&) { return list_of(context.users->list_users()); }

json::value user_show(CommandContext& context, const json::object& arguments)
{
    return value_or_problem(context.users->show_user(require_text(arguments, "name")));
}

json::value user_passwd(CommandContext& context, const json::object& arguments)
{
    Secret password(require_text(arguments, "password"));
    return changed_or_problem(context,
                              context.users->set_password(require_text(arguments, "name"), std::move(password)));
}

json::value user_disable(CommandContext& context, const json::object& arguments)
{
    return changed_or_problem(context, context.users->set_disabled(require_text(arguments, "name"), true));
}

json::value user_enable(CommandContext& context, const json::object& arguments)
{
    return value_or_problem(context.users->set_disabled(require_text(arguments, "name"), false));
}

json::value user_remove(CommandContext& context, const json::object& arguments)
{
    return changed_or_problem(context, context.users->remove_user(require_text(arguments, "name")));
}

json::value user_totp_reset(CommandContext& context, const json::object& arguments)
{
    return value_or_problem(context.users->reset_totp(require_text(arguments, "name")));
}

json::value user_import(CommandContext& context, const json::object& arguments)
{
    const json::value* lines = arguments.if_contains("lines");
    if (!lines || !lines->is_array())
        throw Problem::bad_request("invalid_request", "the argument `lines` is missing");
    std::vector<auth::ImportedUser> users;
    for (const json::value& line : lines->get_array()) {
        auto user = auth::parse_imported_user(line.is_string() ? std::string_view(line.get_string()) : "");
        if (!user)
            throw Problem::bad_request("invalid_request", fmt::format("{}: {}", user.error().key, user.error().what));
        users.push_back(std::move(*user));
    }
    const json::value* skip = arguments.if_contains("skip_existing");
    auto result = context.users->import_users(users, skip && skip->is_bool() && skip->get_bool());
    if (result.imported > 0)
        context.on_users_changed();
    json::array errors;
    for (const auto& conflict : result.conflicts)
        errors.push_back({{"index", conflict.index}, {"key", conflict.error.key}, {"what", conflict.error.what}});
    return json::object{{"imported", result.imported}, {"errors", std::move(errors)}};
}

json::value user_roles(CommandContext& context, const json::object& arguments)
{
    return changed_or_problem(context,
                              context.users->set_roles(require_text(arguments, "name"), texts_of(arguments, "roles")));
}

auth::Commands::RoleForm role_form(const json::object& arguments)
{
    return {require_text(arguments, "name"), find_string(arguments, "description"), texts_of(arguments, "permissions")};
}

json::value role_list(CommandContext& context, const json::object&) { return list_of(context.users->list_roles()); }

json::value role_add(CommandContext& context, const json::object& arguments)
{
    return value_or_problem(context.users->add_role(role_form(arguments)));
}

json::value role_set(CommandContext& context, const json::object& arguments)
{
    return changed_or_problem(context, context.users->set_role(role_form(arguments)));
}

json::value role_remove(CommandContext& context, const json::object& arguments)
{
    return value_or_problem(context.users->remove_role(require_text(arguments, "name")));
}

json::value key_list(CommandContext& context, const json::object&) { return list_of(context.users->list_keys()); }

json::value key_rotate(CommandContext& context, const json::object& arguments)
{
    auto ahead = find_bool(arguments, "now").value_or(false) ? std::chrono::seconds{0} : context.auth.key_publish_ahead;
    auto made = context.users->rotate_key({context.auth.signing_algorithm, context.auth.access_token_ttl, ahead});
    if (made)
        context.on_keys_changed();
    return value_or_problem(made);
}

json::value audit_list(CommandContext& context, const json::object& arguments)
{
    auth::AuditFilter filter;
    filter.type = find_string(arguments, "type").value_or("");
    filter.actor = find_string(arguments, "actor").value_or("");
    filter.target = find_string(arguments, "target").value_or("");
    auto limit = find_integer(arguments, "limit").value_or(audit_records_default);
    if (limit < 1 || limit > audit_records_max)
        throw Problem::bad_request("invalid_request", fmt::format("the limit must be from 1 to {}", audit_records_max));
    return list_of(context.users->list_audit(filter, static_cast<std::size_t>(limit)));
}

json::value audit_verify(CommandContext& context, const json::object& arguments)
{
    std::optional<auth::Commands::KnownHead> known;
    if (auto head = find_string(arguments, "known_head"))
        known = {find_integer(arguments, "known_count").value_or(0), *head};
    auth::AuditCheck check = context.users->verify_audit(known);
    bool valid = check.wrong.empty();
    json::object result;
    result["valid"] = valid;
    result["count"] = check.count;
    result["head"] = check.head;
    result["first_wrong"] = valid ? json::value(nullptr) : json::value(check.first_wrong);
    result["reason"] = valid ? json::value(nullptr) : json::value(json::string(check.wrong));
    return result;
}

json::value config_reload(CommandContext& context, const json::object&) { return to_json(context.reloader->reload()); }
json::value config_diff(CommandContext& context, const json::object&) { return to_json(context.reloader->compare()); }

Problem no_such_letter(std::string_view id)
{
    return Problem::not_found("dead_letter_not_found", fmt::format("there is no dead letter \"{}\"", id));
}

Task<json::value> dead_list(CommandContext& context, json::object)
{
    json::array items;
    auto letters = co_await context.queue->dead_letters(dead_letters_max);
    for (const events::DeadLetter& letter : letters)
        items.push_back(events::to_json(letter));
    co_return json::object{{"items", std::move(items)}};
}

Task<json::value> dead_show(CommandContext& context, json::object arguments)
{
    auto id = require_text(arguments, "id");
    auto letter = co_await context.queue->find_dead_letter(id);
    if (!letter)
        throw no_such_letter(id);
    co_return events::to_json_with_event(*letter);
}

Task<json::value> dead_retry(CommandContext& context, json::object arguments)
{
    auto id = require_text(arguments, "id");
    bool done = co_await context.queue->retry_dead_letter(id);
    if (!done)
        throw no_such_letter(id);
    co_return json::object{{"id", id}};
}

Task<json::value> dead_drop(CommandContext& context, json::object arguments)
{
    auto id = require_text(arguments, "id");
    bool done = co_await context.queue->drop_dead_letter(id);
    if (!done)
        throw no_such_letter(id);
    co_return json::object{{"id", id}};
}

struct BlockingCommand {
    std::string_view name;
    json::value (*run)(CommandContext&, const json::object&);
};
constexpr BlockingCommand blocking_commands[] = {
    {"user.add", user_add},       {"user.list", user_list},       {"user.show", user_show},
    {"user.passwd", user_passwd}, {"user.disable", user_disable}, {"user.enable", user_enable},
    {"user.remove", user_remove}, {"user.roles", user_roles},     {"user.totp_reset", user_totp_reset},
    {"user.import", user_import}, {"role.list", role_list},       {"role.add", role_add},
    {"role.set", role_set},       {"role.remove", role_remove},   {"key.list", key_list},
    {"key.rotate", key_rotate},   {"audit.list", audit_list},     {"audit.verify", audit_verify},
};

constexpr BlockingCommand server_commands[] = {{"config.reload", config_reload}, {"config.diff", config_diff}};

struct QueueCommand {
    std::string_view name;
    Task<json::value> (*run)(CommandContext&, json::object);
};
constexpr QueueCommand queue_commands[] = {
    {"dead.list", dead_list}, {"dead.show", dead_show}, {"dead.retry", dead_retry}, {"dead.drop", dead_drop}};

}  // namespace

Task<json::value> run_command(CommandContext& context, std::string name, json::object arguments)
{
    for (const QueueCommand& command : queue_commands) {
        if (command.name != name)
            continue;
        if (!context.queue)
            throw Problem::conflict("command_failed", "no role that uses events runs in this process");
        co_return co_await command.run(context, std::move(arguments));
    }
    for (const BlockingCommand& command : blocking_commands) {
        if (command.name != name)
            continue;
        if (!context.users)
            throw Problem::conflict("command_failed", "the role auth does not run in this process");
        auto job = [&] { return command.run(context, arguments); };
        co_return co_await context.pool.run(job);
    }
    if (name == "config.explain") {
        if (!context.explain)
            throw Problem::conflict("command_failed", "the role gateway does not run in this process");
        co_return co_await context.explain(std::move(arguments));
    }
    for (const BlockingCommand& command : server_commands) {
        if (command.name != name)
            continue;
        if (!context.reloader)
            throw Problem::conflict("command_failed", "no server runs");
        auto job = [&] { return command.run(context, arguments); };
        co_return co_await context.pool.run(job);
    }
    throw Problem::not_found("not_found", fmt::format("there is no command {}", name));
}

}  // namespace gatehouse::app
