// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <sodium.h>

namespace gatehouse {

std::string random_bytes(std::size_t count)
{
    std::string bytes(count, '\0');
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

}  // namespace gatehouse
