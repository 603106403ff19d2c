// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace gatehouse {

void assertion_failed(const char* expression, const char* file, int line)
{
    std::fprintf(stderr, "gatehouse: broken invariant: %s at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace gatehouse
