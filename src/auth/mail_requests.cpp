// SPDX-License-Identifier: Apache-2.0
#include "auth/mail_requests.hpp"

#include "auth/names.hpp"
#include "base/timeout.hpp"

namespace gatehouse::auth {

namespace {

// Longer than the slowest of the ways takes on a server that is not overloaded.
constexpr std::chrono::milliseconds answer_after{300};

}  // namespace

Task<http::Response> EvenAnswer::answer() const
{
    auto left = began_ + answer_after - std::chrono::steady_clock::now();
    if (left.count() > 0)
        co_await sleep_for(std::chrono::ceil<std::chrono::milliseconds>(left));
    json::object body;
    body["message"] = "If this can be done, a mail with a link is on its way.";
    co_return private_json(body, 202);
}

std::string read_email(const json::object& form, std::vector<http::FieldError>& errors)
{
    std::size_t before = errors.size();
    std::string email = read_string(form, "email", errors);
    if (errors.size() == before)
        if (auto wrong = check_email(email))
            errors.push_back({"/email", *wrong});
    return email;
}

http::Problem invalid_link()
{
    return http::Problem::bad_request("invalid_link",
                                      "The link is wrong, used already, or too old. Ask for a new one.");
}

}  // namespace gatehouse::auth
