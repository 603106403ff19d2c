// SPDX-License-Identifier: Apache-2.0
// The access log: one JSON line for each request, written when its answer is complete or broken off.
//
// Neither queries nor any field that could carry a secret (Authorization, Cookie) is ever in it.
#pragma once

#include "http/message.hpp"
#include "identity/claims.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

struct AccessRecord {
    std::string request_id;
    std::string remote_address;
    std::string method;
    std::string path;
    std::string route;  // the template, empty when none matched
    std::string user;   // the user's id, empty for an anonymous caller
    std::string agent;
    std::string upstream;
    int status = 0;
    std::uint64_t bytes = 0;  // of the answer's body
    bool complete = true;     // false: the body broke off
    std::chrono::steady_clock::time_point began;
};

void write_access_record(const AccessRecord& record);

// A body that writes `record` when it has been sent, or dropped before its end.
std::unique_ptr<http::BodyReader> make_logged_body(std::unique_ptr<http::BodyReader> body, AccessRecord record);

}  // namespace gatehouse::gateway
