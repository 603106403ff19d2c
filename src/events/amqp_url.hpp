// SPDX-License-Identifier: Apache-2.0
// Where a RabbitMQ is: amqp://user:password@host:port/vhost?heartbeat=10, or amqps://…?ca=/path for TLS.
//
// With amqps the server's certificate and name are always verified: against `ca` when it is given, else against the
// certificates that the system trusts.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::events {

struct AmqpUrl {
    bool tls = false;
    std::string user = "guest";
    Secret password{"guest"};
    std::string host;  // an IPv6 address without its brackets
    std::uint16_t port = 0;
    std::string vhost = "/";
    std::string ca;                      // path of a PEM file; empty: the system's
    std::chrono::seconds heartbeat{10};  // 1 to 300

    std::string authority() const;  // "host:port": all that a log may say
};

// The error is a sentence that repeats nothing of the URL's password.
Result<AmqpUrl, std::string> parse_amqp_url(std::string_view url);

}  // namespace gatehouse::events
