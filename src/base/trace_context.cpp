// SPDX-License-Identifier: Apache-2.0
#include "base/trace_context.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"

#include <algorithm>

namespace gatehouse {

namespace {

constexpr std::size_t trace_begin = 3;
constexpr std::size_t span_begin = 36;
constexpr std::size_t flags_begin = 53;
constexpr std::size_t bytes = std::tuple_size_v<TraceContext::Text>;

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_hex(std::string_view text) { return std::ranges::all_of(text, is_hex_digit); }
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

template <std::size_t Size>
void fill_with_random(std::array<char, Size>& id)
{
    std::array<char, Size / 2> bytes_of_id;
    fill_random(bytes_of_id);
    write_hex({bytes_of_id.data(), bytes_of_id.size()}, id.data());
    id.back() = id.back() == '0' ? '1' : id.back();  // never all zeros
}

}  // namespace

TraceContext TraceContext::make_root(bool sampled)
{
    TraceContext context;
    fill_with_random(context.trace);
    fill_with_random(context.span);
    context.sampled = sampled;
    return context;
}

TraceContext TraceContext::make_child() const
{
    TraceContext context = *this;
    fill_with_random(context.span);
    return context;
}

void TraceContext::write(Text& text) const
{
    char* out = text.data();
    for (std::string_view part : {std::string_view("00-"), trace_id(), std::string_view("-"), span_id(),
                                  std::string_view(sampled ? "-01" : "-00")})
        out = std::ranges::copy(part, out).out;
}

std::string TraceContext::to_text() const
{
    Text text;
    write(text);
    return {text.data(), text.size()};
}

std::optional<TraceContext> parse_traceparent(std::string_view text)
{
    // 00-<32 hex>-<16 hex>-<2 hex>
    if (text.size() != bytes || !text.starts_with("00-") || text[span_begin - 1] != '-' || text[flags_begin - 1] != '-')
        return std::nullopt;
    std::string_view trace = text.substr(trace_begin, 32);
    std::string_view span = text.substr(span_begin, 16);
    std::string_view flags = text.substr(flags_begin);
    if (!is_hex(trace) || !is_hex(span) || !is_hex(flags) || is_zero(trace) || is_zero(span))
        return std::nullopt;
    TraceContext context;
    std::ranges::copy(trace, context.trace.begin());
    std::ranges::copy(span, context.span.begin());
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    context.sampled = (digit(flags[1]) & 1) != 0;
    return context;
}

}  // namespace gatehouse
