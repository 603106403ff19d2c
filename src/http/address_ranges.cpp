// SPDX-License-Identifier: Apache-2.0
#include "http/address_ranges.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace gatehouse::http {

namespace asio = boost::asio;

namespace {

constexpr unsigned mapped_bits = 96;  // in front of an IPv4 address
constexpr std::size_t text_bytes_max = 45;

bool same_prefix(const AddressBytes& a, const AddressBytes& b, unsigned bits)
{
    std::size_t whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin()))
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

std::optional<AddressBytes> parse_address(std::string_view text)
{
    if (text.empty() || text.size() > text_bytes_max || text.find('%') != std::string_view::npos)
        return std::nullopt;
    boost::system::error_code error;
    auto address = asio::ip::make_address(std::string(text), error);
    if (error)
        return std::nullopt;
    return address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes()
                           : address.to_v6().to_bytes();
}

std::string to_text(const AddressBytes& address)
{
    asio::ip::address_v6 v6(address);
    return v6.is_v4_mapped() ? asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string() : v6.to_string();
}

std::optional<AddressRanges::Range> AddressRanges::parse_range(std::string_view text)
{
    std::size_t slash = text.find('/');
    std::string_view host = text.substr(0, slash);
    auto prefix = parse_address(host);
    if (!prefix)
        return std::nullopt;
    bool v4 = host.find(':') == std::string_view::npos;
    unsigned bits = v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
        std::string_view number = text.substr(slash + 1);
        unsigned given = 0;
        auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), given);
        if (error != std::errc() || end != number.data() + number.size() || given > bits ||
            (number.size() > 1 && number[0] == '0'))
            return std::nullopt;
        bits = given;
    }
    Range range{*prefix, bits + (v4 ? mapped_bits : 0)};
    AddressBytes masked{};
    std::copy_n(prefix->begin(), range.bits / 8, masked.begin());
    if (unsigned rest = range.bits % 8; rest != 0)
        masked[range.bits / 8] = static_cast<unsigned char>((*prefix)[range.bits / 8] & (0xFFU << (8 - rest)));
    if (masked != *prefix)
        return std::nullopt;
    return range;
}

AddressRanges::AddressRanges(const std::vector<std::string>& ranges)
{
    for (const std::string& text : ranges)
        if (auto range = parse_range(text))
            ranges_.push_back(*range);
}

bool AddressRanges::contains(std::string_view address) const
{
    if (ranges_.empty())
        return false;
    auto bytes = parse_address(address);
    return bytes && std::ranges::any_of(
                        ranges_, [&](const Range& range) { return same_prefix(*bytes, range.prefix, range.bits); });
}

bool AddressRanges::is_range(std::string_view text) { return parse_range(text).has_value(); }

}  // namespace gatehouse::http
