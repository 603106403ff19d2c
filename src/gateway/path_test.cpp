// SPDX-License-Identifier: Apache-2.0
#include "gateway/path.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

struct PathCase {
    const char* name;
    std::string_view path;
    std::optional<std::string> normal;
};

class NormalPath : public ::testing::TestWithParam<PathCase> {};

TEST_P(NormalPath, IsTheOneFormOrRefused) { EXPECT_EQ(normalize_path(GetParam().path), GetParam().normal); }

TEST_P(NormalPath, QuickCheckNeverPassesWhatWouldChange)
{
    if (is_normal_path(GetParam().path))
        EXPECT_EQ(normalize_path(GetParam().path), std::string(GetParam().path));
}

INSTANTIATE_TEST_SUITE_P(
    Table, NormalPath,
    ::testing::Values(
        PathCase{"root", "/", "/"}, PathCase{"plain", "/files/7", "/files/7"},
        PathCase{"trailing_slash", "/files/", "/files/"}, PathCase{"encoded_letter", "/%61dmin/users", "/admin/users"},
        PathCase{"lower_case_escape", "/a%c3%a9", "/a%C3%A9"}, PathCase{"kept_space", "/a%20b", "/a%20b"},
        PathCase{"dots_in_name", "/..a/b..c", "/..a/b..c"}, PathCase{"hidden_file", "/.well-known/x", "/.well-known/x"},
        PathCase{"dot_segment", "/a/./b", std::nullopt}, PathCase{"dot_dot", "/files/../admin", std::nullopt},
        PathCase{"dot_dot_at_end", "/files/..", std::nullopt},
        PathCase{"encoded_dot_dot", "/files/%2e%2e/admin", std::nullopt},
        PathCase{"half_encoded_dot_dot", "/files/.%2E/admin", std::nullopt},
        PathCase{"empty_segment", "/a//b", std::nullopt}, PathCase{"two_slashes", "//", std::nullopt},
        PathCase{"encoded_slash", "/a%2fb", std::nullopt}, PathCase{"encoded_backslash", "/a%5Cb", std::nullopt},
        PathCase{"encoded_nul", "/a%00b", std::nullopt}, PathCase{"encoded_newline", "/a%0ab", std::nullopt},
        PathCase{"broken_escape", "/a%2", std::nullopt}, PathCase{"not_hex", "/a%zz", std::nullopt},
        PathCase{"percent_at_end", "/a%", std::nullopt}, PathCase{"twice_encoded_stays", "/a%252e", "/a%252e"},
        PathCase{"no_leading_slash", "a", std::nullopt}, PathCase{"empty", "", std::nullopt}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gatehouse::gateway
