// SPDX-License-Identifier: Apache-2.0
// What every Mailer must do. A harness gives the mailer, what arrived, and a way to break what is behind it:
//
//   struct Harness { Mailer& mailer(); std::vector<std::string> arrived(); void break_it(); };
#pragma once

#include "base/error.hpp"
#include "base/id.hpp"
#include "notifier/mailer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace gatehouse::notifier {

inline Mail sample_mail(std::string text = "Hello.\n")
{
    return {.id = make_id(),
            .from = {.name = "Gatehouse", .mailbox = "gatehouse@example.org"},
            .to = {.name = "Ada L\u00f6velace", .mailbox = "ada@example.com"},
            .subject = "A subject \u2713",
            .date = from_unix_ms(1'795'491'660'000),
            .text = std::move(text)};
}

template <class Harness>
class MailerSuite : public ::testing::Test {
protected:
    Harness harness_;
};
TYPED_TEST_SUITE_P(MailerSuite);

TYPED_TEST_P(MailerSuite, AMailArrivesAsItWasComposed)
{
    Mail mail = sample_mail("A first line\n.\n..\n.hidden dot\n\ntr\u00e4iling space \nFrom here\n");
    EXPECT_TRUE(this->harness_.mailer().send(mail).accepted);
    EXPECT_THAT(this->harness_.arrived(), ::testing::ElementsAre(compose(mail)));
}

TYPED_TEST_P(MailerSuite, ARepeatHasTheSameMessageId)
{
    Mail mail = sample_mail();
    this->harness_.mailer().send(mail);
    this->harness_.mailer().send(mail);
    auto arrived = this->harness_.arrived();
    // One file, or two deliveries that a mail program recognises as one.
    EXPECT_THAT(std::set<std::string>(arrived.begin(), arrived.end()), ::testing::ElementsAre(compose(mail)));
}

TYPED_TEST_P(MailerSuite, ALongMailArrivesWhole)
{
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += "line " + std::to_string(i) + " \u00e9\n";
    Mail mail = sample_mail(text);
    EXPECT_TRUE(this->harness_.mailer().send(mail).accepted);
    EXPECT_THAT(this->harness_.arrived(), ::testing::ElementsAre(compose(mail)));
}

TYPED_TEST_P(MailerSuite, SeveralThreadsMaySend)
{
    std::vector<std::thread> threads;
    std::atomic<int> accepted{0};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 5; ++j)
                accepted += this->harness_.mailer().send(sample_mail()).accepted;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(accepted, 20);
    EXPECT_EQ(this->harness_.arrived().size(), 20U);
}

TYPED_TEST_P(MailerSuite, WhatCannotBeDeliveredNowIsUnavailable)
{
    this->harness_.break_it();
    EXPECT_THROW(this->harness_.mailer().send(sample_mail()), Unavailable);
}

TYPED_TEST_P(MailerSuite, AfterAnInterruptNothingIsSent)
{
    this->harness_.mailer().interrupt();
    EXPECT_THROW(this->harness_.mailer().send(sample_mail()), Unavailable);
    EXPECT_THAT(this->harness_.arrived(), ::testing::IsEmpty());
}

REGISTER_TYPED_TEST_SUITE_P(MailerSuite, AMailArrivesAsItWasComposed, ARepeatHasTheSameMessageId, ALongMailArrivesWhole,
                            SeveralThreadsMaySend, WhatCannotBeDeliveredNowIsUnavailable,
                            AfterAnInterruptNothingIsSent);

}  // namespace gatehouse::notifier
