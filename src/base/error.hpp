// SPDX-License-Identifier: Apache-2.0
// The error model in one place (docs/adr/0002-errors.md):
//   - an expected outcome is a return value: std::optional, bool, a small enum, or Result<T, E>;
//   - a dependency that does not work right now is an exception `Unavailable`, thrown by adapters only and caught in
//   two
//     places: http (503 with Retry-After) and events (redelivery with back-off);
//   - a broken invariant is GH_ASSERT: it logs and aborts, in release builds too.
#pragma once

#include <chrono>
#include <expected>
#include <stdexcept>
#include <string>

namespace gatehouse {

template <class T, class E>
using Result = std::expected<T, E>;

// A dependency (store, queue, pool, peer) cannot serve now. `what()` is for the log; a client sees only the status.
class Unavailable : public std::runtime_error {
public:
    explicit Unavailable(const std::string& what, std::chrono::seconds retry_after = std::chrono::seconds{1})
        : std::runtime_error(what), retry_after_(retry_after)
    {
    }
    std::chrono::seconds retry_after() const { return retry_after_; }

private:
    std::chrono::seconds retry_after_;
};

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace gatehouse

#define GH_ASSERT(expression)                                                                                          \
    ((expression) ? static_cast<void>(0) : ::gatehouse::assertion_failed(#expression, __FILE__, __LINE__))
