// SPDX-License-Identifier: Apache-2.0
#include "gateway/access_log.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"

#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <random>

namespace gatehouse::gateway {

namespace {

constexpr std::size_t agent_bytes_max = 256;
constexpr int failed_status_min = 400;

// By chance, not by what the client sends: nobody can choose to stay out of the log.
bool is_drawn(double ratio)
{
    auto seed = [] {
        std::uint64_t value = 0;
        std::memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
        return value;
    };
    thread_local std::mt19937_64 generator(seed());
    return std::uniform_real_distribution<double>(0, 1)(generator) < ratio;
}

void append_member(std::string& line, std::string_view key, std::string_view value)
{
    if (value.empty())
        return;
    fmt::format_to(std::back_inserter(line), R"(,"{}":)", key);
    log::append_json_string(line, value);
}

}  // namespace

bool is_logged(const AccessLogSampling& sampling, const AccessRecord& record)
{
    return sampling.ratio >= 1 || record.status >= failed_status_min || !record.complete ||
           std::chrono::steady_clock::now() - record.began >= sampling.slow || is_drawn(sampling.ratio);
}

void write_access_record(const AccessRecord& record)
{
    thread_local std::string line;
    line.clear();
    auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - record.began;
    fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"info","role":"gateway","message":"request")",
                   format_rfc3339(now));
    fmt::format_to(std::back_inserter(line), R"(,"status":{},"bytes":{},"request_bytes":{},"ms":{:.3f})", record.status,
                   record.response_bytes, record.request_bytes, took.count());
    append_member(line, "method", record.method);
    append_member(line, "path", record.path);
    append_member(line, "scheme", record.scheme);
    append_member(line, "protocol", record.protocol);
    append_member(line, "route", record.route);
    append_member(line, "upstream", record.upstream);
    append_member(line, "user", record.user);
    append_member(line, "remote", record.remote_address);
    append_member(line, "agent", std::string_view(record.agent).substr(0, agent_bytes_max));
    append_member(line, "request_id", record.request_id);
    append_member(line, "trace_id", record.trace_id);
    if (!record.complete)
        line += R"(,"broken_off":true)";
    line += '}';
    log::write_line(line);
}

}  // namespace gatehouse::gateway
