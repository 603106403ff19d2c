// SPDX-License-Identifier: Apache-2.0
// HTTP from the command line to a Gatehouse server, by libcurl: one request, its answer. Blocks; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::app {

struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;       // "Name: value"
    std::string ca;                         // file with certificate authorities; empty: the system's
    std::string body;                       // a small one
    std::chrono::milliseconds time_max{0};  // for all of it; 0: as long as something moves
    bool direct = false;                    // not by a proxy that the environment names

    // Or a body that is read piece by piece: `size` bytes, from `seek(0)` on. read() gives 0 at the end.
    std::function<std::size_t(char* buffer, std::size_t room)> read;
    std::function<bool(std::uint64_t offset)> seek;
    std::uint64_t size = 0;
    std::function<void(std::uint64_t sent)> on_sent;

    // Takes the answer's body when its status is 200 or 206; false ends the call. Others are kept in `body`.
    std::function<bool(int status, std::string_view piece)> on_body;
};

struct HttpReply {
    int status = 0;
    std::map<std::string, std::string, std::less<>> headers;  // names in small letters
    std::string body;                                         // a megabyte at most
};

// There was no answer, or it broke off.
class HttpFailure final : public std::runtime_error {
public:
    enum class Kind { connect, certificate, broken };
    HttpFailure(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
    Kind kind() const { return kind_; }

private:
    Kind kind_;
};

// Redirects are not followed: a token goes to nobody else. Throws HttpFailure; also when nothing moves for a minute,
// and after `time_max`.
HttpReply http_call(const HttpCall& call);

}  // namespace gatehouse::app
