// SPDX-License-Identifier: Apache-2.0
// The settings of the role `notifier` (configuration section `notifier`).
#pragma once

#include "base/secret.hpp"

#include <cstddef>
#include <string>

namespace gatehouse::notifier {

struct Smtp {
    std::string url;  // smtp://host:port or smtps://host; empty: mails become .eml files in <data>/mail
    std::string username;
    Secret password;
    bool starttls = true;  // smtp:// must upgrade to TLS; false only for a relay on the same host
};

struct Config {
    Smtp smtp;
    std::string from = "Gatehouse <gatehouse@localhost>";
    std::size_t jobs = 4;  // mails sent at once
};

}  // namespace gatehouse::notifier
