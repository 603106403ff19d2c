// SPDX-License-Identifier: Apache-2.0
#include "identity/service_key.hpp"

#include "http/problem.hpp"
#include "identity/identity_fields.hpp"

#include <gtest/gtest.h>

namespace gatehouse::identity {
namespace {

TEST(ServiceKey, IsAcceptedWhereItIsRightAndAlone)
{
    ServiceKey key(Secret(std::string(32, 'k')));
    ServiceKey other(Secret(std::string(32, 'o')));
    http::Request request;
    EXPECT_THROW(key.require(request), http::Problem);
    key.sign(request.head.headers);
    EXPECT_NO_THROW(key.require(request));
    EXPECT_THROW(other.require(request), http::Problem);
    request.head.headers.add(ServiceKey::field_name, std::string(32, 'k'));
    EXPECT_THROW(key.require(request), http::Problem);
    http::Request prefix;
    prefix.head.headers.add(ServiceKey::field_name, std::string(31, 'k'));
    EXPECT_THROW(key.require(prefix), http::Problem);
}

TEST(ServiceKey, TheClientsAddressIsBelievedWhenTheGatewaySaysIt)
{
    ServiceKey key(Secret(std::string(32, 'k')));
    ServiceKey other(Secret(std::string(32, 'o')));
    http::Request request;
    request.remote_address = "10.0.0.1";
    request.head.headers.add("x-forwarded-for", "192.0.2.7");
    auto believed_by = [&](const ServiceKey& by) {
        http::Request copy;
        copy.head = request.head;
        copy.remote_address = request.remote_address;
        by.take_client_address(copy);
        return copy.remote_address;
    };
    EXPECT_EQ(believed_by(key), "10.0.0.1");
    key.sign(request.head.headers);
    EXPECT_EQ(believed_by(key), "10.0.0.1");
    key.sign_forwarded(request);
    EXPECT_EQ(believed_by(key), "192.0.2.7");
    EXPECT_EQ(believed_by(other), "10.0.0.1");
    request.head.headers.add("x-forwarded-for", "192.0.2.8");
    EXPECT_EQ(believed_by(key), "10.0.0.1") << "of two addresses nobody knows which";
}

TEST(IdentityFields, ReplaceWhatTheClientSentAndCannotBreakOutOfTheField)
{
    Claims claims;
    claims.subject = "id";
    claims.username = "zo\xc3\xab\r\nx: y%";
    claims.roles = {"admin", "us,er"};
    http::Headers headers;
    headers.add("x-user-id", "forged");
    headers.add("x-user-id", "forged again");
    set_identity_fields(headers, claims);
    EXPECT_EQ(headers.count("x-user-id"), 1u);
    EXPECT_EQ(headers.find("x-user-id"), "id");
    EXPECT_EQ(headers.find("x-user-name"), "zo%C3%AB%0D%0Ax: y%25");
    EXPECT_EQ(headers.find("x-user-roles"), "admin,us%2Cer");
}

}  // namespace
}  // namespace gatehouse::identity
