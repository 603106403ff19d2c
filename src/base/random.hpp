// SPDX-License-Identifier: Apache-2.0
// Bytes from the system's cryptographic generator. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gatehouse {

std::string random_bytes(std::size_t count);
void fill_random(std::span<char> bytes);  // the same, without memory of its own

}  // namespace gatehouse
