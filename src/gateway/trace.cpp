// SPDX-License-Identifier: Apache-2.0
#include "gateway/trace.hpp"

#include "base/encoding.hpp"
#include "base/id.hpp"
#include "base/random.hpp"

#include <algorithm>

namespace gatehouse::gateway {

namespace {

constexpr std::size_t request_id_bytes_max = 64;

bool is_request_id(std::string_view text)
{
    auto harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !text.empty() && text.size() <= request_id_bytes_max && std::ranges::all_of(text, harmless);
}

bool is_lower_hex(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string choose_request_id(const http::Headers& headers)
{
    auto sent = headers.find("x-request-id");
    if (sent && is_request_id(*sent))
        return std::string(*sent);
    return make_id();
}

bool is_traceparent(std::string_view text)
{
    // 00-<32 hex>-<16 hex>-<2 hex>
    if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-')
        return false;
    std::string_view trace = text.substr(3, 32);
    std::string_view span = text.substr(36, 16);
    return is_lower_hex(trace) && is_lower_hex(span) && is_lower_hex(text.substr(53)) &&
           trace.find_first_not_of('0') != std::string_view::npos &&
           span.find_first_not_of('0') != std::string_view::npos;
}

std::string_view find_trace_id(const http::Headers& headers)
{
    std::string_view text = headers.find("traceparent").value_or("");
    return is_traceparent(text) ? text.substr(3, 32) : std::string_view();
}

void ensure_traceparent(http::Headers& headers)
{
    auto sent = headers.find("traceparent");
    if (sent && is_traceparent(*sent) && headers.count("traceparent") == 1)
        return;
    std::string ids = to_hex(random_bytes(24));
    headers.set("traceparent", "00-" + ids.substr(0, 32) + "-" + ids.substr(32) + "-01");
    // A trace state belongs to the trace that it came with.
    headers.remove("tracestate");
}

}  // namespace gatehouse::gateway
