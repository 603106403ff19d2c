// SPDX-License-Identifier: Apache-2.0
// The credential by which the roles of one installation know each other on internal endpoints (/internal/...), and by
// which they believe the gateway who its client is. The gateway never routes those paths and strips the fields from
// clients' requests. Immutable; any thread.
#pragma once

#include "base/secret.hpp"
#include "http/message.hpp"

#include <string>
#include <string_view>

namespace gatehouse::identity {

class ServiceKey final {
public:
    static constexpr std::string_view field_name = "x-gatehouse-service";

    // Another value, made from the key: what the gateway forwards opens no internal endpoint.
    static constexpr std::string_view forwarded_field_name = "x-gatehouse-forwarded";

    static constexpr std::size_t characters_min = 32;

    explicit ServiceKey(Secret key);  // REQUIRES: at least characters_min

    void sign(http::Headers& headers) const;           // sets the field
    void require(const http::Request& request) const;  // throws Problem 401 unless the field is right

    // 32 bytes that only who has the key can make of `text`: HMAC-SHA-256. `purpose` keeps uses apart.
    std::string derive(std::string_view purpose, std::string_view text) const;

    // For the gateway: x-forwarded-for of this request is the client's address, and nothing that a client wrote.
    void sign_forwarded(http::Request& request) const;
    bool is_forwarded(const http::Request& request) const;
    // For the roles behind: when it is so, that is the request's address from now on, else the peer's stays.
    void take_client_address(http::Request& request) const;

private:
    Secret key_;
    Secret forwarded_;
};

}  // namespace gatehouse::identity
