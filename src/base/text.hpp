// SPDX-License-Identifier: Apache-2.0
// Taking text apart, for those who read URLs and the like.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

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

// Calls `visit` with each word of a text of words with spaces between them; none is empty.
template <class Visit>
void for_each_word(std::string_view text, Visit visit)
{
    while (!text.empty()) {
        std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (!word.empty())
            visit(word);
    }
}

inline std::vector<std::string> split_words(std::string_view text)
{
    std::vector<std::string> words;
    for_each_word(text, [&](std::string_view word) { words.emplace_back(word); });
    return words;
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
