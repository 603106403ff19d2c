// SPDX-License-Identifier: Apache-2.0
#include "console/sessions.hpp"

#include "base/json.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"
#include "identity/session_cookie.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace gatehouse::console {

namespace {

constexpr std::size_t form_bytes_max = 16 * 1024;
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr std::size_t token_bytes_max =
    3800;  // browsers keep cookies of up to 4096 bytes, name and attributes included

// How long the browser keeps the refresh token; auth decides how long it is good.
constexpr std::chrono::seconds refresh_cookie_age = std::chrono::days{90};

// What auth learns about the browser behind the request, as the gateway wrote it.
constexpr std::array<std::string_view, 7> passed_fields{
    "x-request-id",          "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
    "x-gatehouse-forwarded", "traceparent",     "user-agent"};

// Tokens are base64url with dots or hexadecimal; nothing else may get into a cookie.
bool is_token(std::string_view text)
{
    return !text.empty() && text.size() <= token_bytes_max && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
               c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
    });
}

void require_same_origin(const http::Request& request)
{
    if (!identity::is_same_origin(request))
        throw http::Problem::forbidden("csrf_rejected",
                                       "A console session is changed from the console's own pages only.");
}

// A cookie's value, or "" when there is none that could be a token.
std::string find_token(const http::Request& request, std::string_view cookie)
{
    auto value = identity::find_cookie(request.head.headers, cookie);
    return value && is_token(*value) ? *value : std::string{};
}

void clear_cookies(http::Headers& headers)
{
    headers.add("set-cookie", identity::make_session_cookie(identity::access_cookie, "", std::chrono::seconds{0}));
    headers.add("set-cookie", identity::make_session_cookie(identity::refresh_cookie, "", std::chrono::seconds{0}));
}

// auth's refusal for the browser: the problem itself and when to come again. Not the other fields: a challenge for
// Basic would make the browser ask for a password by itself.
http::Response pass_refusal(int status, const http::Headers& headers, std::string body)
{
    bool is_problem = headers.find("content-type").value_or("").starts_with("application/problem+json");
    if (status < 400 || !is_problem)
        throw http::Problem::bad_gateway(fmt::format("auth answered a session request with status {}", status));
    http::Response response;
    response.status = status;
    response.headers.add("content-type", "application/problem+json");
    if (status == 401)
        response.headers.add("www-authenticate", "Bearer realm=\"gatehouse\"");
    if (auto retry_after = headers.find("retry-after"))
        response.headers.add("retry-after", *retry_after);
    response.body = std::move(body);
    return response;
}

struct Tokens {
    std::string access;
    std::string refresh;
    std::chrono::seconds expires_in{0};
    json::value user;  // null when auth did not tell
};

Tokens parse_tokens(std::string_view body)
{
    auto parsed = parse_json(body);
    const json::object* object = parsed ? parsed->if_object() : nullptr;
    if (!object)
        throw http::Problem::bad_gateway("auth's answer with tokens is not a JSON object");
    Tokens tokens;
    tokens.access = find_string(*object, "access_token").value_or("");
    tokens.refresh = find_string(*object, "refresh_token").value_or("");
    tokens.expires_in = std::chrono::seconds{find_integer(*object, "expires_in").value_or(0)};
    if (const json::value* user = object->if_contains("user"))
        tokens.user = *user;
    if (!is_token(tokens.access) || !is_token(tokens.refresh) || tokens.expires_in.count() <= 0)
        throw http::Problem::bad_gateway("auth's answer lacks a token that a cookie can hold");
    return tokens;
}

http::Response start_session(const Tokens& tokens)
{
    json::object body;
    if (!tokens.user.is_null())
        body["user"] = tokens.user;
    body["expires_in"] = tokens.expires_in.count();
    http::Response response = http::json_response(body);
    response.headers.add("set-cookie",
                         identity::make_session_cookie(identity::access_cookie, tokens.access, tokens.expires_in));
    response.headers.add("set-cookie",
                         identity::make_session_cookie(identity::refresh_cookie, tokens.refresh, refresh_cookie_age));
    return response;
}

