// SPDX-License-Identifier: Apache-2.0
#include "gateway/https_only.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gatehouse::gateway {
namespace {

Config redirecting(const std::string& public_url)
{
    Config config;
    config.public_url = public_url;
    config.tls.redirect = true;
    return config;
}

std::string location(const Config& config, const std::string& host, const std::string& target,
                     const std::string& scheme = "http")
{
    http::Request request;
    request.head.method = "GET";
    request.head.target = target;
    request.head.headers.add("host", host);
    request.scheme = scheme;
    auto response = HttpsOnly(config).redirect(request);
    return response ? std::to_string(response->status) + ' ' + std::string(*response->headers.find("location"))
                    : "none";
}

TEST(HttpsOnly, ARedirectKeepsHostAndTarget)
{
    Config config = redirecting("https://shop.example");
    EXPECT_EQ(location(config, "shop.example", "/a/b?c=d%20e"), "308 https://shop.example/a/b?c=d%20e");
    EXPECT_EQ(location(config, "other.example:8080", "/"), "308 https://other.example/");
    EXPECT_EQ(location(config, "[2001:db8::1]:8080", "/"), "308 https://[2001:db8::1]/");
    EXPECT_EQ(location(config, "[2001:db8::1]", "/"), "308 https://[2001:db8::1]/");
    EXPECT_EQ(location(config, "shop.example", "*"), "308 https://shop.example/");
}

TEST(HttpsOnly, ARedirectLeadsToThePublicPort)
{
    EXPECT_EQ(location(redirecting("https://localhost:8443"), "localhost:8080", "/x"), "308 https://localhost:8443/x");
}

TEST(HttpsOnly, WhatCameOverHttpsGoesOn)
{
    EXPECT_EQ(location(redirecting("https://shop.example"), "shop.example", "/", "https"), "none");
    EXPECT_EQ(location(Config{}, "shop.example", "/"), "none");
}

TEST(HttpsOnly, ARedirectToPlainHttpIsRefused)
{
    EXPECT_THROW(HttpsOnly(redirecting("http://shop.example")), std::runtime_error);
}

TEST(HttpsOnly, OnlyAnswersOverHttpsTellBrowsersToUseItAlone)
{
    Config config;
    config.tls.hsts = std::chrono::hours{1};
    HttpsOnly https_only(config);
    for (const char* scheme : {"http", "https"}) {
        http::Request request;
        request.scheme = scheme;
        http::Response response;
        https_only.mark(request, response);
        EXPECT_EQ(response.headers.find("strict-transport-security").value_or(""),
                  request.scheme == "https" ? "max-age=3600" : "");
    }
}

}  // namespace
}  // namespace gatehouse::gateway
