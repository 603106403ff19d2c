// SPDX-License-Identifier: Apache-2.0
#include "gateway/https_only.hpp"

#include "http/url.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace gatehouse::gateway {

namespace {

constexpr std::uint16_t usual_port = 443;

// "example.org:8080" -> "example.org", "[::1]:8080" -> "[::1]"
std::string_view without_port(std::string_view authority)
{
    std::size_t colon = authority.rfind(':');
    bool inside_brackets = authority.ends_with(']');
    return colon == std::string_view::npos || inside_brackets ? authority : authority.substr(0, colon);
}

}  // namespace

HttpsOnly::HttpsOnly(const Config& config) : redirects_(config.tls.redirect)
{
    if (config.tls.hsts.count() > 0)
        strict_transport_ = fmt::format("max-age={}", config.tls.hsts.count());
    if (!redirects_)
        return;
    auto url = http::parse_endpoint(config.public_url);
    if (!url || url->scheme != "https")
        throw std::runtime_error("gateway.tls.redirect needs a gateway.public_url that begins with https://");
    if (url->port != usual_port)
        port_ = fmt::format(":{}", url->port);
}

std::optional<http::Response> HttpsOnly::redirect(const http::Request& request) const
{
    if (!redirects_ || request.scheme == "https")
        return std::nullopt;
    std::string_view host = without_port(request.head.headers.find("host").value_or(""));
    std::string_view target = request.head.target == "*" ? "/" : std::string_view(request.head.target);
    http::Response response;
    response.status = 308;
    response.headers.set("location", fmt::format("https://{}{}{}", host, port_, target));
    return response;
}

}  // namespace gatehouse::gateway
