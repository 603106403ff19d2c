// SPDX-License-Identifier: Apache-2.0
#include "auth/password_rules.hpp"

#include "auth/common_passwords.hpp"
#include "auth/names.hpp"
#include "base/encoding.hpp"

#include <algorithm>
#include <vector>

namespace gatehouse::auth {

namespace {

constexpr std::size_t characters_min = 8;
constexpr std::size_t characters_max = 128;
// A shorter word stands in too many passwords by chance.
constexpr std::size_t word_characters_min = 4;
// So many characters must be there besides the words that anybody would try.
constexpr std::size_t rest_characters_min = 5;

void remove_all(std::string& text, std::string_view word)
{
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at))
        text.erase(at, word.size());
}

// "ada.lovelace@mail.example.org": the whole, and what stands between the marks.
void add_words(std::vector<std::string>& words, std::string_view name)
{
    auto folded = fold_name(name);
    if (!folded)
        return;
    std::string_view rest = *folded;
    words.emplace_back(rest);
    while (!rest.empty()) {
        auto end = std::min(rest.find_first_of("@.-_+ "), rest.size());
        words.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

// Whether it is such a word and little else.
bool is_made_of(std::string text, std::initializer_list<std::string_view> names)
{
    std::vector<std::string> words{"gatehouse"};
    for (std::string_view name : names)
        add_words(words, name);
    std::erase_if(words, [](const std::string& word) { return count_characters(word) < word_characters_min; });
    std::ranges::sort(words, std::ranges::greater{}, &std::string::size);
    std::size_t before = text.size();
    for (const std::string& word : words)
        remove_all(text, word);
    return text.size() != before && count_characters(text) < rest_characters_min;
}

}  // namespace

std::optional<std::string> check_new_password(std::string_view password, std::initializer_list<std::string_view> names)
{
    if (!is_utf8(password))
        return "A password is UTF-8 text.";
    std::size_t characters = count_characters(password);
    if (characters < characters_min)
        return "At least 8 characters are needed.";
    if (characters > characters_max)
        return "At most 128 characters are allowed.";
    auto folded = fold_name(password);
    if (!folded)
        return std::nullopt;  // longer than any name or common password
    if (is_common_password(*folded))
        return "This is one of the most common passwords. Take one that nobody else would.";
    for (std::string_view name : names)
        if (!name.empty() && folded == fold_name(name))
            return "The user name or e-mail address is no password.";
    if (is_made_of(*folded, names))
        return "There is too little in it besides your name, your e-mail address or the name of this service.";
    return std::nullopt;
}

}  // namespace gatehouse::auth
