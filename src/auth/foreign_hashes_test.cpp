// SPDX-License-Identifier: Apache-2.0
#include "auth/foreign_hashes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::auth {
namespace {

constexpr std::string_view password = "correct horse battery";
constexpr std::string_view bcrypt = "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS";

// Made by Python's crypt and hashlib.
const std::string_view good[] = {
    bcrypt,
    "$2a$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
    "$2y$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
    "$pbkdf2$1000$c2FsdHNhbHQxMjM0NTY3OA$iU8potlqaH1eC.UfJlDNaXOIzws",
    "$pbkdf2-sha256$i=1000$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
    "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
    "$pbkdf2-sha256$1000$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
    "$pbkdf2-sha512$1000$c2FsdHNhbHQxMjM0NTY3OA$34WrX2Xd5u.lFRC5QcJ7nMS1vo996RJ2OR00WHROPyrwHVOVEvNXD1bsU/"
    "mnDonYTWpM43frOwp.WGooD/26VQ",
    "pbkdf2_sha256$1000$Xq3vTz9LmN0a$D73qWe99dBZk5jgRuw0/NokTHQq+IbLBsn1oTxcTEbg=",
    "{plain}correct horse battery",
};

TEST(ForeignHashes, OfEveryKindVerifyTheirPasswordAndNoOther)
{
    for (std::string_view stored : good) {
        EXPECT_TRUE(is_foreign_hash(stored)) << stored;
        EXPECT_EQ(check_foreign_hash(stored), std::nullopt) << stored;
        EXPECT_TRUE(verify_foreign_hash(password, stored)) << stored;
        EXPECT_FALSE(verify_foreign_hash("correct horse batterz", stored)) << stored;
        EXPECT_FALSE(verify_foreign_hash("", stored)) << stored;
        EXPECT_FALSE(verify_foreign_hash(std::string(password) + '\0' + "x", stored)) << stored;
    }
}

TEST(ForeignHashes, OursIsNone) { EXPECT_FALSE(is_foreign_hash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")); }

TEST(ForeignHashes, ThatWouldCostTooMuchAreRefused)
{
    for (std::string stored :
         {"$2b$15$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
          "$pbkdf2-sha256$2000001$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
          "pbkdf2_sha256$2000001$Xq3vTz9LmN0a$D73qWe99dBZk5jgRuw0/NokTHQq+IbLBsn1oTxcTEbg="}) {
        EXPECT_TRUE(check_foreign_hash(stored).has_value()) << stored;
        EXPECT_FALSE(verify_foreign_hash(password, stored)) << stored;
    }
}

TEST(ForeignHashes, ThatAreDamagedAreRefused)
{
    for (std::string stored : {
             "",
             "sesame",
             "{plain}",
             "$2b$",
             "$2b$04$",
             "$2b$xx$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
             "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoO",
             "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQo!S",
             "$pbkdf2-sha256$0$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
             "$pbkdf2-sha256$-1$c2FsdHNhbHQxMjM0NTY3OA$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
             "$pbkdf2-sha256$1000$$j1fi0jm7t6p71AYFyoAl6gZaf3TYjdoDb15bHTzK/bA",
             "$pbkdf2-sha256$1000$c2FsdHNhbHQxMjM0NTY3OA$",
             "$pbkdf2-sha256$1000$c2FsdHNhbHQxMjM0NTY3OA$j1fi",
             "$pbkdf2-sha256$1000$c2FsdHNhbHQxMjM0NTY3OA",
             "pbkdf2_sha256$1000$Xq3vTz9LmN0a$not base64",
         }) {
        EXPECT_TRUE(check_foreign_hash(stored).has_value()) << stored;
        EXPECT_FALSE(verify_foreign_hash("", stored)) << stored;
    }
    EXPECT_TRUE(check_foreign_hash("{plain}" + std::string(249, 'x')).has_value());
}

}  // namespace
}  // namespace gatehouse::auth
