// SPDX-License-Identifier: Apache-2.0
#include "gateway/issuer_rules.hpp"

#include "gateway/gateway.hpp"
#include "http/https_get.hpp"

#include <gmock/gmock.h>

namespace gatehouse::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

struct OtherIssuer : ::testing::Test {
    IssuerConfig config{.name = "corp",
                        .issuer = "https://login.example/realms/corp",
                        .audience = "gatehouse",
                        .jwks_url = "",
                        .ca = "",
                        .algorithms = {"RS256"},
                        .roles_claim = "groups",
                        .roles = {"staff=employee", "cn=ops,dc=example=operator"},
                        .permissions = {"employee=orders:read"}};

    std::string wrong()
    {
        auto error = find_issuer_error(config);
        return error ? std::string(error->key) : "nothing";
    }
};

TEST_F(OtherIssuer, IsReadAsItsVerifierWantsIt)
{
    auto rules = issuer_rules(config);
    EXPECT_EQ(rules.name, "corp");
    EXPECT_EQ(rules.username_claim, "preferred_username");
    EXPECT_THAT(rules.algorithms, ElementsAre(identity::Algorithm::rs256));
    EXPECT_THAT(rules.roles, ElementsAre(Pair("staff", "employee"), Pair("cn=ops,dc=example", "operator")));
    EXPECT_THAT(rules.permissions, ElementsAre(Pair("employee", "orders:read")));
}

TEST_F(OtherIssuer, WithAMistakeIsToldWhichItIs)
{
    EXPECT_EQ(wrong(), "nothing");
    config.name = "Corp:x";
    EXPECT_EQ(wrong(), "name");
    EXPECT_THROW(issuer_rules(config), std::runtime_error);
    config.name = "corp";
    config.audience = "";
    EXPECT_EQ(wrong(), "audience");
    config.audience = "gatehouse";
    config.issuer = "http://login.example";
    EXPECT_EQ(wrong(), "issuer");
    config.jwks_url = "https://login.example/keys";
    EXPECT_EQ(wrong(), "nothing") << "the issuer is then a name alone";
    config.jwks_url = "http://login.example/keys";
    EXPECT_EQ(wrong(), "jwks_url");
    config.jwks_url = "http://127.0.0.1:8000/keys";
    config.algorithms = {"HS256"};
    EXPECT_EQ(wrong(), "algorithms");
    config.algorithms = {};
    config.roles = {"staff"};
    EXPECT_EQ(wrong(), "roles");
    config.roles = {};
    config.permissions = {"=orders:read"};
    EXPECT_EQ(wrong(), "permissions");
}

TEST(UrlOfAnotherServer, IsOverTlsOrOnThisHost)
{
    for (const char* fine : {"https://login.example", "https://login.example:8443/a/b?c=d", "http://localhost:80/x",
                             "http://127.0.0.1:8000", "http://127.8.9.1/keys"})
        EXPECT_TRUE(http::is_fetchable_url(fine)) << fine;
    for (const char* wrong : {"", "login.example", "http://login.example", "http://10.0.0.1/", "ftp://login.example",
                              "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "file:///etc/passwd",
                              "https://user@login.example/", "http://127.0.0.1@evil.example/", "https://a b/"})
        EXPECT_FALSE(http::is_fetchable_url(wrong)) << wrong;
}

}  // namespace
}  // namespace gatehouse::gateway
