// SPDX-License-Identifier: Apache-2.0
// What of the services' endpoints outlives a new configuration.
#include "gateway/upstream_set.hpp"

#include "support/certificates.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace gatehouse::gateway {
namespace {

using gatehouse::testing::CertificateAuthority;
using gatehouse::testing::TempDir;

class UpstreamSetTest : public ::testing::Test {
protected:
    static UpstreamConfig service(std::string name, const std::string& url, http::TlsClientOptions tls = {})
    {
        UpstreamConfig config;
        config.name = std::move(name);
        config.endpoints = {{.url = url}};
        config.tls = std::move(tls);
        return config;
    }
    http::TlsClientOptions trusting() const { return {.authorities = file_, .server_name = "", .identity = {}}; }

    TempDir directory_;
    CertificateAuthority authority_{directory_.path()};
    std::string file_ = authority_.file();
    IoThreads threads_{1};
    PerThread<http::Client> clients_{1, [this](std::size_t i) {
                                         return std::make_unique<http::Client>(threads_.context(i).get_executor(),
                                                                               http::ClientOptions{});
                                     }};
};

TEST_F(UpstreamSetTest, ServicesWithTheSameTlsSettingsShareThem)
{
    Config config;
    config.upstreams = {service("a", "https://a", trusting()), service("b", "https://b", trusting()),
                        service("c", "https://c"), service("d", "http://d")};
    UpstreamSet set(config, clients_);
    EXPECT_NE(set.all()[0].tls, nullptr);
    EXPECT_EQ(set.all()[0].tls, set.all()[1].tls);
    EXPECT_NE(set.all()[0].tls, set.all()[2].tls);
    EXPECT_EQ(set.all()[3].tls, nullptr);
    EXPECT_EQ(set.all()[0].upstream->endpoints()->endpoint(0).tls, set.all()[0].tls);
    EXPECT_EQ(set.all()[3].upstream->endpoints()->endpoint(0).tls, nullptr);
}

TEST_F(UpstreamSetTest, ARouteMayListUrlsOfItsOwn)
{
    Config config;
    config.routes.push_back({.path = "/a", .upstreams = {"https://a", "http://b"}});
    UpstreamSet set(config, clients_);
    ASSERT_NE(set.all()[0].tls, nullptr);
    EXPECT_EQ(set.all()[0].upstream->endpoints()->endpoint(0).tls, set.all()[0].tls);
    EXPECT_EQ(set.all()[0].upstream->endpoints()->endpoint(1).tls, nullptr);
}

TEST_F(UpstreamSetTest, WhatDidNotChangeIsTakenOver)
{
    Config config;
    config.upstreams = {service("a", "https://a", trusting()), service("b", "http://b")};
    UpstreamSet before(config, clients_);
    UpstreamSet after(config, clients_, &before);
    for (int i : {0, 1})
        EXPECT_EQ(after.all()[i].upstream, before.all()[i].upstream);
    EXPECT_EQ(after.all()[0].tls, before.all()[0].tls);
}

TEST_F(UpstreamSetTest, AChangedFileBeginsAnewAndLeavesTheOthersAlone)
{
    Config config;
    config.upstreams = {service("a", "https://a", trusting()), service("b", "https://b"), service("c", "http://c")};
    UpstreamSet before(config, clients_);
    CertificateAuthority again(directory_.path());
    UpstreamSet after(config, clients_, &before);
    EXPECT_NE(after.all()[0].upstream, before.all()[0].upstream);
    EXPECT_NE(after.all()[0].tls, before.all()[0].tls);
    for (int i : {1, 2})
        EXPECT_EQ(after.all()[i].upstream, before.all()[i].upstream);
}

TEST_F(UpstreamSetTest, AFileThatCannotBeUsedIsNamed)
{
    Config config;
    config.upstreams = {service("a", "https://a", trusting())};
    UpstreamSet before(config, clients_);
    std::filesystem::remove(file_);
    try {
        UpstreamSet after(config, clients_, &before);
        ADD_FAILURE() << "taken";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()), "a: the authorities file " + file_ + " does not exist");
    }
}

}  // namespace
}  // namespace gatehouse::gateway
