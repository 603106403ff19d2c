// SPDX-License-Identifier: Apache-2.0
// A string that must not leak: wiped when destroyed, not printable by fmt or streams, compared in constant time.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse {

// Empties the string and overwrites all that it holds, also what is left of a short value that was moved from.
void wipe(std::string& value) noexcept;

class Secret final {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) { wipe(value); }
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { wipe(other.value_); }
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    // The value itself. Never pass it to the log.
    std::string_view reveal() const { return value_; }
    bool empty() const { return value_.empty(); }

private:
    std::string value_;
};

// Compares in time that depends on the sizes only.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace gatehouse
