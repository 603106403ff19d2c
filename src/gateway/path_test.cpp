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
        PathCase{"percent_at_end", "/a%", std::nullopt}, PathCase{"twice_encoded_dot", "/a%252e", std::nullopt},
        PathCase{"twice_encoded_slash", "/a%252Fb", std::nullopt},
        PathCase{"twice_encoded_in_pieces", "/a%25%32e", std::nullopt},
        PathCase{"three_times_encoded", "/a%25252e", std::nullopt}, PathCase{"percent_sign", "/100%25", "/100%25"},
        PathCase{"percent_sign_and_word", "/100%25ok", "/100%25ok"},
        PathCase{"percent_sign_and_one_digit", "/a%25/2", "/a%25/2"},
        PathCase{"path_parameter", "/admin;x=1/users", std::nullopt},
        PathCase{"dots_with_parameter", "/a/..;/admin", std::nullopt},
        PathCase{"encoded_path_parameter", "/admin%3bx/users", std::nullopt},
        PathCase{"overlong_dot", "/%c0%ae%c0%ae/admin", std::nullopt},
        PathCase{"overlong_slash_of_three_bytes", "/a%e0%80%afb", std::nullopt},
        PathCase{"overlong_of_four_bytes", "/a%f0%80%80%af", std::nullopt},
        PathCase{"stray_continuation", "/a%bf", std::nullopt}, PathCase{"utf8_ends_early", "/a%c3", std::nullopt},
        PathCase{"utf8_broken_by_a_letter", "/a%c3b%a9", std::nullopt},
        PathCase{"utf8_broken_by_an_encoded_letter", "/a%c3%41", std::nullopt},
        PathCase{"surrogate", "/a%ed%a0%80", std::nullopt}, PathCase{"beyond_unicode", "/a%f4%90%80%80", std::nullopt},
        PathCase{"euro", "/%e2%82%ac", "/%E2%82%AC"}, PathCase{"emoji", "/%f0%9f%98%80", "/%F0%9F%98%80"},
        PathCase{"raw_backslash", "/a\\..\\b", std::nullopt},
        PathCase{"raw_nul", std::string_view("/a\0b", 4), std::nullopt}, PathCase{"raw_space", "/a b", std::nullopt},
        PathCase{"raw_byte_beyond_ascii", "/a\xc3\xa9", std::nullopt}, PathCase{"fragment", "/a#b", std::nullopt},
        PathCase{"query", "/a?b", std::nullopt}, PathCase{"three_dots", "/a/.../b", std::nullopt},
        PathCase{"dots_and_space", "/a/..%20/b", std::nullopt}, PathCase{"space_and_dots", "/a/%20../b", std::nullopt},
        PathCase{"only_a_space", "/a/%20/b", "/a/%20/b"},
        PathCase{"dot_at_the_end_of_a_name", "/wiki/Inc.", "/wiki/Inc."},
        PathCase{"encoded_question_mark", "/a%3fb", "/a%3Fb"}, PathCase{"encoded_delete", "/a%7fb", std::nullopt},
        PathCase{"no_leading_slash", "a", std::nullopt}, PathCase{"empty", "", std::nullopt}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gatehouse::gateway
