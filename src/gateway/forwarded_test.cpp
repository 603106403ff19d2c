// SPDX-License-Identifier: Apache-2.0
#include "gateway/forwarded.hpp"

#include <gtest/gtest.h>

namespace gatehouse::gateway {
namespace {

const TrustedProxies proxies({"10.0.0.0/8", "fd00::/8"});

http::Request request_from(const std::string& peer, const std::vector<std::pair<std::string, std::string>>& fields)
{
    http::Request request;
    request.remote_address = peer;
    request.head.headers.add("host", "inner.example");
    for (const auto& [name, value] : fields)
        request.head.headers.add(name, value);
    proxies.apply(request);
    return request;
}

std::string client_of(const std::string& peer, const std::vector<std::string>& forwarded_for)
{
    std::vector<std::pair<std::string, std::string>> fields;
    for (const std::string& value : forwarded_for)
        fields.emplace_back("x-forwarded-for", value);
    return request_from(peer, fields).remote_address;
}

TEST(TrustedProxies, TheFirstAddressFromTheRightThatIsNoProxyIsTheClient)
{
    EXPECT_EQ(client_of("10.0.0.1", {"192.0.2.7"}), "192.0.2.7");
    EXPECT_EQ(client_of("10.0.0.1", {"203.0.113.1, 192.0.2.7, 10.9.9.9"}), "192.0.2.7");
    EXPECT_EQ(client_of("10.0.0.1", {"203.0.113.1", "192.0.2.7", "10.9.9.9"}), "192.0.2.7");
    EXPECT_EQ(client_of("fd00::1", {"2001:db8::5"}), "2001:db8::5");
    EXPECT_EQ(client_of("10.0.0.1", {"10.2.2.2, 10.3.3.3"}), "10.2.2.2");
    EXPECT_EQ(client_of("10.0.0.1", {}), "10.0.0.1");
}

TEST(TrustedProxies, PortsAndBracketsAreNoPartOfAnAddress)
{
    EXPECT_EQ(client_of("10.0.0.1", {"192.0.2.7:4711"}), "192.0.2.7");
    EXPECT_EQ(client_of("10.0.0.1", {"[2001:db8::5]:4711"}), "2001:db8::5");
    EXPECT_EQ(client_of("10.0.0.1", {"[2001:db8::5]"}), "2001:db8::5");
}

TEST(TrustedProxies, WhatCannotBeReadEndsTheList)
{
    EXPECT_EQ(client_of("10.0.0.1", {"192.0.2.7, unknown"}), "10.0.0.1");
    EXPECT_EQ(client_of("10.0.0.1", {"192.0.2.7, , 10.2.2.2"}), "10.2.2.2");
    EXPECT_EQ(client_of("10.0.0.1", {"192.0.2.7, [2001:db8::5"}), "10.0.0.1");
    EXPECT_EQ(client_of("10.0.0.1", {""}), "10.0.0.1");
}

TEST(TrustedProxies, NobodyElseIsBelieved)
{
    http::Request request = request_from(
        "192.0.2.7",
        {{"x-forwarded-for", "203.0.113.1"}, {"x-forwarded-proto", "https"}, {"x-forwarded-host", "evil.example"}});
    EXPECT_EQ(request.remote_address, "192.0.2.7");
    EXPECT_EQ(request.scheme, "http");
    EXPECT_EQ(request.head.headers.find("host"), "inner.example");
}

TEST(TrustedProxies, TheSchemeAndTheHostAreTheClients)
{
    http::Request request =
        request_from("10.0.0.1", {{"x-forwarded-proto", "https"}, {"x-forwarded-host", "shop.example:8443"}});
    EXPECT_EQ(request.scheme, "https");
    EXPECT_EQ(request.head.headers.find("host"), "shop.example:8443");
    EXPECT_EQ(request.head.headers.count("host"), 1U);
}

TEST(TrustedProxies, NonsenseIsNotTakenOver)
{
    http::Request request = request_from("10.0.0.1", {{"x-forwarded-proto", "gopher"}, {"x-forwarded-host", "a b\"c"}});
    EXPECT_EQ(request.scheme, "http");
    EXPECT_EQ(request.head.headers.find("host"), "inner.example");
}

}  // namespace
}  // namespace gatehouse::gateway
