// SPDX-License-Identifier: Apache-2.0
// The access log: one JSON line for a request, written when its answer is complete or broken off. With a sample ratio
// below 1 only some of them, but every one that failed or was slow.
//
// Neither queries nor any field that could carry a secret (Authorization, Cookie) is ever in it. Any I/O thread.
#pragma once

#include "gateway/config.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace gatehouse::gateway {

struct AccessRecord {
    std::string request_id;
    std::string trace_id;  // empty when the request has none
    std::string remote_address;
    std::string method;
    std::string path;
    std::string route;  // the template, empty when none matched
    std::string user;   // the user's id, empty for an anonymous caller
    std::string agent;
    std::string upstream;
    std::string protocol;  // "1.1"
    std::string scheme;
    int status = 0;
    std::uint64_t request_bytes = 0;  // of the bodies
    std::uint64_t response_bytes = 0;
    bool complete = true;  // false: the answer's body broke off
    std::chrono::steady_clock::time_point began;
};

// Whether this one is to be written.
bool is_logged(const AccessLogSampling& sampling, const AccessRecord& record);

void write_access_record(const AccessRecord& record);

}  // namespace gatehouse::gateway
