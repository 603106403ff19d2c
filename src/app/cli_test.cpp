// SPDX-License-Identifier: Apache-2.0
#include "app/cli.hpp"

#include "app/describe.hpp"
#include "app/output.hpp"
#include "app/serve.hpp"
#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fcntl.h>

namespace gatehouse::app {

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
};

class CliTest : public ::testing::Test {
protected:
    // Runs the command line with `input` as its standard input.
    Outcome run(std::vector<std::string> words, const std::string& input = "")
    {
        auto path = directory_.path() / "stdin";
        std::ofstream(path) << input;
        UniqueFd before(::dup(STDIN_FILENO));
        UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        ::dup2(file.get(), STDIN_FILENO);

        words.insert(words.begin(), "gatehouse");
        std::vector<const char*> arguments;
        arguments.reserve(words.size());
        for (const std::string& word : words)
            arguments.push_back(word.c_str());
        ::testing::internal::CaptureStdout();
        ::testing::internal::CaptureStderr();
        Outcome outcome;
        outcome.code = run_command_line(static_cast<int>(arguments.size()), arguments.data());
        outcome.out = ::testing::internal::GetCapturedStdout();
        outcome.err = ::testing::internal::GetCapturedStderr();
        ::dup2(before.get(), STDIN_FILENO);
        return outcome;
    }

    std::string data() const { return (directory_.path() / "data").string(); }

    std::string write(const std::string& text)
    {
        auto path = (directory_.path() / "gatehouse.yaml").string();
        std::ofstream(path) << text;
        return path;
    }

    testing::TempDir directory_;
};

TEST_F(CliTest, HelpAndVersionAreFine)
{
    for (std::vector<std::string> words :
         {std::vector<std::string>{"--help"}, {"serve", "--help"}, {"user", "add", "--help"}}) {
        auto outcome = run(words);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_THAT(outcome.out, HasSubstr("Usage: gatehouse"));
        EXPECT_EQ(outcome.err, "");
    }
    EXPECT_THAT(run({"version"}).out, StartsWith("gatehouse " GATEHOUSE_VERSION "\n"));
    auto told = parse_json(run({"version", "--json"}).out);
    ASSERT_TRUE(told);
    EXPECT_EQ(find_string(told->as_object(), "version"), GATEHOUSE_VERSION);
    EXPECT_TRUE(find_string(told->as_object(), "compiler"));
    EXPECT_EQ(run({"--version"}).out, "gatehouse " GATEHOUSE_VERSION "\n");
}

TEST_F(CliTest, BadUsageIsTwo)
{
    for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                  {"sevre"},
                                                  {"serve", "--port", "1"},
                                                  {"user"},
                                                  {"user", "add"},
                                                  {"user", "show", "a", "b"},
                                                  {"config", "check", "--config"},
                                                  {"describe", "nothing"}}) {
        auto outcome = run(words);
        EXPECT_EQ(outcome.code, 2) << ::testing::PrintToString(words);
        EXPECT_EQ(outcome.out, "") << ::testing::PrintToString(words);
        EXPECT_NE(outcome.err, "") << ::testing::PrintToString(words);
    }
}

TEST_F(CliTest, EveryCommandRefusesABadConfigurationWithTwo)
{
    auto path = write("auth:\n  stoer: x\nio: {threads: x}\n");
    for (const std::vector<std::string>& command : {std::vector<std::string>{"config", "check"},
                                                    {"config", "print"},
                                                    {"serve"},
                                                    {"user", "list"},
                                                    {"dead", "list"}}) {
        auto words = command;
        words.insert(words.end(), {"--config", path});
        auto outcome = run(words);
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(outcome.err, path + ":2:3: auth.stoer: unknown key; did you mean `store`?\n" + path +
                                   ":3:15: io.threads: must be a whole number, not `x`\n");
    }
}

TEST_F(CliTest, ConfigPrintShowsWhatIsInForce)
{
    auto path =
        write("auth: {access_token_ttl: 5m}\nnotifier: {smtp: {url: 'smtp://m', username: u, password: hunter2}}\n");
    auto yaml =
        run({"config", "print", "--config", path, "--listen", ":1234", "--role", "gateway,auth", "--role", "files"});
    EXPECT_EQ(yaml.code, 0);
    EXPECT_THAT(yaml.out, HasSubstr("  access_token_ttl: 5m\n"));
    EXPECT_THAT(yaml.out, HasSubstr("  listen: \":1234\"\n"));
    EXPECT_THAT(yaml.out, HasSubstr("roles: [\"gateway\", \"auth\", \"files\"]\n"));
    EXPECT_THAT(yaml.out, ::testing::Not(HasSubstr("hunter2")));

    auto parsed = parse_json(run({"config", "print", "--config", path, "--json"}).out.substr(0));
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->at("auth").at("access_token_ttl"), "5m");
    EXPECT_EQ(run({"config", "check", "--config", path}).out, "The configuration is fine.\n");
    EXPECT_THAT(run({"config", "check"}).out, HasSubstr("No file was looked at"));
}

TEST_F(CliTest, ConfigFileCanBeNamedByAVariable)
{
    auto path = write("nonsense: 1\n");
    ::setenv("GATEHOUSE_CONFIG", path.c_str(), 1);
    auto outcome = run({"config", "check"});
    ::unsetenv("GATEHOUSE_CONFIG");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, StartsWith(path + ":1:1: nonsense: unknown key"));
}

