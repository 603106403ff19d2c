// SPDX-License-Identifier: Apache-2.0
#include "files/allowed_types.hpp"

#include "files/files.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace gatehouse::files {

bool is_type_pattern(std::string_view text)
{
    auto is_word = [](std::string_view word) {
        return !word.empty() && http::tokens::all(word, http::tokens::token) &&
               std::ranges::none_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || c == '*'; });
    };
    auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return false;
    std::string_view subtype = text.substr(slash + 1);
    return is_word(text.substr(0, slash)) && (subtype == "*" || is_word(subtype));
}

bool is_allowed_type(const std::vector<std::string>& patterns, std::string_view type)
{
    auto fits = [type](std::string_view pattern) {
        return pattern.ends_with("/*") ? type.starts_with(pattern.substr(0, pattern.size() - 1)) : type == pattern;
    };
    return patterns.empty() || std::ranges::any_of(patterns, fits);
}

std::vector<ConfigError> find_config_errors(const Config& config)
{
    std::vector<ConfigError> errors;
    for (const std::string& pattern : config.allowed_types)
        if (!is_type_pattern(pattern))
            errors.push_back(
                {"allowed_types", fmt::format("`{}` is no media type such as image/* or application/pdf, in "
                                              "small letters",
                                              pattern)});
    std::set<std::string_view> roles;
    for (std::size_t i = 0; i < config.quota_by_role.size(); ++i) {
        const std::string& role = config.quota_by_role[i].role;
        std::string key = fmt::format("quota_by_role[{}].role", i);
        if (role.empty())
            errors.push_back({key, "must name a role"});
        else if (!roles.insert(role).second)
            errors.push_back({key, fmt::format("`{}` stands twice", role)});
    }
    return errors;
}

}  // namespace gatehouse::files
