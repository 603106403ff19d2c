// SPDX-License-Identifier: Apache-2.0
#include "app/application.hpp"

#include "app/control.hpp"
#include "app/data_directory.hpp"
#include "app/run_task.hpp"
#include "base/encoding.hpp"
#include "base/timeout.hpp"
#include "http/client.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <sys/stat.h>

namespace gatehouse::app {

namespace {

using ::testing::HasSubstr;

constexpr std::string_view password = "a long enough password";

struct Answer {
    int status = 0;
    std::string body;
};

Task<Answer> fetch_once(http::Client& client, http::Endpoint endpoint, http::Request& request)
{
    auto response = co_await client.send(endpoint, endpoint.authority(), request);
    Answer answer{response.status, response.body};
    while (response.stream) {
        auto piece = co_await response.stream->read();
        if (piece.empty())
            break;
        answer.body.append(piece);
    }
    co_return answer;
}

Answer fetch(const ListenAddress& address, std::string method, std::string target, http::Headers headers = {})
{
    asio::io_context context;
    http::Client client(context.get_executor(), http::ClientOptions{});
    http::StringBody body;
    http::Request request;
    request.head.method = std::move(method);
    request.head.target = std::move(target);
    request.head.headers = std::move(headers);
    request.body = &body;
    http::Endpoint endpoint{"http", address.host, address.port, ""};
    auto answer =
        run_task(context, with_timeout(fetch_once(client, endpoint, request), std::chrono::seconds{20}, "fetch"));
    client.close_idle();
    return answer;
}

Answer login(const ListenAddress& address, std::string_view name)
{
    http::Headers headers;
    headers.add("authorization", "Basic " + to_base64(fmt::format("{}:{}", name, password)));
    return fetch(address, "POST", "/login", headers);
}

class ApplicationTest : public ::testing::Test {
protected:
    Config config() const
    {
        Config config;
        config.data = (directory_.path() / "data").string();
        config.gateway.listen = "127.0.0.1:0";
        config.auth.listen = "127.0.0.1:0";
        config.files.listen = "127.0.0.1:0";
        config.ops.listen = "127.0.0.1:0";
        config.io.threads = 2;
        return config;
    }

    json::value command(const std::string& name, const json::object& arguments) const
    {
        DataDirectory data(config().data);
        return call_control(data.control_socket(), name, arguments);
    }

