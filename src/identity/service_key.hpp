// SPDX-License-Identifier: Apache-2.0
// The credential by which the roles of one installation know each other on internal endpoints (/internal/...). The
// gateway never routes those paths and strips the field from clients' requests. Immutable; any thread.
#pragma once

#include "base/secret.hpp"
#include "http/message.hpp"

#include <string>
#include <string_view>

namespace gatehouse::identity {

class ServiceKey final {
public:
    static constexpr std::string_view field_name = "x-gatehouse-service";

    static constexpr std::size_t characters_min = 32;

    explicit ServiceKey(Secret key);  // REQUIRES: at least characters_min

    void sign(http::Request& request) const;           // sets the field
    void require(const http::Request& request) const;  // throws Problem 401 unless the field is right

    // 32 bytes that only who has the key can make of `text`: HMAC-SHA-256. `purpose` keeps uses apart.
    std::string derive(std::string_view purpose, std::string_view text) const;

private:
    Secret key_;
};

}  // namespace gatehouse::identity
