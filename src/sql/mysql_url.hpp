// SPDX-License-Identifier: Apache-2.0
// The URL of a MySQL or MariaDB database, taken apart:
//
//   mysql://user:password@host:port/database?tls=off|require|verify&ca=FILE&connections=N
//
// mysqls:// is tls=verify unless it says otherwise; mariadb:// and mariadbs:// are the same. User, password and
// database are percent-decoded.
#pragma once

#include "base/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::sql {

enum class Tls {
    off,
    require,  // encrypted, to whoever answers
    verify,   // encrypted, to the host of the URL by a certificate of `ca`
};

struct MysqlOptions {
    std::string host;
    std::uint16_t port = 3306;
    std::string user;
    Secret password;
    std::string database;
    Tls tls = Tls::off;
    std::string ca;               // a PEM file; empty: the system's certificates
    std::size_t connections = 8;  // at most, 2 to 64: half of them write
};

// Throws std::invalid_argument with what is wrong, which never repeats what stands in the URL before the host.
MysqlOptions parse_mysql_url(std::string_view url);

}  // namespace gatehouse::sql
