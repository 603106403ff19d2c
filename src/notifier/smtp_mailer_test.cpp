// SPDX-License-Identifier: Apache-2.0
#include "notifier/mailer_suite.hpp"
#include "notifier/smtp_server_for_tests.hpp"

namespace gatehouse::notifier {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class SmtpHarness {
public:
    Mailer& mailer() { return *mailer_; }
    std::vector<std::string> arrived()
    {
        std::vector<std::string> mails;
        for (auto& mail : server_.received())
            mails.push_back(mail.bytes);
        return mails;
    }
    void break_it() { server_.stop(); }

    SmtpServerForTests& server() { return server_; }

private:
    SmtpServerForTests server_;
    std::unique_ptr<Mailer> mailer_ = make_smtp_mailer({.url = server_.url(), .username = "", .starttls = false});
};

INSTANTIATE_TYPED_TEST_SUITE_P(Smtp, MailerSuite, SmtpHarness);

TEST(SmtpMailer, TheEnvelopeHoldsTheMailboxes)
{
    SmtpHarness harness;
    harness.mailer().send(sample_mail());
    ASSERT_THAT(harness.server().received(), SizeIs(1));
    EXPECT_EQ(harness.server().received()[0].sender, "gatehouse@example.org");
    EXPECT_EQ(harness.server().received()[0].recipient, "ada@example.com");
}

struct Refusal {
    const char* name;
    const char* command;
    const char* reply;
    bool for_good;
};

class RefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, IsForGoodOnlyWhenItIsAboutTheMail)
{
    SmtpHarness harness;
    harness.server().answer(GetParam().command, GetParam().reply);
    if (GetParam().for_good) {
        SendResult result = harness.mailer().send(sample_mail());
        EXPECT_FALSE(result.accepted);
        EXPECT_EQ(result.reason, GetParam().reply);
    } else {
        EXPECT_THROW(harness.mailer().send(sample_mail()), Unavailable);
    }
    EXPECT_THAT(harness.arrived(), IsEmpty());
    // The next one is not disturbed.
    harness.server().answer_as_usual();
    EXPECT_TRUE(harness.mailer().send(sample_mail()).accepted);
}

INSTANTIATE_TEST_SUITE_P(SmtpMailer, RefusalTest,
                         ::testing::Values(Refusal{"Greeting", "HELLO", "554 no service", false},
                                           Refusal{"GreetingLater", "HELLO", "421 busy", false},
                                           Refusal{"Sender", "MAIL", "553 you are nobody here", false},
                                           Refusal{"SenderLater", "MAIL", "451 not now", false},
                                           Refusal{"Recipient", "RCPT", "550 5.1.1 no such user", true},
                                           Refusal{"RecipientLater", "RCPT", "450 mailbox busy", false},
                                           Refusal{"Data", "DATA", "554 no valid recipients", true},
                                           Refusal{"DataLater", "DATA", "451 not now", false},
                                           Refusal{"Content", ".", "554 looks like spam", true},
                                           Refusal{"ContentLater", ".", "452 disk full", false}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SmtpMailer, WithoutTlsNothingIsSentWhenTlsIsRequired)
{
    SmtpServerForTests server;
    auto mailer = make_smtp_mailer({.url = server.url(), .username = "u", .password = Secret("p")});
    EXPECT_THROW(mailer->send(sample_mail()), Unavailable);
    EXPECT_THAT(server.received(), IsEmpty());
    EXPECT_THAT(server.commands(), Not(Contains(StartsWith("AUTH"))));
}

TEST(SmtpMailer, LogsInWhenItHasAUsername)
{
    SmtpServerForTests server;
    auto mailer = make_smtp_mailer({.url = server.url(), .username = "u", .password = Secret("p"), .starttls = false});
    EXPECT_TRUE(mailer->send(sample_mail()).accepted);
    EXPECT_THAT(server.commands(), Contains(StartsWith("AUTH PLAIN")));
}

TEST(SmtpMailer, AWrongPasswordIsNotTheRecipientsFault)
{
    SmtpServerForTests server;
    server.answer("AUTH", "535 5.7.8 wrong");
    auto mailer =
        make_smtp_mailer({.url = server.url(), .username = "u", .password = Secret("sesame"), .starttls = false});
    try {
        mailer->send(sample_mail());
        ADD_FAILURE() << "was sent";
    } catch (const Unavailable& e) {
        EXPECT_EQ(std::string(e.what()).find("sesame"), std::string::npos);
        EXPECT_NE(std::string(e.what()).find("535"), std::string::npos) << e.what();
    }
}

TEST(SmtpMailer, AnInterruptEndsASendInProgress)
{
    SmtpHarness harness;
    harness.server().answer("RCPT", "");  // never answers
    std::thread interrupter([&] {
        while (true) {
            auto commands = harness.server().commands();
            if (!commands.empty() && commands.back().starts_with("RCPT"))
                break;
            std::this_thread::sleep_for(5ms);
        }
        harness.mailer().interrupt();
    });
    auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(harness.mailer().send(sample_mail()), Unavailable);
    interrupter.join();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

}  // namespace
}  // namespace gatehouse::notifier
