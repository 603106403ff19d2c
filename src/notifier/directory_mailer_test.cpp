// SPDX-License-Identifier: Apache-2.0
#include "notifier/mailer_suite.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

namespace gatehouse::notifier {
namespace {

namespace fs = std::filesystem;

class DirectoryHarness {
public:
    Mailer& mailer() { return *mailer_; }
    std::vector<std::string> arrived()
    {
        std::vector<std::string> mails;
        if (fs::exists(path()))
            for (const auto& entry : fs::directory_iterator(path())) {
                EXPECT_EQ(entry.path().extension(), ".eml");
                std::ostringstream text;
                text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
                mails.push_back(text.str());
            }
        return mails;
    }
    void break_it() { std::ofstream(path()) << "a file where the directory should be"; }

    fs::path path() const { return directory_.path() / "mail"; }

private:
    testing::TempDir directory_;
    std::unique_ptr<Mailer> mailer_ = make_directory_mailer(path());
};

INSTANTIATE_TYPED_TEST_SUITE_P(Directory, MailerSuite, DirectoryHarness);

TEST(DirectoryMailer, AFileIsNamedAfterTheMailAndARepeatReplacesIt)
{
    DirectoryHarness harness;
    Mail mail = sample_mail();
    harness.mailer().send(mail);
    harness.mailer().send(mail);
    EXPECT_EQ(harness.arrived().size(), 1U);
    EXPECT_TRUE(fs::exists(harness.path() / (mail.id + ".eml")));
}

TEST(DirectoryMailer, OnlyTheOwnerMayReadMails)
{
    DirectoryHarness harness;
    Mail mail = sample_mail();
    harness.mailer().send(mail);
    struct stat status{};
    ASSERT_EQ(stat((harness.path() / (mail.id + ".eml")).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(DirectoryMailer, AFailedWriteLeavesNothing)
{
    DirectoryHarness harness;
    Mail mail = sample_mail();
    // A directory of that name cannot be replaced by a file.
    fs::create_directories(harness.path() / (mail.id + ".eml") / "x");
    EXPECT_THROW(harness.mailer().send(mail), Unavailable);
    EXPECT_EQ(std::distance(fs::directory_iterator(harness.path()), {}), 1);
}

}  // namespace
}  // namespace gatehouse::notifier
