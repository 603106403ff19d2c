// SPDX-License-Identifier: Apache-2.0
#include "gateway/header_edits.hpp"

#include "gateway/fields.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::gateway {

namespace tokens = http::tokens;

namespace {

std::string to_lower(std::string_view text)
{
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), tokens::lower);
    return lower;
}

constexpr std::array<std::string_view, 10> response_fields{
    "content-length", "content-encoding", "content-range", "www-authenticate", "retry-after",
    "ratelimit",      "ratelimit-policy", "x-request-id",  "traceparent",      "strict-transport-security"};

}  // namespace

std::optional<EditedField> parse_edited_field(std::string_view text)
{
    std::size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() || !tokens::all(name, tokens::token))
        return std::nullopt;
    std::string_view value = tokens::trim(text.substr(colon + 1));
    if (tokens::find_value_end(value.data(), value.data() + value.size()) != value.data() + value.size())
        return std::nullopt;
    return EditedField{to_lower(name), std::string(value)};
}

HeaderEdits::HeaderEdits(const HeaderEditsConfig& config)
{
    for (const std::string& name : config.remove)
        remove_.push_back(to_lower(name));
    for (const std::string& text : config.set)
        set_.push_back(parse_edited_field(text).value());
    for (const std::string& text : config.add)
        add_.push_back(parse_edited_field(text).value());
}

void HeaderEdits::apply(http::Headers& headers) const
{
    for (const std::string& name : remove_)
        headers.remove(name);
    for (const EditedField& field : set_)
        headers.set(field.name, field.value);
    for (const EditedField& field : add_)
        headers.add(field.name, field.value);
}

bool is_protected_request_field(std::string_view name)
{
    return is_reserved_field(name) || is_hop_by_hop_field(name) || name == "host" || name == "content-length" ||
           name == "content-encoding" || name == "tracestate" || name.starts_with("sec-websocket-") ||
           name == "http2-settings";
}

bool is_protected_response_field(std::string_view name)
{
    return is_hop_by_hop_field(name) || std::ranges::find(response_fields, name) != response_fields.end() ||
           name.starts_with("access-control-") || name.starts_with("sec-websocket-");
}

}  // namespace gatehouse::gateway
