// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate_buckets.hpp"

#include "base/error.hpp"

#include <sodium.h>

#include <algorithm>
#include <bit>

namespace gatehouse::gateway {

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);

namespace {

constexpr int claim_tries_max = 4;

std::int64_t ticks(SteadyTime time) { return std::chrono::nanoseconds(time.time_since_epoch()).count(); }

}  // namespace

RateBuckets::RateBuckets(std::size_t buckets)
    : size_(buckets), set_count_(std::bit_ceil(std::max<std::size_t>(buckets / ways, 1)))
{
    GH_ASSERT(sodium_init() >= 0);
    randombytes_buf(secret_.data(), secret_.size());
}

void RateBuckets::prepare()
{
    if (!sets_)
        sets_ = std::make_unique<Set[]>(set_count_);
}

std::uint64_t RateBuckets::hash(std::string_view text) const
{
    std::uint64_t result = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&result), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), secret_.data());
    return result;
}

BucketResult RateBuckets::take(std::uint64_t key, const BucketSize& size, SteadyTime now)
{
    GH_ASSERT(sets_ != nullptr);
    return charge(find(key == 0 ? 1 : key, ticks(now)), size, ticks(now));
}

// The bucket of `key`, made if need be. Between finding and charging it can become another key's: then one token is
// taken from that one.
RateBuckets::Bucket& RateBuckets::find(std::uint64_t key, std::int64_t now)
{
    auto& buckets = sets_[key & (set_count_ - 1)].buckets;
    for (int tries = 0;; ++tries) {
        for (Bucket& bucket : buckets)
            if (bucket.key.load(std::memory_order_relaxed) == key)
                return bucket;
        Bucket& oldest = *std::ranges::min_element(
            buckets, {}, [](const Bucket& bucket) { return bucket.full_at.load(std::memory_order_relaxed); });
        std::uint64_t old_key = oldest.key.load(std::memory_order_relaxed);
        // Other threads want places of this set as well, again and again: share one.
        if (tries == claim_tries_max)
            return oldest;
        if (!oldest.key.compare_exchange_strong(old_key, key, std::memory_order_relaxed))
            continue;
        // A bucket that is full again is as good as a new one.
        if (oldest.full_at.load(std::memory_order_relaxed) > now) {
            oldest.full_at.store(now, std::memory_order_relaxed);
            evictions_.fetch_add(1, std::memory_order_relaxed);
        }
        return oldest;
    }
}

BucketResult RateBuckets::charge(Bucket& bucket, const BucketSize& size, std::int64_t now)
{
    std::int64_t interval = size.interval.count();
    std::int64_t whole = interval * static_cast<std::int64_t>(size.burst);
    std::int64_t full_at = bucket.full_at.load(std::memory_order_relaxed);
    while (true) {
        std::int64_t missing = std::max(full_at, now) - now;
        if (missing + interval > whole)
            return {false, 0, std::chrono::nanoseconds{missing}, std::chrono::nanoseconds{missing + interval - whole}};
        missing += interval;
        if (bucket.full_at.compare_exchange_weak(full_at, now + missing, std::memory_order_relaxed))
            return {true, static_cast<std::uint64_t>((whole - missing) / interval), std::chrono::nanoseconds{missing},
                    std::chrono::nanoseconds{std::max<std::int64_t>(0, missing + interval - whole)}};
    }
}

}  // namespace gatehouse::gateway