TEST_F(CliTest, UsersAreManagedWithoutAServer)
{
    auto added = run(
        {"user", "add", "ada", "--email", "ada@example.org", "--role", "admin", "--password-stdin", "--data", data()},
        "a long enough password\n");
    EXPECT_EQ(added.code, 0) << added.err;
    EXPECT_EQ(added.out, "Added ada.\n");
    EXPECT_EQ(run({"user", "add", "joe", "--password-stdin", "--data", data()}, "another long password").code, 0);

    auto list = run({"user", "list", "--data", data()});
    EXPECT_THAT(list.out, StartsWith("NAME"));
    EXPECT_THAT(list.out, HasSubstr("ada@example.org"));
    auto json = parse_json(run({"user", "show", "ada", "--json", "--data", data()}).out.substr(0));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->at("roles"), json::array{"admin"});

    EXPECT_EQ(run({"user", "disable", "joe", "--data", data()}).out, "joe is locked out.\n");
    EXPECT_EQ(run({"user", "enable", "joe", "--data", data()}).out, "joe may log in.\n");
    EXPECT_EQ(run({"user", "passwd", "joe", "--password-stdin", "--data", data()}, "yet another password\n").code, 0);
    EXPECT_EQ(run({"user", "remove", "joe", "--data", data()}).out, "Removed joe.\n");
    auto gone = run({"user", "show", "joe", "--data", data()});
    EXPECT_EQ(gone.code, 1);
    EXPECT_EQ(gone.err, "gatehouse: there is no user \"joe\"\n");
}

TEST_F(CliTest, PasswordComesFromATerminalOrFromStdinButIsNeverGuessed)
{
    auto outcome = run({"user", "add", "ada", "--data", data()}, "a long enough password\n");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--password-stdin"));
    EXPECT_EQ(run({"user", "add", "ada", "--password-stdin", "--data", data()}, "").code, 2);
    EXPECT_EQ(run({"user", "add", "ada", "--password-stdin", "--data", data()}, "short\n").code, 1);
    EXPECT_FALSE(std::filesystem::exists(data() + "/control.sock"));
}

TEST_F(CliTest, CommandsOnNothingSaySo)
{
    auto outcome = run({"user", "list", "--data", data()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "gatehouse: there is no data directory " + data() + ": nothing was started there yet\n");
    EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(CliTest, ListingsOfNothingAreEmptyJson)
{
    std::filesystem::create_directory(data());
    EXPECT_EQ(run({"dead", "list", "--data", data()}).out, "There are no dead letters.\n");
    EXPECT_EQ(run({"dead", "list", "--json", "--data", data()}).out, "{\"items\":[]}\n");
    EXPECT_EQ(run({"key", "list", "--json", "--data", data()}).out, "{\"items\":[]}\n");
    EXPECT_EQ(run({"dead", "drop", "x", "--data", data()}).code, 1);
}

TEST(Output, TablesAlignAndShowControlCharacters)
{
    json::array items{json::object{{"a", "ü"}, {"b", json::array{"x", "y"}}},
                      json::object{{"a", "ab\x1b[2J"}, {"b", nullptr}}};
    EXPECT_EQ(format_table(items, {{"A", "a"}, {"B", "b"}}, "none"), "A          B\n"
                                                                     "ü          x, y\n"
                                                                     "ab\\x1b[2J  -\n");
    EXPECT_EQ(format_table({}, {{"A", "a"}}, "none"), "none\n");
    EXPECT_EQ(format_record({{"id", 1}, {"name", "x"}}), "id    1\nname  x\n");
}

TEST(Banner, SaysWhereToClick)
{
    StartReport report;
    report.roles = parse_roles({"all"});
    report.listening = {{"gateway", {"0.0.0.0", 8080}}};
    report.public_url = "https://example.org";
    report.ops = {"127.0.0.1", 9090};
    report.config = "/etc/gatehouse.yaml";
    report.data = "/srv/data";
    report.setup_link = "https://example.org/console/setup#token";
    auto text = banner(report);
    for (const char* part :
         {GATEHOUSE_VERSION, "gateway, auth, files, worker, notifier", "http://localhost:8080/", "0.0.0.0:8080",
          "https://example.org/\n", "http://127.0.0.1:9090 ", "/srv/data\n",
          "https://example.org/console/setup#token\n", "/srv/data/setup-link", "/etc/gatehouse.yaml\n"})
        EXPECT_THAT(text, HasSubstr(part));
    report.config.reset();
    EXPECT_THAT(banner(report), HasSubstr("config    no file"));
}

// The generated pages of the repository.
struct Page {
    std::string topic;
    std::string path;
};

void PrintTo(const Page& page, std::ostream* out) { *out << page.path; }

class Golden : public ::testing::TestWithParam<Page> {};

TEST_P(Golden, PageIsWhatTheProgramSays)
{
    std::filesystem::path root(GATEHOUSE_SOURCE_DIR);
    std::stringstream text;
    text << std::ifstream(root / GetParam().path).rdbuf();
    EXPECT_EQ(text.str(), describe_topic(GetParam().topic)) << "if the change is meant, run tools/update_golden";
}

INSTANTIATE_TEST_SUITE_P(Pages, Golden,
                         ::testing::Values(Page{"configuration", "docs/configuration.md"},
                                           Page{"problems", "docs/problems.md"}, Page{"help", "tests/golden/help.txt"},
                                           Page{"man", "tests/golden/gatehouse.1"},
                                           Page{"completion.bash", "tests/golden/completion.bash"},
                                           Page{"completion.zsh", "tests/golden/completion.zsh"},
                                           Page{"completion.fish", "tests/golden/completion.fish"}),
                         [](const auto& param_info) {
                             std::string name = param_info.param.topic;
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

}  // namespace

}  // namespace gatehouse::app
