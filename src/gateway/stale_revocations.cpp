// SPDX-License-Identifier: Apache-2.0
#include "gateway/stale_revocations.hpp"

#include "base/error.hpp"
#include "base/timeout.hpp"
#include "http/ask.hpp"
#include "identity/bearer.hpp"

#include <utility>

namespace gatehouse::gateway {

namespace {

constexpr std::chrono::seconds answer_time_max{2};
constexpr std::size_t answer_bytes_max = 64 * 1024;

http::Problem cannot_tell()
{
    auto problem = http::Problem::of_status(503, "revocations_stale",
                                            "It cannot be told whether the access token was revoked. Try again a "
                                            "little later.");
    problem.with_header("retry-after", "2");
    return problem;
}

}  // namespace

StaleRevocations::StaleRevocations(const Config& config, const identity::RevocationList& list, http::Upstream& auth,
                                   const identity::ServiceKey& service_key)
    : config_(config), list_(list), auth_(auth), service_key_(service_key)
{
}

Task<std::optional<http::Problem>> StaleRevocations::check(StalePolicy policy, std::string token)
{
    switch (policy) {
    case StalePolicy::allow: co_return std::nullopt;
    case StalePolicy::deny: co_return cannot_tell();
    case StalePolicy::ask: break;
    }
    auto asking = ask(std::move(token));
    std::optional<http::Problem> problem;
    try {
        problem = co_await with_timeout(std::move(asking), answer_time_max, "asking auth about a token");
    } catch (const std::exception&) {
        problem = cannot_tell();
    }
    co_return problem;
}

Task<std::optional<http::Problem>> StaleRevocations::ask(std::string token)
{
    http::Headers headers;
    headers.add("authorization", "Bearer " + token);
    service_key_.sign(headers);
    auto answer = co_await http::ask(auth_, "/internal/token", std::move(headers), answer_bytes_max);
    if (answer.status == 204)
        co_return std::nullopt;
    if (answer.status == 401)
        co_return identity::invalid_token(identity::TokenError::revoked);
    co_return cannot_tell();
}

}  // namespace gatehouse::gateway
