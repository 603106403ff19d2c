// SPDX-License-Identifier: Apache-2.0
// A question of this process's own to a role: a GET whose answer is small. No state; call on an I/O thread.
#pragma once

#include "http/upstream.hpp"

#include <cstddef>
#include <string>

namespace gatehouse::http {

struct Answer {
    int status = 0;
    std::string body;
};

// Sends `headers` and an id of its own. Throws Unavailable for a body of more than `bytes_max`; has no deadline but the
// client's: wrap it into with_timeout().
Task<Answer> ask(Upstream& upstream, std::string target, Headers headers, std::size_t bytes_max);

}  // namespace gatehouse::http
