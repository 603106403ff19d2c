// SPDX-License-Identifier: Apache-2.0
// Where in a trace something happens, as W3C Trace Context's traceparent says it: a value.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

struct TraceContext {
    std::array<char, 32> trace{};  // both in lower-case hexadecimal, not all zeros
    std::array<char, 16> span{};
    bool sampled = false;

    // A new trace, or another span of this one.
    static TraceContext make_root(bool sampled);
    TraceContext make_child() const;

    std::string_view trace_id() const { return {trace.data(), trace.size()}; }
    std::string_view span_id() const { return {span.data(), span.size()}; }
    using Text = std::array<char, 55>;
    void write(Text& text) const;  // "00-<trace>-<span>-01"
    std::string to_text() const;   // the same

    bool operator==(const TraceContext&) const = default;
};

// nullopt for what is no traceparent of version 00.
std::optional<TraceContext> parse_traceparent(std::string_view text);

}  // namespace gatehouse
