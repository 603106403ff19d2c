// SPDX-License-Identifier: Apache-2.0
// What the endpoints that anybody may have a mail sent by have in common: they answer alike whoever has an account.
#pragma once

#include "auth/context.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace gatehouse::auth {

// Made at the beginning of a request: its answer comes not before `answer_after` of it, so that the time does not tell
// what was found and written.
class EvenAnswer final {
public:
    Task<http::Response> answer() const;  // 202, the same for everybody

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// The member as an e-mail address; adds what is wrong to `errors`.
std::string read_email(const json::object& form, std::vector<http::FieldError>& errors);

http::Problem invalid_link();  // 400 invalid_link

}  // namespace gatehouse::auth
