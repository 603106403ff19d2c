// SPDX-License-Identifier: Apache-2.0
// Taking text apart, for those who read URLs and the like.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatehouse {

// Cuts `text` at the first `mark`; gives what follows it, nullopt without a mark.
inline std::optional<std::string_view> cut_at(std::string_view& text, char mark)
{
    auto at = text.find(mark);
    if (at == std::string_view::npos)
        return std::nullopt;
    auto rest = text.substr(at + 1);
    text = text.substr(0, at);
    return rest;
}

// The number that `text` is, all of it, as std::from_chars reads it; nullopt for anything else.
template <class Number>
std::optional<Number> read_number(std::string_view text)
{
    Number number{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

}  // namespace gatehouse