std::string refresh_form(const std::string& token) { return json::serialize(json::object{{"refresh_token", token}}); }

}  // namespace

Task<Sessions::Answer> Sessions::post(const http::Request& request, std::string path, std::string body,
                                      std::string bearer)
{
    http::Request inner;
    inner.head.method = "POST";
    inner.head.target = std::move(path);
    for (std::string_view name : passed_fields)
        if (auto value = request.head.headers.find(name))
            inner.head.headers.add(name, *value);
    inner.head.headers.add("accept", "application/json");
    if (!body.empty())
        inner.head.headers.add("content-type", "application/json");
    if (!bearer.empty())
        inner.head.headers.add("authorization", fmt::format("Bearer {}", bearer));
    inner.request_id = request.request_id;
    inner.remote_address = request.remote_address;
    inner.scheme = request.scheme;
    http::StringBody form(std::move(body));
    inner.body = &form;

    http::Response response = co_await auth_.send(inner);
    Answer answer;
    answer.status = response.status;
    answer.headers = std::move(response.headers);
    answer.body = std::move(response.body);
    while (response.stream) {
        std::string_view piece = co_await response.stream->read();
        if (piece.empty())
            break;
        if (piece.size() > answer_bytes_max - std::min(answer.body.size(), answer_bytes_max))
            throw http::Problem::bad_gateway("auth's answer to a session request is too long");
        answer.body += piece;
    }
    co_return answer;
}

Task<http::Response> Sessions::show(http::Request& request)
{
    bool active = !find_token(request, identity::access_cookie).empty();
    bool renewable = !find_token(request, identity::refresh_cookie).empty();
    co_return http::json_response({{"state", active ? "active" : renewable ? "renewable" : "none"}});
}

Task<http::Response> Sessions::log_in(http::Request& request)
{
    require_same_origin(request);
    json::object given = co_await http::read_json(request, form_bytes_max);
    json::object form;
    std::vector<http::FieldError> missing;
    for (std::string_view field : {"username", "password"}) {
        auto value = find_string(given, field);
        if (!value || value->empty())
            missing.push_back({fmt::format("/{}", field), "must be given"});
        else
            form[field] = *value;
    }
    if (!missing.empty())
        throw http::Problem::invalid(std::move(missing));
    if (auto otp = find_string(given, "otp"))
        form["otp"] = *otp;

    Answer answer = co_await post(request, "/login", json::serialize(form), {});
    if (answer.status != 200)
        co_return pass_refusal(answer.status, answer.headers, std::move(answer.body));
    co_return start_session(parse_tokens(answer.body));
}

Task<http::Response> Sessions::refresh(http::Request& request)
{
    require_same_origin(request);
    std::string token = find_token(request, identity::refresh_cookie);
    if (token.empty()) {
        http::Response response = http::Problem::unauthorized("invalid_refresh_token", "There is no session to renew.");
        clear_cookies(response.headers);
        co_return response;
    }
    Answer answer = co_await post(request, "/refresh", refresh_form(token), {});
    if (answer.status == 200)
        co_return start_session(parse_tokens(answer.body));
    http::Response response = pass_refusal(answer.status, answer.headers, std::move(answer.body));
    if (response.status == 401)
        clear_cookies(response.headers);
    co_return response;
}

Task<http::Response> Sessions::log_out(http::Request& request)
{
    require_same_origin(request);
    std::string access = find_token(request, identity::access_cookie);
    std::string refresh = find_token(request, identity::refresh_cookie);

    if (!access.empty() || !refresh.empty()) {
        Answer ended;
        if (!access.empty())
            ended = co_await post(request, "/logout", {}, access);
        // The access token has ended, the session has not.
        if (!refresh.empty() && (access.empty() || ended.status == 401))
            ended = co_await post(request, "/logout", refresh_form(refresh), {});
        // A 401 says that it is over already. When auth cannot end it now, the cookies stay, so that one can try again.
        if (ended.status >= 400 && ended.status != 401)
            co_return pass_refusal(ended.status, ended.headers, std::move(ended.body));
    }
    auto response = http::no_content();
    clear_cookies(response.headers);
    co_return response;
}

}  // namespace gatehouse::console
