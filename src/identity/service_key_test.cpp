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
    key.sign(request);
    EXPECT_NO_THROW(key.require(request));
    EXPECT_THROW(other.require(request), http::Problem);
    request.head.headers.add(ServiceKey::field_name, std::string(32, 'k'));
    EXPECT_THROW(key.require(request), http::Problem);
    http::Request prefix;
    prefix.head.headers.add(ServiceKey::field_name, std::string(31, 'k'));
    EXPECT_THROW(key.require(prefix), http::Problem);
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
