// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate_limit.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace gatehouse::gateway {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// In whole seconds, at least one: a client that waits so long does not come too early.
std::int64_t whole_seconds(nanoseconds time)
{
    return std::max<std::int64_t>(1, std::chrono::ceil<seconds>(time).count());
}

}  // namespace

std::string_view rate_limited_part(const std::string& address, std::array<char, 16>& buffer)
{
    constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, address.c_str(), buffer.data()) == 1)
        return {buffer.data(), 4};
    if (inet_pton(AF_INET6, address.c_str(), buffer.data()) != 1)
        return address;
    if (std::memcmp(buffer.data(), mapped, sizeof mapped) == 0)
        return {buffer.data() + sizeof mapped, 4};
    return {buffer.data(), 8};
}

RateLimit::RateLimit(const RateLimitConfig& config, std::string_view name, std::string_view policy,
                     RateBuckets& buckets)
    : config_(config), buckets_(buckets), policy_(buckets.hash(policy)), quoted_name_(fmt::format("\"{}\"", name)),
      policy_field_(fmt::format("{};q={};w={}", quoted_name_, config.requests, config.per.count()))
{
    size_.interval = nanoseconds(config.per) / static_cast<std::int64_t>(config.requests);
    size_.burst = config.burst != 0 ? config.burst : config.requests;
    buckets.prepare();
}

BucketResult RateLimit::count(std::string_view user, const std::string& address, SteadyTime now) const
{
    std::array<char, 16> buffer;
    std::uint64_t key = policy_;
    if (config_.key == RateLimitKey::user && !user.empty())
        key ^= buckets_.hash(user);
    else if (config_.key != RateLimitKey::route)
        key ^= buckets_.hash(rate_limited_part(address, buffer));
    return buckets_.take(key, size_, now);
}

http::Problem RateLimit::refuse(const BucketResult& result)
{
    return http::Problem::too_many("too_many_requests", "There were too many requests. Try again a little later.",
                                   seconds{whole_seconds(result.next_in)});
}

void RateLimit::set_fields(http::Headers& headers, const BucketResult* result) const
{
    headers.set("ratelimit-policy", policy_field_);
    if (!result) {
        headers.remove("ratelimit");
        return;
    }
    // How long until there is one again, or, while there are some, until there are all.
    std::int64_t until = whole_seconds(result->remaining > 0 ? result->full_in : result->next_in);
    std::array<char, 96> text;
    auto end = fmt::format_to_n(text.data(), text.size(), "{};r={};t={}", quoted_name_, result->remaining, until);
    headers.set("ratelimit", std::string_view(text.data(), std::min(end.size, text.size())));
}

}  // namespace gatehouse::gateway
