// SPDX-License-Identifier: Apache-2.0
#include "app/config_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::app {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

gateway::RouteConfig route(std::string path, std::string permission = {})
{
    gateway::RouteConfig route;
    route.path = std::move(path);
    route.permission = std::move(permission);
    return route;
}

// "key: before -> after", with `!` in front of what waits for the next start.
std::vector<std::string> lines(Config before, Config after)
{
    std::vector<std::string> lines;
    for (const ConfigChange& change : find_changes(before, after))
        lines.push_back((change.at_next_start ? "!" : "") + change.key + ": " + json::serialize(change.before) +
                        " -> " + json::serialize(change.after));
    return lines;
}

TEST(ConfigChanges, OfTheSameConfigurationThereAreNone) { EXPECT_THAT(lines({}, {}), IsEmpty()); }

TEST(ConfigChanges, TellWhichSettingsWaitForTheNextStart)
{
    Config after;
    after.log.level = log::Level::debug;
    after.gateway.listen = "127.0.0.1:9999";
    EXPECT_THAT(lines({}, after), ElementsAre(R"(log.level: "info" -> "debug")",
                                              R"(!gateway.listen: "127.0.0.1:8080" -> "127.0.0.1:9999")"));
}

TEST(ConfigChanges, ASecretsChangeIsToldAndTheSecretIsNot)
{
    Config before, after;
    before.service_key = Secret("first");
    after.service_key = Secret("second");
    EXPECT_THAT(lines(before, after), ElementsAre(R"(!service_key: "[redacted]" -> "[redacted]")"));
    before.auth.store = "mysql://u:first@host/db";
    after.auth.store = "mysql://u:second@host/db";
    after.service_key = before.service_key;
    auto told = lines(before, after);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_THAT(told[0], Not(HasSubstr("second")));
}

TEST(ConfigChanges, ARouteIsNamedByItsPath)
{
    Config before, after;
    before.gateway.routes = {route("/kept"), route("/gone"), route("/changed", "a:read")};
    after.gateway.routes = {route("/changed", "b:read"), route("/kept"), route("/new")};
    auto told = lines(before, after);
    ASSERT_EQ(told.size(), 3U);
    EXPECT_THAT(told[0], ::testing::StartsWith("gateway.routes[/gone]: {"));
    EXPECT_THAT(told[0], ::testing::EndsWith("-> null"));
    EXPECT_EQ(told[1], R"(gateway.routes[/changed].permission: "a:read" -> "b:read")");
    EXPECT_THAT(told[2], ::testing::StartsWith("gateway.routes[/new]: null -> {"));
}

TEST(ConfigChanges, RoutesOfTheSamePathAreToldAsAWhole)
{
    Config before, after;
    before.gateway.routes = {route("/orders", "a:read"), route("/orders", "b:read")};
    after.gateway.routes = {route("/orders", "a:read"), route("/orders", "c:read")};
    auto told = lines(before, after);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_THAT(told[0], HasSubstr("b:read"));
    EXPECT_THAT(told[1], HasSubstr("c:read"));
}

TEST(ConfigChanges, AnotherOrderIsAChange)
{
    Config before, after;
    before.gateway.routes = {route("/a"), route("/b")};
    after.gateway.routes = {route("/b"), route("/a")};
    EXPECT_EQ(lines(before, after).size(), 1U);
}

TEST(TakeReloadable, TakesWhatCanChangeAndLeavesTheRest)
{
    Config running, loaded;
    loaded.gateway.listen = "127.0.0.1:9999";
    loaded.gateway.body_bytes_max = 7;
    loaded.gateway.routes = {route("/new")};
    loaded.log.level = log::Level::debug;
    Config next = take_reloadable(running, loaded);
    EXPECT_EQ(next.gateway.listen, running.gateway.listen);
    EXPECT_EQ(next.gateway.body_bytes_max, 7U);
    ASSERT_EQ(next.gateway.routes.size(), 1U);
    EXPECT_EQ(next.gateway.routes[0].path, "/new");
    EXPECT_EQ(next.log.level, log::Level::debug);
    EXPECT_THAT(lines(next, loaded), ElementsAre(HasSubstr("!gateway.listen")));
}

}  // namespace

}  // namespace gatehouse::app
