// SPDX-License-Identifier: Apache-2.0
// The settings of the role `auth` (configuration section `auth`).
#pragma once

#include "base/secret.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gatehouse::auth {

// What slows down who guesses passwords (login_throttle.hpp).
struct ThrottleConfig {
    bool enabled = true;
    std::size_t account_failures = 5;   // after so many failures logins to the account must wait
    std::size_t address_failures = 20;  // after so many failures logins from the address must wait
};

struct Config {
    std::string listen = "127.0.0.1:8081";
    std::vector<std::string> urls;  // where other processes reach it: "http://host:port", one or more
    std::string store = "sqlite:auth.db";
    std::string issuer;  // empty: the gateway's public URL
    std::string audience = "gatehouse";
    Secret encryption_key;  // of what the store keeps encrypted; empty: one made for the data directory
    std::string signing_algorithm = "EdDSA";                 // of new signing keys: EdDSA, ES256 or RS256
    std::chrono::seconds key_publish_ahead{90};              // a new key is published for so long before it signs
    std::chrono::seconds key_rotation_interval{90 * 86400};  // 0: never by itself
    std::chrono::seconds key_fetch_interval{60};             // how often other processes fetch the published keys
    std::chrono::seconds access_token_ttl{600};
    std::chrono::seconds refresh_token_ttl{14 * 86400};  // a session that is not refreshed for so long is over
    std::chrono::seconds session_ttl{90 * 86400};        // and at last after this time
    bool registration = false;                           // whether anybody may become a user
    std::size_t hash_threads = 1;                        // argon2id threads: each hash takes 19 MiB while it runs
    std::size_t hash_queue_max = 64;                     // beyond it 503 with Retry-After
    ThrottleConfig throttle;
};

}  // namespace gatehouse::auth
