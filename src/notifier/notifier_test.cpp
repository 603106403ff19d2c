// SPDX-License-Identifier: Apache-2.0
// The notifier with the real queue, an auth that answers as told, and mails into a directory or a real SMTP
// conversation.
#include "notifier/notifier.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include "http/problem.hpp"
#include "identity/one_time_token.hpp"
#include "notifier/smtp_server_for_tests.hpp"
#include "sql/database.hpp"
#include "support/run_task.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace gatehouse::notifier {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_task;
using ::testing::SizeIs;

constexpr int attempts_max = 2;

class NotifierTest : public ::testing::Test {
protected:
    NotifierTest()
    {
        auto answer = [this](http::Request& request) { return answer_as_auth(request); };
        auth_ = std::make_unique<http::Upstream>("auth", answer);
    }
    ~NotifierTest() override
    {
        stop();
        database_->stop();
    }

    void start(Smtp smtp = {})
    {
        Config config;
        config.smtp = std::move(smtp);
        config.from = "Gatehouse <gatehouse@example.org>";
        notifier_ = std::make_unique<Notifier>(config, Notifier::Needs{*queue_, *auth_, key_, clock_, metrics_},
                                               "https://files.example.org/", mail_directory());
        group_ = std::make_unique<TaskGroup>(context_.get_executor(), "notifier", 1);
        group_->spawn(notifier_->run());
    }
    void stop()
    {
        if (!notifier_)
            return;
        run_task(context_, group_->stop(0ms));
        notifier_->stop();
        group_.reset();
        notifier_.reset();
    }

    Task<http::Response> answer_as_auth(http::Request& request)
    {
        ++asked_;
        key_.require(request);
        EXPECT_EQ(request.head.method, "GET");
        EXPECT_EQ(request.head.target, "/internal/users/" + owner_);
        http::Response response;
        response.status = status_;
        response.body = user_;
        co_return response;
    }

    events::Event event_of(std::string type)
    {
        events::Event event{.id = make_id(), .type = std::move(type), .source = "/worker", .subject = make_id()};
        event.time = clock_.now();
        event.data = {{"owner", owner_}, {"name", "Urlaub \u00fc.mp4"}, {"reason", "No audio track."}};
        event.data["derived"] = json::array{};
        return event;
    }
    events::Event publish(events::Event event)
    {
        run_task(context_, queue_->publish(event));
        return event;
    }
    events::Event publish(std::string type) { return publish(event_of(std::move(type))); }

    Task<void> until_idle()
    {
        while (true) {
            auto depth = co_await queue_->depth("notifier");
            if (depth == 0)
                co_return;
            co_await sleep_for(2ms);
        }
    }
    void finish() { run_task(context_, until_idle(), 30s); }
    Task<void> until_said(SmtpServerForTests& server, std::string command)
    {
        while (true) {
            auto commands = server.commands();
            if (!commands.empty() && commands.back().starts_with(command))
                co_return;
            co_await sleep_for(2ms);
        }
    }

    std::vector<events::DeadLetter> dead() { return run_task(context_, queue_->dead_letters(100)); }
    std::vector<fs::path> mails() const
    {
        std::vector<fs::path> paths;
        if (fs::exists(mail_directory()))
            for (const auto& entry : fs::directory_iterator(mail_directory()))
                paths.push_back(entry.path());
        return paths;
    }
    static std::string read(const fs::path& path)
    {
        std::ostringstream text;
        text << std::ifstream(path, std::ios::binary).rdbuf();
        return text.str();
    }
    fs::path mail_directory() const { return directory_.path() / "mail"; }

    testing::TempDir directory_;
    Clock clock_;
    Metrics metrics_;
    asio::io_context context_;
    identity::ServiceKey key_{Secret(std::string(32, 'k'))};
    std::unique_ptr<http::Upstream> auth_;
    std::unique_ptr<sql::Database> database_ = sql::open_sqlite("queue", directory_.path() / "queue.db");
    std::unique_ptr<events::EventQueue> queue_ =
        events::make_sqlite_event_queue(*database_, clock_, {attempts_max, 5ms, 10ms});
    std::unique_ptr<Notifier> notifier_;
    std::unique_ptr<TaskGroup> group_;

    std::string owner_ = make_id();
    int status_ = 200;
    std::string user_ = R"({"id":"x","username":"ada","email":"ada@example.com"})";
    int asked_ = 0;
};

TEST_F(NotifierTest, TheOwnerIsToldByMail)
{
    start();
    auto event = publish("file.processed");
    finish();
    ASSERT_THAT(mails(), SizeIs(1));
    EXPECT_EQ(mails()[0].filename(), event.id + ".eml");
    std::string text = read(mails()[0]);
    EXPECT_THAT(text, HasSubstr("To: ada <ada@example.com>\r\n"));
    EXPECT_THAT(text, HasSubstr("Message-ID: <" + event.id + "@example.org>\r\n"));
    EXPECT_THAT(text, HasSubstr("\r\nYour files: https://files.example.org/console/\r\n"));
}

TEST_F(NotifierTest, AFailureIsToldWithItsReason)
{
    start();
    publish("file.failed");
    finish();
    ASSERT_THAT(mails(), SizeIs(1));
    EXPECT_THAT(read(mails()[0]), HasSubstr("\r\n  No audio track.\r\n"));
}

struct Silent {
    const char* name;
    int status;
    const char* user;
};

class SilentTest : public NotifierTest, public ::testing::WithParamInterface<Silent> {};

