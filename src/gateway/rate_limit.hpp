// SPDX-License-Identifier: Apache-2.0
// How often a user, an address, or everybody together may send requests: the rate limit of a route, or the gateway's
// own for the routes without one. Made at start; the buckets are shared by all threads. Each process counts for itself.
#pragma once

#include "gateway/config.hpp"
#include "gateway/rate_buckets.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

class RateLimit final {
public:
    // `policy` tells limits apart: two with the same one share their buckets. `buckets` outlives this.
    RateLimit(const RateLimitConfig& config, std::string_view name, std::string_view policy, RateBuckets& buckets);

    const RateLimitConfig& config() const { return config_; }
    // Tokens that a full bucket holds.
    std::uint64_t burst() const { return size_.burst; }

    // A limit for users is looked at when the user is known, the others before.
    bool counts_users() const { return config_.key == RateLimitKey::user; }

    // One request. `user` is empty for an anonymous caller, who is counted by the address.
    BucketResult count(std::string_view user, const std::string& address, SteadyTime now) const;

    static http::Problem refuse(const BucketResult& result);

    // RateLimit-Policy and, where the request was counted, RateLimit (draft-ietf-httpapi-ratelimit-headers-11).
    void set_fields(http::Headers& headers, const BucketResult* result) const;

private:
    RateLimitConfig config_;
    BucketSize size_;
    RateBuckets& buckets_;
    std::uint64_t policy_;
    std::string quoted_name_;
    std::string policy_field_;
};

// What stands for an address: an IPv4 address itself, the first 64 bits of an IPv6 one, of which a client has as many
// as it likes. Others as they are.
std::string_view rate_limited_part(const std::string& address, std::array<char, 16>& buffer);

}  // namespace gatehouse::gateway
