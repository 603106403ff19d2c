// SPDX-License-Identifier: Apache-2.0
#include "auth/hash_memory.hpp"

#include "base/blocking_pool.hpp"
#include "base/error.hpp"

#include <cstddef>
#include <utility>

#include <sys/mman.h>

namespace gatehouse::auth {

namespace {

// The block of one thread.
struct Block {
    void* begin = nullptr;
    std::size_t bytes = 0;
    bool lent = false;    // libsodium has it
    bool wanted = false;  // a HashMemory exists
};

constinit thread_local Block block;

}  // namespace

}  // namespace gatehouse::auth

// The names are the linker's (--wrap).
extern "C" {

void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void* address, std::size_t bytes);

void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int file, off_t offset)
{
    auto& block = gatehouse::auth::block;
    if (!block.wanted || block.lent || address || !(flags & MAP_ANONYMOUS))
        return __real_mmap(address, bytes, protection, flags, file, offset);
    if (block.bytes != bytes) {
        if (block.begin)
            __real_munmap(std::exchange(block.begin, nullptr), std::exchange(block.bytes, 0));
        void* begin = __real_mmap(address, bytes, protection, flags, file, offset);
        if (begin == MAP_FAILED)
            return begin;
        block.begin = begin;
        block.bytes = bytes;
    }
    block.lent = true;
    return block.begin;
}

int __wrap_munmap(void* address, std::size_t bytes)
{
    auto& block = gatehouse::auth::block;
    if (!block.lent || address != block.begin)
        return __real_munmap(address, bytes);
    block.lent = false;
    return 0;
}
}

namespace gatehouse::auth {

HashMemory::HashMemory(const BlockingPool& pool) : pool_(pool)
{
    GH_ASSERT(!block.wanted);
    block.wanted = true;
}

HashMemory::~HashMemory()
{
    block.wanted = false;
    if (block.begin && !block.lent && pool_.queued() == 0)
        __real_munmap(std::exchange(block.begin, nullptr), std::exchange(block.bytes, 0));
}

}  // namespace gatehouse::auth
