// SPDX-License-Identifier: Apache-2.0
#include "notifier/mail_directory.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "notifier/mailer.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

namespace gatehouse::notifier {
namespace {

namespace fs = std::filesystem;

struct MailDirectoryTest : ::testing::Test {
    std::string send(const std::string& subject, const std::string& text = "hello\n")
    {
        Mail mail{.id = make_id(),
                  .from = {.name = "Gatehouse", .mailbox = "gatehouse@example.org"},
                  .to = {.name = "Ada Lövelace", .mailbox = "ada@example.org"},
                  .subject = subject,
                  .date = from_unix_ms(1'796'000'000'000),
                  .text = text};
        mailer->send(mail);
        return mail.id;
    }
    // Files of one moment have no order.
    void set_age(const std::string& id, std::chrono::seconds age)
    {
        fs::last_write_time(path / (id + ".eml"), fs::file_time_type::clock::now() - age);
    }

    testing::TempDir directory;
    fs::path path = directory.path() / "mail";
    std::unique_ptr<Mailer> mailer = make_directory_mailer(path);
    MailDirectory mails{path};
};

TEST_F(MailDirectoryTest, WhatWasSentIsReadAsItWasMeant)
{
    std::string text = "https://gate.example/console/reset#abc=def\n\nGrüße, " + std::string(200, 'x') + "\n.\n";
    std::string id =
        send("Ein sehr langer Betreff, der über mehrere kodierte Wörter geht und länger als eine Zeile", text);
    auto found = mails.find(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    EXPECT_EQ(found->mail.from, "Gatehouse <gatehouse@example.org>");
    EXPECT_EQ(found->mail.to, "Ada Lövelace <ada@example.org>");
    EXPECT_EQ(found->mail.subject,
              "Ein sehr langer Betreff, der über mehrere kodierte Wörter geht und länger als eine Zeile");
    EXPECT_EQ(found->mail.text, text);
}

TEST_F(MailDirectoryTest, TheNewestComeFirstAndNoMoreThanWereAskedFor)
{
    EXPECT_TRUE(mails.newest(3).empty());
    std::vector<std::string> sent;
    for (int i = 0; i < 5; ++i) {
        sent.push_back(send("mail " + std::to_string(i)));
        set_age(sent.back(), std::chrono::seconds(100 - i));
    }
    auto found = mails.newest(3);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].id, sent[4]);
    EXPECT_EQ(found[0].mail.subject, "mail 4");
    EXPECT_EQ(found[2].id, sent[2]);
    EXPECT_GT(found[0].at, found[1].at);
}

TEST_F(MailDirectoryTest, NothingButMailsIsFound)
{
    std::string id = send("a mail");
    std::ofstream(directory.path() / "secret.eml") << "Subject: not this\n\nsecret\n";
    std::ofstream(path / "notes.eml") << "Subject: nor this\n\n";
    std::string link = make_id();
    fs::create_symlink(directory.path() / "secret.eml", path / (link + ".eml"));
    std::string folder = make_id();
    fs::create_directory(path / (folder + ".eml"));
    for (std::string name : {std::string("../secret"), std::string("notes"), std::string(""), std::string(".."),
                             id + ".eml", "./" + id, link, folder, make_id()})
        EXPECT_FALSE(mails.find(name)) << name;
    auto found = mails.newest(10);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id, id);
}

TEST_F(MailDirectoryTest, WhatCannotBeReadIsSaid)
{
    std::ofstream(path) << "a file where the directory should be";
    EXPECT_THROW(mails.newest(1), Unavailable);
}

TEST(MailReader, BytesThatNobodyMeantBecomeText)
{
    auto mail =
        read_mail("Subject: =?UTF-8?B?//8=?= =?UTF-8?B?broken?= x\r\nTo:\r\n folded\r\nno colon\r\n\r\n=FF=4 =\r\nok=");
    EXPECT_EQ(mail.subject, "\xef\xbf\xbd\xef\xbf\xbd =?UTF-8?B?broken?= x");
    EXPECT_EQ(mail.to, "folded");
    EXPECT_EQ(mail.text, "\xef\xbf\xbd=4 ok");
    EXPECT_EQ(read_mail("").text, "");
    EXPECT_EQ(read_mail("Subject: alone").subject, "alone");
}

TEST(MailReader, EncodedWordsLoseOnlyTheSpaceBetweenThem)
{
    EXPECT_EQ(decode_header("a =?UTF-8?B?Yg==?= =?UTF-8?B?Yw==?= d"), "a bc d");
    EXPECT_EQ(decode_header("=?UTF-8?B?Yg=="), "=?UTF-8?B?Yg==");
}

}  // namespace
}  // namespace gatehouse::notifier