    bool wait_until_gone(const std::filesystem::path& path) const
    {
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (std::filesystem::exists(path) && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        return !std::filesystem::exists(path);
    }

    testing::TempDir directory_;
};

std::string what_of(const std::function<void()>& run)
{
    try {
        run();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST_F(ApplicationTest, ServesLogsInAndStops)
{
    Application application(config());
    application.start();
    auto report = application.report();
    ASSERT_EQ(report.listening.size(), 1U);
    auto gateway = report.listening[0].address;
    EXPECT_NE(gateway.port, 0);
    EXPECT_EQ(report.public_url, fmt::format("http://localhost:{}", gateway.port));

    EXPECT_EQ(fetch(report.ops, "GET", "/livez").status, 200);
    EXPECT_EQ(fetch(report.ops, "GET", "/startupz").status, 200);
    EXPECT_THAT(fetch(report.ops, "GET", "/readyz?verbose").body, HasSubstr("ok   auth\n"));
    EXPECT_THAT(fetch(report.ops, "GET", "/metrics").body,
                HasSubstr("gatehouse_build_info{version=\"" GATEHOUSE_VERSION));

    EXPECT_EQ(login(gateway, "ada").status, 401);
    command("user.add", {{"name", "ada"}, {"password", password}, {"roles", {"admin"}}});
    auto token = login(gateway, "ada");
    ASSERT_EQ(token.status, 200);
    http::Headers bearer;
    bearer.add("authorization", "Bearer " + token.body);
    EXPECT_THAT(fetch(gateway, "GET", "/profile", bearer).body, HasSubstr("\"ada\""));
    EXPECT_EQ(fetch(gateway, "GET", "/profile").status, 401);

    application.stop();
    EXPECT_THROW(fetch(gateway, "GET", "/"), Unavailable);
}

TEST_F(ApplicationTest, KeepsItsUsersAndKeysOverARestart)
{
    std::string token;
    {
        Application application(config());
        application.start();
        command("user.add", {{"name", "ada"}, {"password", password}});
        token = login(application.report().listening[0].address, "ada").body;
        application.stop();
    }
    auto again = config();
    again.auth.issuer = "http://elsewhere";  // the port is another one now
    Application application(again);
    application.start();
    EXPECT_EQ(login(application.report().listening[0].address, "ada").status, 200);
    EXPECT_EQ(command("key.list", {}).at("items").as_array().size(), 1U);
    application.stop();
}

TEST_F(ApplicationTest, SecondStartInTheSameDirectoryIsRefusedWithDirectoryAndProcess)
{
    Application first(config());
    auto what = what_of([&] { Application second(config()); });
    EXPECT_THAT(what, HasSubstr((directory_.path() / "data").string()));
    EXPECT_THAT(what, HasSubstr(fmt::format("process {}", ::getpid())));
}

TEST_F(ApplicationTest, TakenAddressIsNamed)
{
    Application first(config());
    auto other = config();
    other.data = (directory_.path() / "other").string();
    other.gateway.listen = to_string(first.report().listening[0].address);
    EXPECT_THAT(what_of([&] { Application second(other); }), HasSubstr(other.gateway.listen));
}

TEST_F(ApplicationTest, BrokenStoreIsNamedWithItsKey)
{
    std::filesystem::create_directory(config().data);
    std::ofstream(std::filesystem::path(config().data) / "auth.db") << std::string(4096, 'x');
    auto what = what_of([&] {
        Application application(config());
        application.start();
    });
    EXPECT_THAT(what, HasSubstr("auth"));
    EXPECT_NE(what, "nothing was thrown");
}

TEST_F(ApplicationTest, SetupLinkIsPrivateAndGoesWithTheFirstAdministrator)
{
    {
        Application application(config());
        application.start();
        auto report = application.report();
        ASSERT_TRUE(report.setup_link);
        EXPECT_THAT(*report.setup_link, HasSubstr(report.public_url + "/console/setup#"));

        auto file = report.data / "setup-link";
        struct stat info{};
        ASSERT_EQ(::stat(file.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777U, 0600U);
        std::stringstream text;
        text << std::ifstream(file).rdbuf();
        EXPECT_EQ(text.str(), *report.setup_link + "\n");

        command("user.add", {{"name", "joe"}, {"password", password}});
        command("user.add", {{"name", "ada"}, {"password", password}, {"roles", {"admin"}}});
        EXPECT_TRUE(wait_until_gone(file));
        application.stop();
    }
    Application again(config());
    again.start();
    EXPECT_FALSE(again.report().setup_link);
}

TEST_F(ApplicationTest, CommandsFailWithASentence)
{
    Application application(config());
    application.start();
    EXPECT_EQ(what_of([&] { command("user.show", {{"name", "nobody"}}); }), "there is no user \"nobody\"");
    EXPECT_EQ(what_of([&] { command("user.show", {}); }), "the argument `name` is missing");
    EXPECT_EQ(what_of([&] { command("dead.retry", {{"id", "x"}}); }), "there is no dead letter \"x\"");
    EXPECT_EQ(what_of([&] { command("nonsense", {}); }), "there is no command nonsense");
}

TEST_F(ApplicationTest, CommandsTellWhenNoServerAnswers)
{
    DataDirectory data(config().data);
    EXPECT_THROW(call_control(data.control_socket(), "user.list", {}), Unavailable);
}

TEST_F(ApplicationTest, KeyRotatedInAnEmergencySignsAtOnceAndTheOldOneIsStillAccepted)
{
    Application application(config());
    application.start();
    auto gateway = application.report().listening[0].address;
    command("user.add", {{"name", "ada"}, {"password", password}});
    http::Headers old;
    old.add("authorization", "Bearer " + login(gateway, "ada").body);
    auto made = command("key.rotate", {{"now", true}});

    auto jwks = fetch(gateway, "GET", "/.well-known/jwks.json").body;
    EXPECT_THAT(jwks, HasSubstr(made.at("kid").as_string().c_str()));
    EXPECT_EQ(fetch(gateway, "GET", "/profile", old).status, 200);
    auto header = from_base64url(login(gateway, "ada").body.substr(0, login(gateway, "ada").body.find('.')));
    EXPECT_THAT(header.value_or(""), HasSubstr(made.at("kid").as_string().c_str()));
    application.stop();
}

TEST_F(ApplicationTest, WorksInADirectoryWhoseNameIsTooLongForASocket)
{
    auto deep = config();
    deep.data = (directory_.path() / std::string(120, 'd')).string();
    Application application(deep);
    application.start();
    DataDirectory data(deep.data);
    EXPECT_EQ(call_control(data.control_socket(), "user.list", {}).at("items").as_array().size(), 0U);
    application.stop();
}

TEST_F(ApplicationTest, RolesWithoutAGatewayListenOnAddressesOfTheirOwn)
{
    auto some = config();
    some.roles = {"auth", "files", "worker"};
    Application application(some);
    application.start();
    auto report = application.report();
    ASSERT_EQ(report.listening.size(), 2U);
    EXPECT_EQ(report.listening[0].role, "auth");
    EXPECT_EQ(fetch(report.listening[0].address, "GET", "/.well-known/jwks.json").status, 200);
    EXPECT_EQ(fetch(report.listening[1].address, "GET", "/files").status, 401);
    application.stop();
}

TEST_F(ApplicationTest, EveryRoleSetThatIsAllowedBuildsAndStops)
{
    for (const std::vector<std::string>& roles : {std::vector<std::string>{"auth"},
                                                  {"auth", "notifier"},
                                                  {"auth", "files"},
                                                  {"gateway", "auth", "files"},
                                                  {"all"}}) {
        auto some = config();
        some.roles = roles;
        Application application(some);
        application.start();
        EXPECT_EQ(fetch(application.report().ops, "GET", "/readyz").status, 200);
        application.stop();
    }
}

// The gateway alone, and everything else behind it in another process.
TEST_F(ApplicationTest, GatewayApartFromTheOtherRoles)
{
    auto inner_config = config();
    inner_config.roles = {"auth", "files", "worker", "notifier"};
    inner_config.gateway.public_url = "https://gate.example";
    inner_config.service_key = Secret(std::string(32, 's'));
    Application inner(inner_config);
    auto outer_config = config();
    outer_config.data = (directory_.path() / "gateway").string();
    outer_config.roles = {"gateway"};
    outer_config.gateway.public_url = "https://gate.example";
    outer_config.service_key = inner_config.service_key;
    auto listening = inner.report().listening;
    ASSERT_EQ(listening.size(), 2U);
    outer_config.auth.urls = {local_url(listening[0].address)};
    outer_config.files.urls = {local_url(listening[1].address)};
    Application outer(outer_config);

    // It comes up without auth, says what it lacks, and does not take a token for a wrong one.
    outer.start();
    auto gateway = outer.report().listening.at(0).address;
    http::Headers bearer;
    bearer.add("authorization", "Bearer e30.e30.e30");
    EXPECT_EQ(fetch(gateway, "GET", "/files", bearer).status, 503);
    auto readiness = fetch(outer.report().ops, "GET", "/readyz");
    EXPECT_EQ(readiness.status, 503);
    EXPECT_EQ(readiness.body, "not ready, without auth.keys, auth.revocations\n");

    inner.start();
    command("user.add", {{"name", "ada"}, {"password", password}});
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (fetch(outer.report().ops, "GET", "/readyz").status != 200 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_EQ(fetch(outer.report().ops, "GET", "/readyz").body, "ready\n");
    auto token = login(gateway, "ada");
    ASSERT_EQ(token.status, 200);
    bearer.set("authorization", "Bearer " + token.body);
    EXPECT_THAT(fetch(gateway, "GET", "/profile", bearer).body, HasSubstr("\"ada\""));
    EXPECT_THAT(fetch(gateway, "GET", "/files", bearer).body, HasSubstr("\"items\":[]"));
    EXPECT_EQ(fetch(gateway, "GET", "/internal/users/x", bearer).status, 404);

    inner.stop();
    EXPECT_EQ(fetch(gateway, "GET", "/files", bearer).status, 503);
    EXPECT_EQ(login(gateway, "ada").status, 503);
    outer.stop();
}

TEST(DataDirectoryTest, PrivateFilesAreMadeOnceAndMustStayPrivate)
{
    testing::TempDir temp;
    DataDirectory data(temp.path() / "data");
    int made = 0;
    auto make = [&] { return Secret("key " + std::to_string(++made)); };
    EXPECT_EQ(data.read_or_create("k", make).reveal(), "key 1");
    EXPECT_EQ(data.read_or_create("k", make).reveal(), "key 1");
    ASSERT_EQ(::chmod((data.path() / "k").c_str(), 0640), 0);
    EXPECT_THAT(what_of([&] { data.read_or_create("k", make); }), HasSubstr("its mode must be 0600"));
}

TEST(DataDirectoryTest, LockIsFreeAgainWithItsHolder)
{
    testing::TempDir temp;
    auto first = std::make_unique<DataDirectory>(temp.path());
    ASSERT_TRUE(first->try_lock());
    DataDirectory second(temp.path());
    EXPECT_FALSE(second.try_lock());
    EXPECT_EQ(second.lock_holder(), ::getpid());
    first.reset();
    EXPECT_TRUE(second.try_lock());
}

}  // namespace

}  // namespace gatehouse::app
