// SPDX-License-Identifier: Apache-2.0
#include "identity/bearer.hpp"

#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::identity {

namespace {

constexpr std::string_view challenge = R"(Bearer realm="gatehouse")";

// b64token: letters, digits and "-._~+/", then any number of '='.
bool is_token_text(std::string_view text)
{
    auto last = text.find_last_not_of('=');
    if (last == text.npos)
        return false;
    return std::ranges::all_of(text.substr(0, last + 1), [](char c) {
        return http::tokens::is(c, http::tokens::unreserved) || c == '+' || c == '/';
    });
}

}  // namespace

std::optional<std::string_view> find_bearer_token(const http::Headers& headers)
{
    constexpr std::string_view scheme = "Bearer";
    auto field = headers.find("authorization");
    if (!field)
        return std::string_view{};
    if (headers.count("authorization") != 1)
        return std::nullopt;
    if (!http::iequals(field->substr(0, scheme.size()), scheme) ||
        (field->size() > scheme.size() && (*field)[scheme.size()] != ' '))
        return std::string_view{};
    std::string_view token = field->substr(scheme.size());
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
    if (!is_token_text(token))
        return std::nullopt;
    return token;
}

http::Problem unauthenticated()
{
    auto problem = http::Problem::unauthorized("unauthenticated", "This needs a token: log in first.");
    problem.with_header("www-authenticate", challenge);
    return problem;
}

http::Problem malformed_credentials()
{
    auto problem = http::Problem::bad_request("invalid_request", "The Authorization field is malformed.");
    problem.with_header("www-authenticate", fmt::format(R"({}, error="invalid_request")", challenge));
    return problem;
}

http::Problem invalid_token(TokenError error)
{
    std::string reason(describe(error));
    auto problem = http::Problem::unauthorized("invalid_token", reason);
    problem.with_header("www-authenticate",
                        fmt::format(R"({}, error="invalid_token", error_description="{}")", challenge, reason));
    return problem;
}

http::Problem insufficient_scope(std::string_view permission)
{
    auto problem =
        http::Problem::forbidden("insufficient_scope", fmt::format("This needs the permission {}.", permission));
    problem.with_header("www-authenticate",
                        fmt::format(R"({}, error="insufficient_scope", scope="{}")", challenge, permission));
    return problem;
}

}  // namespace gatehouse::identity
