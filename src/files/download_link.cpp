// SPDX-License-Identifier: Apache-2.0
#include "files/download_link.hpp"

#include "base/encoding.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "http/problem.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

namespace gatehouse::files {

namespace {

constexpr std::string_view signature_parameter = "signature";
constexpr std::string_view expires_parameter = "expires";
constexpr std::string_view generation_parameter = "generation";

// In the one form that make() writes.
std::optional<std::int64_t> parse_number(std::string_view text)
{
    auto number = read_number<std::int64_t>(text);
    if (!number || text != std::to_string(*number))
        return std::nullopt;
    return number;
}

}  // namespace

// The first generation is signed as before there were any.
std::string LinkSigner::sign(std::string_view id, std::string_view expires, std::int64_t generation) const
{
    std::string text = fmt::format("{}\n{}\nattachment", id, expires);
    if (generation != 0)
        text += fmt::format("\n{}", generation);
    return to_base64url(key_.derive("file-link", text));
}

std::string LinkSigner::make(std::string_view id, TimePoint expires_at, std::int64_t generation) const
{
    std::string expires = std::to_string(to_unix_seconds(expires_at));
    std::string middle = generation == 0 ? "" : fmt::format("&{}={}", generation_parameter, generation);
    return fmt::format("/files/{}/content?{}={}{}&{}={}", id, expires_parameter, expires, middle, signature_parameter,
                       sign(id, expires, generation));
}

bool LinkSigner::is_link(std::string_view query)
{
    return http::find_query_parameter(query, signature_parameter).has_value();
}

std::int64_t LinkSigner::require(std::string_view id, std::string_view query, TimePoint now) const
{
    std::string expires = http::find_query_parameter(query, expires_parameter).value_or("");
    std::string signature = http::find_query_parameter(query, signature_parameter).value_or("");
    auto seconds = parse_number(expires);
    auto generation = parse_number(http::find_query_parameter(query, generation_parameter).value_or("0"));
    if (!constant_time_equal(signature, sign(id, expires, generation.value_or(0))) || !seconds || !generation)
        throw http::Problem::forbidden("link_invalid", "The link is not valid: it was changed, or cut off. Ask whoever "
                                                       "gave it to you for it again.");
    if (to_unix_seconds(now) >= *seconds)
        throw http::Problem::forbidden("link_expired", fmt::format("The link was valid until {}. Ask for a new one.",
                                                                   format_rfc3339(from_unix_ms(*seconds * 1000))));
    return *generation;
}

}  // namespace gatehouse::files
