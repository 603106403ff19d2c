// SPDX-License-Identifier: Apache-2.0
#include "files/download_link.hpp"

#include "base/encoding.hpp"
#include "base/secret.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gatehouse::files {

namespace {

constexpr std::string_view signature_parameter = "signature";
constexpr std::string_view expires_parameter = "expires";

// In the one form that make() writes.
std::optional<std::int64_t> parse_seconds(std::string_view text)
{
    std::int64_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size() || text != std::to_string(seconds))
        return std::nullopt;
    return seconds;
}

}  // namespace

std::string LinkSigner::sign(std::string_view id, std::string_view expires) const
{
    return to_base64url(key_.derive("file-link", fmt::format("{}\n{}\nattachment", id, expires)));
}

std::string LinkSigner::make(std::string_view id, TimePoint expires_at) const
{
    std::string expires = std::to_string(to_unix_seconds(expires_at));
    return fmt::format("/files/{}/content?{}={}&{}={}", id, expires_parameter, expires, signature_parameter,
                       sign(id, expires));
}

bool LinkSigner::is_link(std::string_view query)
{
    return http::find_query_parameter(query, signature_parameter).has_value();
}

void LinkSigner::require(std::string_view id, std::string_view query, TimePoint now) const
{
    std::string expires = http::find_query_parameter(query, expires_parameter).value_or("");
    std::string signature = http::find_query_parameter(query, signature_parameter).value_or("");
    auto seconds = parse_seconds(expires);
    if (!constant_time_equal(signature, sign(id, expires)) || !seconds)
        throw http::Problem::forbidden("link_invalid", "The link is not valid: it was changed, or cut off. Ask whoever "
                                                       "gave it to you for it again.");
    if (to_unix_seconds(now) >= *seconds)
        throw http::Problem::forbidden("link_expired", fmt::format("The link was valid until {}. Ask for a new one.",
                                                                   format_rfc3339(from_unix_ms(*seconds * 1000))));
}

}  // namespace gatehouse::files
