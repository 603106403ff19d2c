// SPDX-License-Identifier: Apache-2.0
#include "gateway/forwarded.hpp"

#include "http/head_rules.hpp"
#include "http/tokens.hpp"

#include <optional>
#include <string_view>

namespace gatehouse::gateway {

namespace {

// "192.0.2.7", "192.0.2.7:4711", "2001:db8::1", "[2001:db8::1]:4711": all of them are in use.
std::optional<http::AddressBytes> read_address(std::string_view text)
{
    if (text.starts_with('[')) {
        std::size_t end = text.find(']');
        return end == std::string_view::npos ? std::nullopt : http::parse_address(text.substr(1, end - 1));
    }
    std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos)
        text = text.substr(0, colon);
    return http::parse_address(text);
}

// The last element of the list that all fields of that name make up: what the nearest proxy says.
std::optional<std::string_view> last_element(const http::Headers& headers, std::string_view name)
{
    std::optional<std::string_view> last;
    for (http::Field field : headers)
        if (field.name == name)
            last = field.value;
    if (!last)
        return std::nullopt;
    std::size_t comma = last->rfind(',');
    return http::tokens::trim(comma == std::string_view::npos ? *last : last->substr(comma + 1));
}

}  // namespace

// Every proxy adds the address of its own peer at the right. So the list is read from there, and ends at the first
// address that is no trusted proxy's, or cannot be read: what stands left of it anybody could have written.
std::string TrustedProxies::find_client(const http::Request& request) const
{
    std::string client = request.remote_address;
    const http::Headers& headers = request.head.headers;
    for (std::size_t i = headers.size(); i > 0; --i) {
        http::Field field = headers[i - 1];
        if (field.name != "x-forwarded-for")
            continue;
        std::string_view rest = field.value;
        while (true) {
            std::size_t comma = rest.rfind(',');
            auto address =
                read_address(http::tokens::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1)));
            if (!address)
                return client;
            client = http::to_text(*address);
            if (!ranges_.contains(client))
                return client;
            if (comma == std::string_view::npos)
                break;
            rest = rest.substr(0, comma);
        }
    }
    return client;
}

void TrustedProxies::believe(http::Request& request) const
{
    request.remote_address = find_client(request);
    const http::Headers& headers = request.head.headers;
    auto scheme = last_element(headers, "x-forwarded-proto");
    if (scheme && (http::iequals(*scheme, "https") || http::iequals(*scheme, "http")))
        request.scheme = scheme->size() == 5 ? "https" : "http";
    auto host = last_element(headers, "x-forwarded-host");
    if (host && http::is_authority(*host))
        request.head.headers.set("host", std::string(*host));
}

}  // namespace gatehouse::gateway