TEST_P(SilentTest, NoMailAndNoRetry)
{
    status_ = GetParam().status;
    user_ = GetParam().user;
    start();
    publish("file.processed");
    finish();
    EXPECT_EQ(asked_, 1);
    EXPECT_THAT(mails(), IsEmpty());
    EXPECT_THAT(dead(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Notifier, SilentTest,
    ::testing::Values(Silent{"UserIsGone", 404, "{}"}, Silent{"NoAddress", 200, R"({"username":"ada","email":null})"},
                      Silent{"EmptyAddress", 200, R"({"username":"ada","email":""})"},
                      Silent{"UnusableAddress", 200, R"({"username":"ada","email":"a@b\r\nBcc: c@d"})"}),
    [](const auto& info) { return std::string(info.param.name); });

struct Trouble {
    const char* name;
    int status;
    const char* user;
};

class TroubleTest : public NotifierTest, public ::testing::WithParamInterface<Trouble> {};

TEST_P(TroubleTest, OfAuthIsTriedAgain)
{
    status_ = GetParam().status;
    user_ = GetParam().user;
    start();
    publish("file.processed");
    finish();
    EXPECT_EQ(asked_, attempts_max);
    EXPECT_THAT(mails(), IsEmpty());
    EXPECT_THAT(dead(), SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(Notifier, TroubleTest,
                         ::testing::Values(Trouble{"Unavailable", 503, "{}"}, Trouble{"Unauthorized", 401, "{}"},
                                           Trouble{"NoJson", 200, "<html>"}, Trouble{"NoObject", 200, "[]"}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(NotifierTest, EventsWithoutAnOwnerOrOfAnotherTypeAreLetGo)
{
    start();
    auto event = event_of("file.processed");
    event.data["owner"] = "../../internal/keys";
    publish(event);
    publish("user.password_changed");
    finish();
    EXPECT_EQ(asked_, 0);
    EXPECT_THAT(mails(), IsEmpty());
    EXPECT_THAT(dead(), IsEmpty());
}

TEST_F(NotifierTest, AMailAboutAnAccountCarriesTheTokenThatTheEventDoesNot)
{
    start();
    auto event = event_of("user.password_reset_requested");
    event.data = {{"email", "ada@example.com"}, {"username", "ada"}, {"ticket", "abcdefghijklmnopqrstuv"}};
    publish(event);
    finish();
    EXPECT_EQ(asked_, 0);
    ASSERT_THAT(mails(), SizeIs(1));
    std::string mail = read(mails()[0]);
    EXPECT_THAT(mail, HasSubstr("To: ada@example.com\r\n"));
    // The line breaks of quoted-printable.
    for (auto at = mail.find("=\r\n"); at != mail.npos; at = mail.find("=\r\n"))
        mail.erase(at, 3);
    auto token = identity::one_time_token(key_, "abcdefghijklmnopqrstuv");
    EXPECT_THAT(mail, HasSubstr(token.reveal()));
}

TEST_F(NotifierTest, AnEventIdThatIsNoUuidNamesNoFile)
{
    start();
    auto event = event_of("file.processed");
    event.id = "../../escape";
    publish(event);
    finish();
    ASSERT_THAT(mails(), SizeIs(1));
    EXPECT_TRUE(is_id(mails()[0].stem().string()));
}

TEST_F(NotifierTest, MailsGoOverSmtpWhereThatIsConfigured)
{
    SmtpServerForTests server;
    start({.url = server.url(), .username = "", .starttls = false});
    publish("file.processed");
    finish();
    ASSERT_THAT(server.received(), SizeIs(1));
    EXPECT_EQ(server.received()[0].recipient, "ada@example.com");
    EXPECT_THAT(mails(), IsEmpty());
}

TEST_F(NotifierTest, ABusySmtpServerIsTriedAgain)
{
    SmtpServerForTests server;
    server.answer("RCPT", "450 busy");
    start({.url = server.url(), .username = "", .starttls = false});
    publish("file.processed");
    finish();
    ASSERT_THAT(dead(), SizeIs(1));
    EXPECT_THAT(dead()[0].reason, HasSubstr("450 busy"));
    server.answer_as_usual();
    EXPECT_TRUE(run_task(context_, queue_->retry_dead_letter(dead()[0].id)));
    finish();
    EXPECT_THAT(server.received(), SizeIs(1));
}

TEST_F(NotifierTest, ARefusedRecipientIsNotTriedAgain)
{
    SmtpServerForTests server;
    server.answer("RCPT", "550 no such user");
    start({.url = server.url(), .username = "", .starttls = false});
    publish("file.processed");
    finish();
    EXPECT_EQ(asked_, 1);
    EXPECT_THAT(dead(), IsEmpty());
}

TEST_F(NotifierTest, StoppingDoesNotWaitForASilentServer)
{
    SmtpServerForTests server;
    server.answer("RCPT", "");
    start({.url = server.url(), .username = "", .starttls = false});
    publish("file.processed");
    run_task(context_, until_said(server, "RCPT"));
    auto begin = std::chrono::steady_clock::now();
    stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
    EXPECT_EQ(run_task(context_, queue_->depth("notifier")), 1U);
}

TEST_F(NotifierTest, ASenderThatIsNoAddressIsRefusedAtStart)
{
    Config config;
    config.from = "nobody";
    EXPECT_THROW(Notifier(config, {*queue_, *auth_, key_, clock_, metrics_}, "x", mail_directory()),
                 std::invalid_argument);
}

}  // namespace
}  // namespace gatehouse::notifier
