// SPDX-License-Identifier: Apache-2.0
#include "gateway/access_log.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <iterator>

namespace gatehouse::gateway {

namespace {

constexpr std::size_t agent_bytes_max = 256;

class LoggedBody final : public http::BodyReader {
public:
    LoggedBody(std::unique_ptr<http::BodyReader> body, AccessRecord record)
        : body_(std::move(body)), record_(std::move(record))
    {
        record_.complete = false;
    }

    ~LoggedBody() override { write_access_record(record_); }

    Task<std::string_view> read() override
    {
        std::string_view piece = co_await body_->read();
        record_.bytes += piece.size();
        record_.complete = piece.empty() || record_.bytes == body_->length();
        co_return piece;
    }

    std::optional<std::uint64_t> length() const override { return body_->length(); }

private:
    std::unique_ptr<http::BodyReader> body_;
    AccessRecord record_;
};

void append_member(std::string& line, std::string_view key, std::string_view value)
{
    if (value.empty())
        return;
    fmt::format_to(std::back_inserter(line), R"(,"{}":)", key);
    log::append_json_string(line, value);
}

}  // namespace

void write_access_record(const AccessRecord& record)
{
    thread_local std::string line;
    line.clear();
    auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - record.began;
    fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"info","role":"gateway","message":"request")",
                   format_rfc3339(now));
    fmt::format_to(std::back_inserter(line), R"(,"status":{},"bytes":{},"ms":{:.3f})", record.status, record.bytes,
                   took.count());
    append_member(line, "method", record.method);
    append_member(line, "path", record.path);
    append_member(line, "route", record.route);
    append_member(line, "upstream", record.upstream);
    append_member(line, "user", record.user);
    append_member(line, "remote", record.remote_address);
    append_member(line, "agent", std::string_view(record.agent).substr(0, agent_bytes_max));
    append_member(line, "request_id", record.request_id);
    if (!record.complete)
        line += R"(,"broken_off":true)";
    line += '}';
    log::write_line(line);
}

std::unique_ptr<http::BodyReader> make_logged_body(std::unique_ptr<http::BodyReader> body, AccessRecord record)
{
    return std::make_unique<LoggedBody>(std::move(body), std::move(record));
}

}  // namespace gatehouse::gateway
