// SPDX-License-Identifier: Apache-2.0
#include "identity/session_cookie.hpp"

#include "base/error.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace gatehouse::identity {

namespace {

struct Cookie {
    std::string_view name, value;
    std::string_view text;  // both, as they were sent
};

// Calls visit(Cookie) for each pair of a Cookie field (RFC 6265 section 5.4). A pair without '=' has only a value.
template <class Visit>
void for_each_cookie(std::string_view field, Visit visit)
{
    while (true) {
        std::size_t end = field.find(';');
        std::string_view pair = http::tokens::trim(field.substr(0, end));
        std::size_t equals = pair.find('=');
        if (equals == pair.npos)
            visit(Cookie{{}, pair, pair});
        else
            visit(
                Cookie{http::tokens::trim(pair.substr(0, equals)), http::tokens::trim(pair.substr(equals + 1)), pair});
        if (end == field.npos)
            return;
        field.remove_prefix(end + 1);
    }
}

// cookie-octet of RFC 6265 section 4.1.1.
bool is_cookie_text(std::string_view text)
{
    return std::ranges::all_of(
        text, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'; });
}

// Without the port that the scheme has anyway.
std::string_view without_default_port(std::string_view authority, std::string_view scheme)
{
    std::string_view port = scheme == "https" ? ":443" : ":80";
    if (authority.ends_with(port))
        authority.remove_suffix(port.size());
    return authority;
}

}  // namespace

std::optional<std::string> find_cookie(const http::Headers& headers, std::string_view name)
{
    std::optional<std::string> value;
    std::size_t count = 0;
    for (http::Field field : headers) {
        if (field.name != "cookie")
            continue;
        for_each_cookie(field.value, [&](Cookie cookie) {
            if (cookie.name == name && ++count == 1)
                value = cookie.value;
        });
    }
    // Two of one name: somebody else planted one of them.
    if (count != 1)
        return std::nullopt;
    return value;
}

void strip_session_cookies(http::Headers& headers)
{
    auto is_ours = [](Cookie cookie) { return cookie.name == access_cookie || cookie.name == refresh_cookie; };
    bool found = false;
    std::vector<std::string> fields;
    for (http::Field field : headers) {
        if (field.name != "cookie")
            continue;
        std::string kept;
        for_each_cookie(field.value, [&](Cookie cookie) {
            if (is_ours(cookie)) {
                found = true;
                return;
            }
            if (!kept.empty())
                kept += "; ";
            kept += cookie.text;
        });
        if (!kept.empty())
            fields.push_back(std::move(kept));
    }
    if (!found)
        return;
    headers.remove("cookie");
    for (const std::string& field : fields)
        headers.add("cookie", field);
}

std::string make_session_cookie(std::string_view name, std::string_view value, std::chrono::seconds max_age)
{
    GH_ASSERT(is_cookie_text(name) && is_cookie_text(value));
    return fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", name, value, max_age.count());
}

bool is_same_origin(const http::Request& request)
{
    const http::Headers& headers = request.head.headers;
    if (auto site = headers.find("sec-fetch-site"))
        return *site == "same-origin" && headers.count("sec-fetch-site") == 1;

    auto origin = headers.find("origin");
    auto host = headers.find("host");
    if (!origin || !host || headers.count("origin") != 1 || headers.count("host") != 1 || host->empty())
        return false;
    std::string prefix = request.scheme + "://";
    if (!origin->starts_with(prefix))
        return false;
    return http::iequals(without_default_port(origin->substr(prefix.size()), request.scheme),
                         without_default_port(*host, request.scheme));
}

}  // namespace gatehouse::identity
