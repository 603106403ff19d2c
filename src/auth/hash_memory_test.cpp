// SPDX-License-Identifier: Apache-2.0
#include "auth/hash_memory.hpp"

#include "base/blocking_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <latch>
#include <memory>
#include <string_view>

#include <sys/resource.h>

namespace gatehouse::auth {
namespace {

constexpr std::size_t memory_bytes = 19'456ULL * 1024;
constexpr long pages = memory_bytes / 4096;
constexpr std::string_view password = "correct horse battery staple";

using Hash = std::array<char, crypto_pwhash_STRBYTES>;

Hash hash()
{
    Hash out{};
    EXPECT_EQ(crypto_pwhash_str_alg(out.data(), password.data(), password.size(), 2, memory_bytes,
                                    crypto_pwhash_ALG_ARGON2ID13),
              0);
    return out;
}

bool fits(const Hash& stored, std::string_view text)
{
    return crypto_pwhash_str_verify(stored.data(), text.data(), text.size()) == 0;
}

// Pages that the kernel gave to this thread.
long page_faults()
{
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

Task<void> wait_in(BlockingPool& pool, std::shared_ptr<std::latch> open)
{
    auto job = [open] { open->wait(); };
    co_await pool.run(std::move(job));
}

class HashMemoryTest : public testing::Test {
protected:
    HashMemoryTest() { EXPECT_GE(sodium_init(), 0); }

    // Two jobs, of which one runs and one waits until the pool may go on.
    void fill_pool()
    {
        for (int i = 0; i < 2; ++i)
            asio::co_spawn(io_, wait_in(pool_, open_), asio::detached);
        io_.poll();
        while (pool_.queued() != 1)
            std::this_thread::yield();
    }

    void empty_pool()
    {
        open_->count_down();
        io_.run();
    }

    asio::io_context io_;
    std::shared_ptr<std::latch> open_ = std::make_shared<std::latch>(1);
    BlockingPool pool_{{.name = "test"}};
};

TEST_F(HashMemoryTest, IsKeptWhileOthersWait)
{
    fill_pool();
    Hash stored = [&] {
        HashMemory memory(pool_);
        return hash();
    }();
    long before = page_faults();
    {
        HashMemory memory(pool_);
        EXPECT_TRUE(fits(stored, password));
    }
    {
        HashMemory memory(pool_);
        EXPECT_FALSE(fits(stored, "another password"));
    }
    EXPECT_LT(page_faults() - before, pages / 10);
    empty_pool();
}

TEST_F(HashMemoryTest, GoesBackWhenNobodyWaits)
{
    {
        HashMemory memory(pool_);
        EXPECT_TRUE(fits(hash(), password));
    }
    long resident = 0;
    {
        std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "r"), &std::fclose);
        ASSERT_EQ(std::fscanf(file.get(), "%*d %ld", &resident), 1);
    }
    long now = 0;
    {
        HashMemory memory(pool_);
        EXPECT_TRUE(fits(hash(), password));
    }
    {
        std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "r"), &std::fclose);
        ASSERT_EQ(std::fscanf(file.get(), "%*d %ld", &now), 1);
    }
    EXPECT_LT(now, resident + pages / 2);
}

TEST_F(HashMemoryTest, TakesHashesOfSeveralSizes)
{
    fill_pool();
    HashMemory memory(pool_);
    Hash stored = hash();
    Hash small{};
    EXPECT_EQ(crypto_pwhash_str_alg(small.data(), password.data(), password.size(), 2, memory_bytes / 2,
                                    crypto_pwhash_ALG_ARGON2ID13),
              0);
    EXPECT_TRUE(fits(stored, password));
    EXPECT_TRUE(fits(small, password));
    empty_pool();
}

}  // namespace
}  // namespace gatehouse::auth
