// SPDX-License-Identifier: Apache-2.0
// Counts what a thread takes from the heap by operator new, so that a test can say that something allocates nothing.
//
// One source of each program defines COUNT_ALLOCATIONS_HERE before it includes this: the operators are in that one.
// ThreadSanitizer brings operators of its own; there nothing is counted.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace gatehouse::testing {

inline thread_local std::size_t allocations = 0;

}  // namespace gatehouse::testing

#if defined(COUNT_ALLOCATIONS_HERE) && !__has_feature(thread_sanitizer)
// NOLINTBEGIN(cppcoreguidelines-no-malloc,misc-new-delete-overloads,misc-definitions-in-headers)
void* operator new(std::size_t size)
{
    ++gatehouse::testing::allocations;
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc,misc-new-delete-overloads,misc-definitions-in-headers)
#endif
