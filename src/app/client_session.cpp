// SPDX-License-Identifier: Apache-2.0
#include "app/client_session.hpp"

#include "app/session_file.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace gatehouse::app {

namespace {

constexpr std::string_view default_server = "http://localhost:8080";
constexpr std::chrono::seconds refresh_before{30};

std::optional<std::string> find_variable(const char* name)
{
    const char* value = std::getenv(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

std::string checked_server(std::string url)
{
    auto endpoint = http::parse_endpoint(url);
    if (!endpoint || (endpoint->scheme != "http" && endpoint->scheme != "https"))
        throw ClientError(fmt::format("`{}` is no URL of a server", url), "--server http://host:port or https://host");
    while (url.ends_with('/'))
        url.pop_back();
    return url;
}

// 423: a request that broke off is still at work there.
bool is_passing(int status)
{
    constexpr std::array<int, 6> passing{408, 423, 429, 502, 503, 504};
    return std::ranges::find(passing, status) != passing.end();
}

std::string next_after(const HttpFailure& failure, const std::string& server)
{
    switch (failure.kind()) {
    case HttpFailure::Kind::connect:
        return fmt::format("is it running at {}? --server or GATEHOUSE_SERVER names another one", server);
    case HttpFailure::Kind::certificate:
        return "--ca FILE names the authority of its certificate, if the system does not know it";
    case HttpFailure::Kind::broken: break;
    }
    return "try again";
}

std::string next_after(const HttpReply& reply, const std::string& code, const std::string& server, bool given)
{
    switch (reply.status) {
    case 401:
        return given ? "the token may have expired: give another one, or none and gatehouse login"
                     : fmt::format("gatehouse login --server {}", server);
    case 403: return "somebody with admin:users can give you a role with that permission (gatehouse user roles)";
    case 404: return code == "file_not_found" ? "gatehouse files list" : "see that --server names a Gatehouse";
    case 413: return "files.upload_bytes_max of the server is the limit";
    case 429:
    case 503: {
        auto wait = reply.headers.find("retry-after");
        return wait == reply.headers.end() ? "try again in a moment" : fmt::format("try again in {} s", wait->second);
    }
    case 301:
    case 302:
    case 307:
    case 308: {
        auto location = reply.headers.find("location");
        return location == reply.headers.end() ? "use the server's own URL with --server"
                                               : fmt::format("it is at {}: --server", location->second);
    }
    default: return reply.status >= 500 ? "the log of the server knows more" : "";
    }
}

}  // namespace

ClientSession::ClientSession(const ClientLine& line) : ca_(line.ca)
{
    auto server = line.server ? line.server : find_variable("GATEHOUSE_SERVER");
    if (!server)
        server = session_file::find_current();
    server_ = checked_server(server.value_or(std::string(default_server)));
    auto token = line.token ? line.token : find_variable("GATEHOUSE_TOKEN");
    if (token) {
        token_ = Secret(std::move(*token));
        given_ = true;
    } else {
        load();
    }
}

void ClientSession::load()
{
    auto kept = session_file::find(server_);
    if (!kept)
        return;
    token_ = std::move(kept->access_token);
    refresh_token_ = std::move(kept->refresh_token);
    expires_ = kept->expires;
    if (ca_.empty())
        ca_ = kept->ca;
}

HttpReply ClientSession::call_plainly(HttpCall call) const
{
    call.url = url_of(call.url);
    call.ca = ca_;
    try {
        return http_call(call);
    } catch (const HttpFailure& failure) {
        throw ClientError(fmt::format("{}: {}", server_, failure.what()), next_after(failure, server_),
                          failure.kind() != HttpFailure::Kind::certificate);
    }
}

HttpReply ClientSession::call(HttpCall call)
{
    if (!token_)
        throw ClientError(fmt::format("nobody is logged in at {}", server_),
                          fmt::format("gatehouse login --server {}, or give a token by GATEHOUSE_TOKEN", server_));
    bool fresh = given_;
    if (!given_ && expires_ - std::chrono::system_clock::now() < refresh_before) {
        refresh();
        fresh = true;
    }
    auto send = [&] {
        HttpCall with_token = call;
        with_token.headers.push_back(fmt::format("Authorization: Bearer {}", token_->reveal()));
        return call_plainly(std::move(with_token));
    };
    HttpReply reply = send();
    if (reply.status != 401 || fresh)
        return reply;
    refresh();
    return send();
}

void ClientSession::refresh()
{
    session_file::Lock lock;
    // Another command may have done it meanwhile.
    auto before = token_;
    load();
    bool other = before && token_ && !constant_time_equal(before->reveal(), token_->reveal());
    if (other && expires_ - std::chrono::system_clock::now() >= refresh_before)
        return;
    if (!refresh_token_)
        throw ClientError(fmt::format("nobody is logged in at {}", server_),
                          fmt::format("gatehouse login --server {}", server_));
    HttpCall call;
    call.method = "POST";
    call.url = "/refresh";
    call.headers = {"Content-Type: application/json", "Accept: application/json"};
    call.body = json::serialize(json::object{{"refresh_token", refresh_token_->reveal()}});
    HttpReply reply = call_plainly(std::move(call));
    if (reply.status == 401)
        throw ClientError(fmt::format("the session at {} is over", server_),
                          fmt::format("gatehouse login --server {}", server_));
    keep(expect_json(reply));
}

void ClientSession::keep(const json::object& tokens)
{
    auto access = find_string(tokens, "access_token");
    auto refresh = find_string(tokens, "refresh_token");
    if (!access || !refresh)
        throw ClientError(fmt::format("{} did not answer with tokens", server_), "see that --server names a Gatehouse");
    token_ = Secret(std::move(*access));
    refresh_token_ = Secret(std::move(*refresh));
    expires_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
               std::chrono::seconds{find_integer(tokens, "expires_in").value_or(0)};
    session_file::keep(server_, {*token_, *refresh_token_, expires_, ca_});
}

void ClientSession::forget() { session_file::forget(server_); }

json::object ClientSession::expect_json(const HttpReply& reply) const
{
    if (reply.status < 200 || reply.status >= 300)
        fail(reply);
    auto parsed = parse_json(reply.body);
    if (!parsed || !parsed->is_object())
        throw ClientError(fmt::format("{} did not answer with JSON", server_), "see that --server names a Gatehouse");
    return parsed->as_object();
}

void ClientSession::fail(const HttpReply& reply) const
{
    auto parsed = parse_json(reply.body);
    std::string code;
    std::string detail;
    if (parsed && parsed->is_object()) {
        const json::object& problem = parsed->get_object();
        code = find_string(problem, "code").value_or("");
        detail = find_string(problem, "detail").value_or(find_string(problem, "title").value_or(""));
    }
    throw ClientError(fmt::format("{} answered {}{}{}", server_, reply.status, detail.empty() ? "" : ": ", detail),
                      next_after(reply, code, server_, given_), is_passing(reply.status));
}

}  // namespace gatehouse::app
