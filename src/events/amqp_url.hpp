// SPDX-License-Identifier: Apache-2.0
// Where a RabbitMQ broker is: amqp://user:password@host:port/vhost?heartbeat=10&ca=/path. amqps is TLS and verifies the
// server against `ca`, or what the system trusts.
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
    std::string host;
    std::uint16_t port = 5672;
    std::string user = "guest";
    Secret password{"guest"};
    std::string vhost = "/";
    std::chrono::seconds heartbeat{10};
    std::string ca;  // a file of certificates; empty: the system's

    std::string describe() const;  // "amqp://host:port/vhost"
};

// The error says what is wrong without repeating the password.
Result<AmqpUrl, std::string> parse_amqp_url(std::string_view url);

}  // namespace gatehouse::events
