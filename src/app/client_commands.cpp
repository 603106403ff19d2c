// SPDX-License-Identifier: Apache-2.0
#include "app/client_commands.hpp"

#include "app/output.hpp"
#include "app/session_file.hpp"
#include "app/terminal.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::app {

namespace {

bool is_this_machine(const std::string& host)
{
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void warn_of_plain_http(const std::string& server)
{
    auto endpoint = http::parse_endpoint(server);
    if (endpoint && endpoint->scheme == "http" && !is_this_machine(endpoint->host))
        fmt::print(stderr, "warning: {} is not encrypted: the password can be read on its way\n", server);
}

HttpCall json_call(std::string target, const json::object& body)
{
    HttpCall call;
    call.method = "POST";
    call.url = std::move(target);
    call.headers = {"Content-Type: application/json", "Accept: application/json"};
    call.body = json::serialize(body);
    return call;
}

bool wants_second_factor(const HttpReply& reply)
{
    auto parsed = parse_json(reply.body);
    return reply.status == 401 && parsed && parsed->is_object() &&
           find_string(parsed->get_object(), "code") == "otp_required";
}

int log_in(const CommandLine& line, ClientSession& session)
{
    std::string name = line.name;
    if (name.empty())
        name = ask_text("User name: ").value_or("");
    if (name.empty())
        throw ClientError("no user name was given", "gatehouse login NAME");
    warn_of_plain_http(session.server());
    Result<Secret, std::string> password = std::unexpected(std::string());
    if (line.password_stdin)
        password = read_password_from_stdin();
    else if (auto typed = ask_secret(fmt::format("Password for {} at {}: ", name, session.server())))
        password = std::move(*typed);
    else
        password = std::unexpected(std::string("no password was typed"));
    if (!password)
        throw ClientError(password.error(), "type it on a terminal, or pipe it in with --password-stdin");
    json::object form{{"username", name}, {"password", password->reveal()}};
    if (line.client.otp)
        form["otp"] = *line.client.otp;
    HttpReply reply = session.call_plainly(json_call("/login", form));
    if (wants_second_factor(reply)) {
        auto code = ask_text("Code of your authenticator app: ");
        if (!code)
            throw ClientError("a code of the authenticator app is needed", "--otp CODE");
        form["otp"] = *code;
        reply = session.call_plainly(json_call("/login", form));
    }
    // There is no session to renew yet: what the server says is the whole story.
    if (reply.status == 401) {
        auto parsed = parse_json(reply.body);
        throw ClientError(parsed && parsed->is_object()
                              ? find_string(parsed->get_object(), "detail").value_or("the server refuses the login")
                              : "the server refuses the login",
                          "look at the name, the password and the server");
    }
    json::object tokens = session.expect_json(reply);
    session_file::Lock lock;
    session.keep(tokens);
    if (line.json)
        fmt::print("{}\n", json::serialize(json::object{{"server", session.server()}, {"username", name}}));
    else
        fmt::print("{} is logged in at {}.\n", name, session.server());
    return 0;
}

int log_out(ClientSession& session)
{
    if (!session.is_kept())
        throw ClientError(fmt::format("nobody is logged in at {}", session.server()), "--server names another server");
    // What is kept here goes whatever the server says; its session ends by itself at last.
    std::string failure;
    try {
        HttpCall call;
        call.method = "POST";
        call.url = "/logout";
        HttpReply reply = session.call(std::move(call));
        if (reply.status >= 300 && reply.status != 401)
            failure = fmt::format("{} answered {}", session.server(), reply.status);
    } catch (const ClientError& error) {
        failure = error.what();
    }
    session_file::Lock lock;
    session.forget();
    if (!failure.empty())
        throw ClientError(fmt::format("the session is forgotten here, but the server was not told: {}", failure),
                          "end it in the console, where your sessions are listed");
    fmt::print("Logged out of {}.\n", session.server());
    return 0;
}

json::array list_files(ClientSession& session, std::size_t limit, bool trash)
{
    constexpr std::size_t page_max = 100;
    json::array items;
    std::string cursor;
    while (items.size() < limit) {
        HttpCall call;
        call.url = fmt::format("/files?limit={}", std::min(page_max, limit - items.size()));
        if (trash)
            call.url += "&trash=true";
        if (!cursor.empty())
            call.url += "&cursor=" + http::percent_encode(cursor);
        json::object page = session.expect_json(session.call(std::move(call)));
        const json::value* list = page.if_contains("items");
        if (!list || !list->is_array() || list->get_array().empty())
            break;
        for (const json::value& item : list->get_array())
            items.push_back(item);
        auto next = find_string(page, "next");
        if (!next || next->empty())
            break;
        cursor = *next;
    }
    return items;
}

// Each file, and below it what was made of it.
json::array with_derived(const json::array& items)
{
    json::array rows;
    for (const json::value& item : items) {
        rows.push_back(item);
        const json::value* derived = item.is_object() ? item.get_object().if_contains("derived") : nullptr;
        if (!derived || !derived->is_array())
            continue;
        for (const json::value& made : derived->get_array()) {
            rows.push_back(made);
            if (json::object* row = rows.back().if_object())
                (*row)["name"] = "  " + find_string(*row, "name").value_or("?");
        }
    }
    return rows;
}

// Does it with each of the ids that were given; 1 when it failed with some.
int for_each_id(const CommandLine& line, const std::function<void(ClientSession&, const std::string&)>& work)
{
    auto all = [&](ClientSession& session) {
        int code = 0;
        for (const std::string& id : line.client.ids) {
            try {
                work(session, id);
            } catch (const ClientError& error) {
                tell_error(fmt::format("{}: {}", id, error.what()), error.next());
                code = 1;
            }
        }
        return code;
    };
    return with_session(line, all);
}

void call_file(ClientSession& session, std::string method, const std::string& rest)
{
    HttpCall call;
    call.method = std::move(method);
    call.url = "/files/" + rest;
    HttpReply reply = session.call(std::move(call));
    if (reply.status >= 300)
        session.fail(reply);
}

}  // namespace

void tell_error(const std::string& what, const std::string& next)
{
    fmt::print(stderr, "gatehouse: {}\n", what);
    if (!next.empty())
        fmt::print(stderr, "  -> {}\n", next);
}

int with_session(const CommandLine& line, const std::function<int(ClientSession&)>& command)
{
    try {
        ClientSession session(line.client);
        return command(session);
    } catch (const ClientError& error) {
        tell_error(error.what(), error.next());
    } catch (const std::exception& error) {
        tell_error(error.what(), "");
    }
    return 1;
}

int client_login(const CommandLine& line)
{
    return with_session(line, [&](ClientSession& session) { return log_in(line, session); });
}

int client_logout(const CommandLine& line) { return with_session(line, log_out); }

int files_list(const CommandLine& line)
{
    auto list = [&](ClientSession& session) {
        json::array items = list_files(session, static_cast<std::size_t>(line.client.limit), line.client.trash);
        if (line.json)
            fmt::print("{}\n", json::serialize(json::object{{"items", std::move(items)}}));
        else
            fmt::print("{}", format_table(with_derived(items),
                                          {{"NAME", "name"},
                                           {"TYPE", "type"},
                                           {"SIZE", "size"},
                                           {"STATE", "state"},
                                           {"CREATED", "created_at"},
                                           {"ID", "id"},
                                           {"REASON", "reason"}},
                                          line.client.trash ? "There is nothing in the trash"
                                                            : "There are no files: gatehouse upload FILE"));
        return 0;
    };
    return with_session(line, list);
}

int files_remove(const CommandLine& line)
{
    std::string end = line.client.permanent ? "?permanent=true" : "";
    return for_each_id(line, [&](ClientSession& session, const std::string& id) {
        call_file(session, "DELETE", http::percent_encode(id) + end);
        fmt::print("Removed {}.\n", id);
    });
}

int files_restore(const CommandLine& line)
{
    return for_each_id(line, [](ClientSession& session, const std::string& id) {
        call_file(session, "POST", http::percent_encode(id) + "/restore");
        fmt::print("Restored {}.\n", id);
    });
}

}  // namespace gatehouse::app
