// SPDX-License-Identifier: Apache-2.0
// Who the command line is to a server: the token that was given, or the session of `gatehouse login`, kept in
// $XDG_CONFIG_HOME/gatehouse/session.json (mode 0600) and refreshed by itself.
//
// Several commands may run at once: a lock beside the file sees to it that one of them refreshes, because a refresh
// token that is used twice ends its session. Blocks; one thread.
#pragma once

#include "app/cli.hpp"
#include "app/client_http.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace gatehouse::app {

// A sentence for the user, and what to do next.
class ClientError final : public std::runtime_error {
public:
    ClientError(const std::string& what, std::string next, bool passing = false)
        : std::runtime_error(what), next_(std::move(next)), passing_(passing)
    {
    }
    const std::string& next() const { return next_; }
    bool passing() const { return passing_; }  // another try in a moment may succeed

private:
    std::string next_;
    bool passing_;
};

class ClientSession final {
public:
    // Finds server and token: flags, then GATEHOUSE_SERVER and GATEHOUSE_TOKEN, then what was logged in to last.
    explicit ClientSession(const ClientLine& line);

    const std::string& server() const { return server_; }  // without a slash at the end

    // `call.url` is the target, "/files". The answer, whatever its status. Throws ClientError when there is none.
    HttpReply call_plainly(HttpCall call) const;

    // The same with the token; one that has expired is refreshed before, one that is refused once after.
    HttpReply call(HttpCall call);

    // The JSON of an answer below 300; throws ClientError that says what the server said.
    json::object expect_json(const HttpReply& reply) const;
    [[noreturn]] void fail(const HttpReply& reply) const;

    void keep(const json::object& tokens);  // an answer of /login or /refresh
    void forget();
    bool is_kept() const { return refresh_token_.has_value(); }

private:
    void load();
    void refresh();
    std::string url_of(const std::string& target) const { return server_ + target; }

    std::string server_;
    std::string ca_;
    std::optional<Secret> token_;
    std::optional<Secret> refresh_token_;
    std::chrono::system_clock::time_point expires_{};
    bool given_ = false;  // the token was, so that there is nothing to refresh it with
};

}  // namespace gatehouse::app
