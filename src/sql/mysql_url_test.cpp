// SPDX-License-Identifier: Apache-2.0
#include "sql/mysql_url.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gatehouse::sql {

TEST(MysqlUrl, NamesEverythingItSays)
{
    auto options = parse_mysql_url("mysql://ada%40x:p%3Ass%2F%25@db.example:3307/gate?tls=verify&ca=/etc/ca.pem"
                                   "&connections=12");
    EXPECT_EQ(options.user, "ada@x");
    EXPECT_EQ(options.password.reveal(), "p:ss/%");
    EXPECT_EQ(options.host, "db.example");
    EXPECT_EQ(options.port, 3307);
    EXPECT_EQ(options.database, "gate");
    EXPECT_EQ(options.tls, Tls::verify);
    EXPECT_EQ(options.ca, "/etc/ca.pem");
    EXPECT_EQ(options.connections, 12U);
}

TEST(MysqlUrl, WhatItDoesNotSayHasADefault)
{
    auto options = parse_mysql_url("mariadb://u@h/d");
    EXPECT_EQ(options.password.reveal(), "");
    EXPECT_EQ(options.port, 3306);
    EXPECT_EQ(options.tls, Tls::off);
    EXPECT_EQ(options.connections, 8U);
}

TEST(MysqlUrl, TheSchemeWithAnSVerifiesUnlessItSaysOtherwise)
{
    EXPECT_EQ(parse_mysql_url("mysqls://u@h/d").tls, Tls::verify);
    EXPECT_EQ(parse_mysql_url("mariadbs://u@h/d").tls, Tls::verify);
    EXPECT_EQ(parse_mysql_url("mysqls://u@h/d?tls=require").tls, Tls::require);
}

TEST(MysqlUrl, TakesAnIpv6Address)
{
    auto options = parse_mysql_url("mysql://u:p@[::1]:3307/d");
    EXPECT_EQ(options.host, "::1");
    EXPECT_EQ(options.port, 3307);
}

TEST(MysqlUrl, WhatIsWrongIsRefusedWithoutRepeatingThePassword)
{
    const char* bad[] = {
        "",
        "mysql:",
        "mysql:sesame",
        "postgres://u:sesame@h/d",
        "mysql://",
        "mysql://h/d",
        "mysql://:sesame@h/d",
        "mysql://u:sesame@/d",
        "mysql://u:sesame@h",
        "mysql://u:sesame@h/",
        "mysql://u:sesame@h/d/e",
        "mysql://u:sesame@h:/d",
        "mysql://u:sesame@h:0/d",
        "mysql://u:sesame@h:65536/d",
        "mysql://u:sesame@h:33x/d",
        "mysql://u:sesame@[::1/d",
        "mysql://u:sesame@[::1]3306/d",
        "mysql://u:sesame%2@h/d",
        "mysql://u:sesame%zz@h/d",
        "mysql://u:sesame%+1@h/d",
        "mysql://u:sesame%00@h/d",
        "mysql://u:se/sesame@h/d",
        "mysql://u:se?sesame@h/d",
        "mysql://u:se@sesame@h/d",
        "mysql://u:sesame@h/d?",
        "mysql://u:sesame@h/d?tls",
        "mysql://u:sesame@h/d?tls=maybe",
        "mysql://u:sesame@h/d?tls=off&",
        "mysql://u:sesame@h/d?ssl=1",
        "mysql://u:sesame@h/d?ca=/x",
        "mysql://u:sesame@h/d?tls=verify&ca=",
        "mysql://u:sesame@h/d?connections=1",
        "mysql://u:sesame@h/d?connections=65",
        "mysql://u:sesame@h/d?connections=-1",
    };
    for (const char* url : bad) {
        try {
            parse_mysql_url(url);
            ADD_FAILURE() << "accepted: " << url;
        } catch (const std::invalid_argument& error) {
            EXPECT_EQ(std::string_view(error.what()).find("sesame"), std::string_view::npos)
                << url << ": " << error.what();
        }
    }
}

}  // namespace gatehouse::sql
