// SPDX-License-Identifier: Apache-2.0
#include "notifier/account_notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::notifier {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(std::string type, json::object data, std::string_view token = "")
{
    events::Event event;
    event.type = std::move(type);
    event.data = std::move(data);
    auto notice = make_account_notice(event, token, "https://gate.example.org");
    return notice ? notice->text : "(none)";
}

TEST(AccountNotice, CarriesTheTokenBehindTheHashOfAPage)
{
    EXPECT_EQ(text_of("user.password_reset_requested", {{"username", "ada"}}, "t0ken"),
              "Hello,\n"
              "\n"
              "somebody, most likely you, asked for a new password for your account \"ada\" at\n"
              "https://gate.example.org. To set one, follow this link within an hour:\n"
              "\n"
              "  https://gate.example.org/console/reset-password#t0ken\n"
              "\n"
              "If it was not you, do nothing. Your password stays as it is.\n");
    EXPECT_THAT(text_of("user.email_verification_requested", {{"reason", "registration"}}, "t"),
                HasSubstr("/console/verify-email#t\n"));
    EXPECT_THAT(text_of("user.email_verification_requested", {{"reason", "email_change"}}, "t"),
                HasSubstr("/console/verify-email#t\n"));
    EXPECT_THAT(text_of("user.invited", {{"username", "ada"}}, "t"), HasSubstr("/console/accept-invitation#t\n"));
}

TEST(AccountNotice, ShowsTheWayOnWhereThereIsNothingToConfirm)
{
    EXPECT_THAT(text_of("user.registration_refused", {{"reason", "account_exists"}}),
                HasSubstr("/console/forgot-password\n"));
    EXPECT_THAT(text_of("user.registration_refused", {{"reason", "username_taken"}}), HasSubstr("/console/register\n"));
    EXPECT_THAT(text_of("user.password_changed", {{"username", "ada"}}), Not(HasSubstr("/console")));
    EXPECT_THAT(text_of("user.email_changed", {{"username", "ada"}}), HasSubstr("\"ada\""));
}

TEST(AccountNotice, ANameBreaksNoLine)
{
    EXPECT_THAT(text_of("user.invited", {{"username", "a\nb {link} {0}"}}, "t"), HasSubstr("\"a b {link} {0}\""));
}

TEST(AccountNotice, OtherEventsGetNone)
{
    EXPECT_EQ(text_of("user.created", {}), "(none)");
    EXPECT_EQ(text_of("user.registration_refused", {{"reason", "mood"}}), "(none)");
    EXPECT_EQ(text_of("file.processed", {}), "(none)");
}

}  // namespace
}  // namespace gatehouse::notifier
