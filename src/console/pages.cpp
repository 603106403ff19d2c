// SPDX-License-Identifier: Apache-2.0
#include "console/pages.hpp"

#include "console/assets.hpp"

#include "base/error.hpp"
#include "http/list.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace gatehouse::console {

namespace {

// Svelte makes its templates through a trusted types policy of this name; there is no other.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

constexpr std::string_view permissions_policy =
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    "midi=(), payment=(), usb=()";

// Bytes that live as long as the program.
class StaticBody final : public http::BodyReader {
public:
    explicit StaticBody(std::string_view bytes) : bytes_(bytes), size_(bytes.size()) {}
    Task<std::string_view> read() override { co_return std::exchange(bytes_, {}); }
    std::optional<std::uint64_t> length() const override { return size_; }

private:
    std::string_view bytes_;
    std::size_t size_;
};

// True when the client takes `coding`: it is named, and not with a weight of zero (RFC 9110 section 12.5.3).
bool accepts(const http::Headers& headers, std::string_view coding)
{
    bool accepted = false;
    http::for_each_element(headers, "accept-encoding", [&](std::string_view element) {
        std::size_t semicolon = std::min(element.find(';'), element.size());
        if (!http::iequals(http::tokens::trim(element.substr(0, semicolon)), coding))
            return;
        std::string_view weight = http::tokens::trim(element.substr(std::min(semicolon + 1, element.size())));
        bool zero =
            (weight.starts_with("q=") || weight.starts_with("Q=")) && weight.find_first_not_of("0.", 2) == weight.npos;
        accepted = weight.empty() || !zero;
    });
    return accepted;
}

bool is_known_to_client(const http::Headers& headers, std::string_view etag)
{
    bool known = false;
    http::for_each_element(headers, "if-none-match", [&](std::string_view element) {
        // Weak comparison (RFC 9110 section 13.1.2).
        if (element.starts_with("W/"))
            element.remove_prefix(2);
        known = known || element == "*" || element == etag;
    });
    return known;
}

http::Response asset_as_response(const http::Request& request, const Asset& asset, std::string_view cache_control)
{
    const http::Headers& wanted = request.head.headers;
    std::string_view bytes = asset.identity;
    std::string_view coding;
    if (!asset.brotli.empty() && accepts(wanted, "br"))
        bytes = asset.brotli, coding = "br";
    else if (!asset.gzip.empty() && accepts(wanted, "gzip"))
        bytes = asset.gzip, coding = "gzip";

    http::Response response;
    std::string etag = fmt::format("\"{}{}{}\"", asset.hash, coding.empty() ? "" : "-", coding);
    response.headers.add("etag", etag);
    response.headers.add("cache-control", cache_control);
    response.headers.add("vary", "accept-encoding");
    if (is_known_to_client(wanted, etag)) {
        response.status = 304;
        return response;
    }
    response.headers.add("content-type", asset.content_type);
    if (!coding.empty())
        response.headers.add("content-encoding", coding);
    response.stream = std::make_unique<StaticBody>(bytes);
    return response;
}

const Asset* find_asset(std::string_view name)
{
    auto found = std::ranges::find(assets(), name, &Asset::name);
    return found == assets().end() ? nullptr : &*found;
}

}  // namespace

void add_security_fields(http::Headers& headers)
{
    headers.set("content-security-policy", content_security_policy);
    headers.set("x-content-type-options", "nosniff");
    headers.set("referrer-policy", "no-referrer");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("permissions-policy", permissions_policy);
}

http::Response page_response(const http::Request& request)
{
    const Asset* page = find_asset("index.html");
    GH_ASSERT(page != nullptr);
    return asset_as_response(request, *page, "no-cache");
}

http::Response openapi_response(const http::Request& request)
{
    return asset_as_response(request, openapi(), "no-cache");
}

http::Response asset_response(const http::Request& request, std::string_view name)
{
    const Asset* asset = find_asset(fmt::format("assets/{}", name));
    if (!asset)
        return http::Problem::not_found("not_found", "The console has no such file.");
    return asset_as_response(request, *asset, "public, max-age=31536000, immutable");
}

}  // namespace gatehouse::console
