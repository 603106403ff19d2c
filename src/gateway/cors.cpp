// SPDX-License-Identifier: Apache-2.0
#include "gateway/cors.hpp"

#include "http/problem.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace gatehouse::gateway {

namespace {

const std::vector<std::string> usual_methods{"GET", "POST", "PUT", "PATCH", "DELETE"};

constexpr std::array<std::string_view, 6> protocol_fields{
    "access-control-allow-origin",  "access-control-allow-credentials", "access-control-expose-headers",
    "access-control-allow-methods", "access-control-allow-headers",     "access-control-max-age"};

std::string allowed_headers(const std::vector<std::string>& headers)
{
    std::string list = fmt::format("{}", fmt::join(headers, ", "));
    // The star does not stand for Authorization (Fetch, section 3.3.4).
    return list == "*" ? "*, authorization" : list;
}

}  // namespace

std::optional<std::string_view> find_preflight_method(const http::RequestHead& head)
{
    if (head.method != "OPTIONS" || !head.headers.contains("origin"))
        return std::nullopt;
    return head.headers.find("access-control-request-method");
}

Cors::Cors(const CorsConfig& config, const std::vector<std::string>& route_methods)
    : origins_(config.origins), any_origin_(std::ranges::find(config.origins, "*") != config.origins.end()),
      credentials_(config.credentials), methods_(fmt::format("{}", fmt::join(!config.methods.empty() ? config.methods
                                                                             : route_methods.empty() ? usual_methods
                                                                                                     : route_methods,
                                                                             ", "))),
      headers_(allowed_headers(config.headers)), expose_(fmt::format("{}", fmt::join(config.expose, ", "))),
      max_age_(std::to_string(config.max_age.count()))
{
}

bool Cors::allows(std::string_view origin) const
{
    return !origin.empty() && (any_origin_ || std::ranges::find(origins_, origin) != origins_.end());
}

http::Response Cors::answer_preflight(const http::Request& request) const
{
    std::string_view origin = request.head.headers.find("origin").value_or("");
    http::Response response =
        allows(origin) ? http::no_content()
                       : http::Problem::forbidden("cors_refused", "Pages of this origin may not use this path.")
                             .to_response(request.request_id);
    set_fields(response.headers, origin);
    response.headers.add("vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
    if (!allows(origin))
        return response;
    response.headers.set("access-control-allow-methods", methods_);
    if (!headers_.empty())
        response.headers.set("access-control-allow-headers", headers_);
    response.headers.set("access-control-max-age", max_age_);
    return response;
}

void Cors::set_fields(http::Headers& headers, std::string_view origin) const
{
    for (std::string_view name : protocol_fields)
        headers.remove(name);
    if (!any_origin_)
        headers.add("vary", "Origin");
    if (!allows(origin))
        return;
    headers.set("access-control-allow-origin", any_origin_ ? "*" : origin);
    if (credentials_)
        headers.set("access-control-allow-credentials", "true");
    if (!expose_.empty())
        headers.set("access-control-expose-headers", expose_);
}

}  // namespace gatehouse::gateway
