// SPDX-License-Identifier: Apache-2.0
// Token buckets for all rate limits of the process: a table of fixed size that the I/O threads share without a lock.
//
// A bucket is one number, the time at which it will be full again (GCRA), changed by compare and swap; so a limit holds
// for the process, not for each thread. Buckets lie in sets of four, by a hash that nobody outside can foresee. A new
// key takes a free place of its set, or that of a bucket that is full again: nothing is lost by that. When all four are
// in use, the one that would be full first is forgotten; its key begins again with a full bucket, so the error of one
// such eviction is at most one burst, for one key, to its favour. Threads that make the same bucket in the same moment
// may make two, of which one counts from then on. A flood of keys costs no memory beyond the table.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace gatehouse::gateway {

using SteadyTime = std::chrono::steady_clock::time_point;

// How fast a bucket fills, one token for each `interval`, and how much it holds, `burst` of them.
struct BucketSize {
    std::chrono::nanoseconds interval;
    std::uint64_t burst;
};

struct BucketResult {
    bool allowed;
    std::uint64_t remaining;           // tokens
    std::chrono::nanoseconds full_in;  // when nothing more is taken
    std::chrono::nanoseconds next_in;  // until there is a token again; 0 while there are some
};

class RateBuckets final {
public:
    // Room for `buckets`, rounded up to a power of two; the memory is taken by prepare().
    explicit RateBuckets(std::size_t buckets);

    // Before the first take(). Not while other threads are in take().
    void prepare();

    // A number for a text that nobody outside can foresee.
    std::uint64_t hash(std::string_view text) const;

    // Takes a token out of the bucket `key`. `now` of the calling thread.
    BucketResult take(std::uint64_t key, const BucketSize& size, SteadyTime now);

    // What the constructor was told.
    std::size_t size() const { return size_; }

    // Buckets that were forgotten while in use.
    std::uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t ways = 4;
    struct Bucket {
        std::atomic<std::uint64_t> key{0};  // 0: free
        std::atomic<std::int64_t> full_at{0};
    };
    struct alignas(64) Set {  // a cache line
        std::array<Bucket, ways> buckets;
    };
    Bucket& find(std::uint64_t key, std::int64_t now);
    static BucketResult charge(Bucket& bucket, const BucketSize& size, std::int64_t now);

    std::size_t size_;
    std::size_t set_count_;
    std::unique_ptr<Set[]> sets_;
    std::array<unsigned char, 16> secret_;
    std::atomic<std::uint64_t> evictions_{0};
};

}  // namespace gatehouse::gateway
