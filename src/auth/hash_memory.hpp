// SPDX-License-Identifier: Apache-2.0
// The memory that hashing passwords works in, kept while there are more of them to hash.
//
// libsodium maps 19 MiB for every hash and unmaps them after it, and has no other way. The kernel clears and maps those
// pages one by one, which costs more than a third of a hash. So the program is linked in a way that brings libsodium's
// mmap() and munmap() here (CMakeLists.txt): while a HashMemory exists, its thread gets the block of the hash before.
//
// What the last hash left in the block tells nothing that its result would not tell: with two passes or more every word
// depends on all of the work.
#pragma once

namespace gatehouse {
class BlockingPool;
}

namespace gatehouse::auth {

// One for each hash, on the stack of a thread of `pool`. When it ends and nobody waits in the pool, the block goes back
// to the kernel: a server at rest holds none.
class HashMemory final {
public:
    explicit HashMemory(const BlockingPool& pool);
    ~HashMemory();
    HashMemory(const HashMemory&) = delete;
    HashMemory& operator=(const HashMemory&) = delete;

private:
    const BlockingPool& pool_;
};

}  // namespace gatehouse::auth
