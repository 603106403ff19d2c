// SPDX-License-Identifier: Apache-2.0
// A set of IP addresses, as ranges in CIDR notation: "10.0.0.0/8", "fd00::/8", or one address. A value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

// An IP address in one form: IPv4 as ::ffff:a.b.c.d.
using AddressBytes = std::array<unsigned char, 16>;
std::optional<AddressBytes> parse_address(std::string_view text);
std::string to_text(const AddressBytes& address);

class AddressRanges final {
public:
    AddressRanges() = default;
    // Ranges that are none are left out: check them with is_range() before.
    explicit AddressRanges(const std::vector<std::string>& ranges);

    bool empty() const { return ranges_.empty(); }
    bool contains(std::string_view address) const;

    // Also false when bits are set behind the prefix: 10.0.0.1/8 was probably not meant so.
    static bool is_range(std::string_view text);

private:
    struct Range {
        AddressBytes prefix;
        unsigned bits;
    };
    static std::optional<Range> parse_range(std::string_view text);

    std::vector<Range> ranges_;
};

}  // namespace gatehouse::http
