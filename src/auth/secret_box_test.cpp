// SPDX-License-Identifier: Apache-2.0
#include "auth/secret_box.hpp"

#include "base/encoding.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gatehouse::auth {
namespace {

struct SealedSecrets : ::testing::Test {
    static Secret key(char c) { return Secret(std::string(32, c)); }

    SecretBox box{key('k')};
    Secret text{"-----BEGIN PRIVATE KEY-----"};
};

TEST_F(SealedSecrets, OpenWithTheirKeyAtTheirPlace)
{
    std::string sealed = box.seal(text, "signing key a");
    EXPECT_TRUE(SecretBox::is_sealed(sealed));
    EXPECT_EQ(sealed.find("PRIVATE"), std::string::npos);
    EXPECT_EQ(box.open(sealed, "signing key a").reveal(), text.reveal());
    EXPECT_EQ(SecretBox(key('k')).open(sealed, "signing key a").reveal(), text.reveal());
    EXPECT_EQ(box.open(box.seal(Secret(), "x"), "x").reveal(), "");
}

TEST_F(SealedSecrets, LookDifferentEachTime) { EXPECT_NE(box.seal(text, "a"), box.seal(text, "a")); }

TEST_F(SealedSecrets, DoNotOpenWithAnotherKeyOrAtAnotherPlace)
{
    std::string sealed = box.seal(text, "signing key a");
    EXPECT_THROW(SecretBox(key('j')).open(sealed, "signing key a"), std::runtime_error);
    EXPECT_THROW(SecretBox(Secret(std::string(33, 'k'))).open(sealed, "signing key a"), std::runtime_error);
    EXPECT_THROW(box.open(sealed, "signing key b"), std::runtime_error);
    EXPECT_THROW(box.open(sealed, ""), std::runtime_error);
}

TEST_F(SealedSecrets, DoNotOpenWhenAnythingOfThemWasChanged)
{
    std::string sealed = box.seal(text, "a");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string altered = sealed;
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        EXPECT_THROW(box.open(altered, "a"), std::runtime_error) << i;
        EXPECT_THROW(box.open(sealed.substr(0, i), "a"), std::runtime_error) << i;
    }
    EXPECT_THROW(box.open(sealed + "A", "a"), std::runtime_error);
    EXPECT_THROW(box.open("enc:v2:" + sealed.substr(7), "a"), std::runtime_error);
}

TEST_F(SealedSecrets, SayInTheErrorWhatToLookAtAndNothingSecret)
{
    std::string sealed = box.seal(text, "signing key a");
    try {
        SecretBox(key('j')).open(sealed, "signing key a");
        FAIL() << "opened";
    } catch (const std::runtime_error& error) {
        std::string what = error.what();
        EXPECT_NE(what.find("signing key a"), std::string::npos);
        EXPECT_NE(what.find("auth.encryption_key"), std::string::npos);
        EXPECT_EQ(what.find(sealed), std::string::npos);
    }
}

}  // namespace
}  // namespace gatehouse::auth
