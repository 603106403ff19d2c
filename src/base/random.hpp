// SPDX-License-Identifier: Apache-2.0
// Bytes from the system's cryptographic generator. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace gatehouse {

std::string random_bytes(std::size_t count);

}  // namespace gatehouse
