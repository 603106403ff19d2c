// SPDX-License-Identifier: Apache-2.0
#include "gateway/forward_auth.hpp"

#include "gateway/path.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <initializer_list>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

constexpr std::string_view prefix = "/validate";
constexpr std::size_t method_bytes_max = 32;

// Adds what one more source says.
void agree(std::optional<std::string>& said, std::string_view value, std::string_view what)
{
    if (said && *said != value)
        throw refuse_forward_auth(fmt::format("The {} is named twice, and not the same.", what));
    said = value;
}

std::optional<std::string> read_fields(const http::Headers& headers, std::initializer_list<std::string_view> names,
                                       std::string_view what)
{
    std::optional<std::string> said;
    for (http::Field field : headers)
        for (std::string_view name : names)
            if (field.name == name)
                agree(said, field.value, what);
    return said;
}

bool is_method(std::string_view method)
{
    return !method.empty() && method.size() <= method_bytes_max && tokens::all(method, tokens::token);
}

// The target with its path in normal form; nullopt for what is none, or can be read in different ways.
std::optional<std::string> normalize_target(std::string_view target)
{
    auto path_end = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, path_end);
    std::string_view query = target.substr(path_end);
    if (!tokens::all(path, tokens::path) || (!query.empty() && !tokens::all(query, tokens::query)))
        return std::nullopt;
    auto normal = normalize_path(path);
    if (normal)
        *normal += query;
    return normal;
}

}  // namespace

bool is_forward_auth_path(std::string_view path)
{
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

http::Problem refuse_forward_auth(std::string detail)
{
    return http::Problem::forbidden("forward_auth_refused", std::move(detail));
}

std::optional<OriginalRequest> find_original_request(const http::Request& question, bool needs_host)
{
    const http::Headers& headers = question.head.headers;
    auto method = read_fields(headers, {"x-original-method", "x-forwarded-method"}, "method");
    auto target = read_fields(headers, {"x-original-uri", "x-forwarded-uri"}, "URI");
    std::optional<std::string> host;
    if (needs_host)
        host = read_fields(headers, {"x-original-host", "x-forwarded-host"}, "host");
    if (question.path().size() > prefix.size()) {
        if (needs_host)
            agree(host, headers.find("host").value_or(""), "host");
        agree(target, std::string_view(question.head.target).substr(prefix.size()), "URI");
        agree(method, question.head.method, "method");
    }
    if (!method && !target)
        return std::nullopt;
    if (!method || !target)
        throw refuse_forward_auth("The proxy must say both the method and the URI of the original request.");
    auto normal = normalize_target(*target);
    if (!normal || !is_method(*method))
        throw refuse_forward_auth("The original path has dot segments, empty segments, or an encoding that services "
                                  "read in different ways.");
    if (needs_host && !host)
        throw refuse_forward_auth("Some routes are for some hosts alone: the proxy must name the original host, too.");
    return OriginalRequest{std::move(*method), std::move(*normal), host.value_or("")};
}

}  // namespace gatehouse::gateway
