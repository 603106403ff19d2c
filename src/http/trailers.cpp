// SPDX-License-Identifier: Apache-2.0
#include "http/trailers.hpp"

#include "http/serializer.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::http {

namespace {

// Beside those that begin with "content-", "if-", "proxy-" or "access-control-".
constexpr std::array<std::string_view, 32> refused_names{"age",
                                                         "authorization",
                                                         "cache-control",
                                                         "clear-site-data",
                                                         "connection",
                                                         "cookie",
                                                         "date",
                                                         "expect",
                                                         "expires",
                                                         "forwarded",
                                                         "host",
                                                         "keep-alive",
                                                         "location",
                                                         "max-forwards",
                                                         "pragma",
                                                         "range",
                                                         "retry-after",
                                                         "set-cookie",
                                                         "strict-transport-security",
                                                         "te",
                                                         "traceparent",
                                                         "tracestate",
                                                         "trailer",
                                                         "transfer-encoding",
                                                         "upgrade",
                                                         "vary",
                                                         "via",
                                                         "warning",
                                                         "www-authenticate",
                                                         "x-frame-options",
                                                         "x-request-id",
                                                         "x-real-ip"};

}  // namespace

bool may_be_trailer(std::string_view name)
{
    return !name.starts_with("content-") && !name.starts_with("if-") && !name.starts_with("proxy-") &&
           !name.starts_with("access-control-") && std::ranges::find(refused_names, name) == refused_names.end();
}

void TrailerCollector::clear()
{
    fields_.clear();
    bytes_ = 0;
    count_ = 0;
}

bool TrailerCollector::add(std::string_view name, std::string_view value, const ParserLimits& limits)
{
    bytes_ += name.size() + value.size() + 1;
    if (bytes_ > limits.trailer_bytes_max || ++count_ > limits.field_count_max)
        return false;
    value = tokens::trim(value);
    const char* end = value.data() + value.size();
    if (name.empty() || !tokens::all(name, tokens::token) || tokens::find_value_end(value.data(), end) != end)
        return false;
    if (!name.contains('_') && may_be_trailer(name))
        fields_.add(name, value);
    return true;
}

void append_trailers(std::string& out, const Headers& trailers)
{
    append_fields(out, trailers);
    out += "\r\n";
}

}  // namespace gatehouse::http
