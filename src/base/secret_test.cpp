// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

namespace gatehouse {

namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!Streamable<Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<std::string, Secret> && !std::is_convertible_v<Secret, std::string>);

// The object's own bytes, where a short string lives.
bool holds(const Secret& secret, std::string_view text)
{
    std::string_view memory(reinterpret_cast<const char*>(&secret), sizeof(secret));
    return memory.find(text) != std::string_view::npos;
}

}  // namespace

TEST(Secret, KeepsItsValue)
{
    Secret secret(std::string("hunter2"));
    EXPECT_EQ(secret.reveal(), "hunter2");
    EXPECT_FALSE(secret.empty());
    EXPECT_TRUE(Secret().empty());
    Secret copy = secret;
    secret = Secret(std::string("other"));
    EXPECT_EQ(copy.reveal(), "hunter2");
    EXPECT_EQ(secret.reveal(), "other");
    copy = *&copy;
    EXPECT_EQ(copy.reveal(), "hunter2");
}

TEST(Secret, LeavesNothingWhereItWasMovedFrom)
{
    Secret first(std::string("hunter2"));
    ASSERT_TRUE(holds(first, "hunter2"));
    Secret second(std::move(first));
    EXPECT_EQ(second.reveal(), "hunter2");
    EXPECT_FALSE(holds(first, "hunter2"));  // NOLINT(bugprone-use-after-move)
    Secret third;
    third = std::move(second);
    EXPECT_EQ(third.reveal(), "hunter2");
    EXPECT_FALSE(holds(second, "hunter2"));  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, WipeOverwritesTheBytesAndWhatIsBehindThem)
{
    std::string value(100, 'x');
    const char* bytes = value.data();
    value.resize(10);
    wipe(value);
    EXPECT_TRUE(value.empty());
    ASSERT_EQ(value.data(), bytes);
    EXPECT_EQ(std::string_view(bytes, 100), std::string(100, '\0'));
}

TEST(Secret, ConstantTimeEqualComparesWhole)
{
    EXPECT_TRUE(constant_time_equal("", ""));
    EXPECT_TRUE(constant_time_equal("abc", "abc"));
    EXPECT_FALSE(constant_time_equal("abc", "abd"));
    EXPECT_FALSE(constant_time_equal("abc", "ab"));
    EXPECT_FALSE(constant_time_equal("abc", ""));
    EXPECT_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace gatehouse
