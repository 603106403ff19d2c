// SPDX-License-Identifier: Apache-2.0
//      12 bytes       1           1          2 bytes    `length` bytes
//     +-----------+---------+-----------+-----------+-------------------------------------------+
//     | signature | version | family    | length    | source, destination, ports, further values |
//     |           | command | transport | (network) |                                            |
//     +-----------+---------+-----------+-----------+-------------------------------------------+
#include "http/proxy_header.hpp"

#include "http/address_ranges.hpp"

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr unsigned version = 2;
enum Command : unsigned { local = 0, proxy = 1 };
enum Family : unsigned { unspecified = 0x00, tcp4 = 0x11, tcp6 = 0x21, unix_stream = 0x31 };

constexpr std::size_t addresses_of_tcp4 = 12;  // two addresses, two ports
constexpr std::size_t addresses_of_tcp6 = 36;
constexpr std::size_t addresses_of_unix = 216;

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

ProxyHeader invalid() { return {.state = ProxyHeader::State::invalid}; }

std::string source_of(unsigned family, std::string_view addresses)
{
    AddressBytes source{};
    if (family == tcp4) {
        source[10] = source[11] = 0xFF;
        std::copy_n(addresses.begin(), 4, source.begin() + 12);
    } else {
        std::copy_n(addresses.begin(), source.size(), source.begin());
    }
    return to_text(source);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes)
{
    std::size_t compared = std::min(bytes.size(), signature.size());
    if (bytes.substr(0, compared) != signature.substr(0, compared))
        return invalid();
    if (bytes.size() > 12 && (byte_at(bytes, 12) >> 4U != version || (byte_at(bytes, 12) & 0xFU) > proxy))
        return invalid();
    if (bytes.size() < ProxyHeader::fixed_bytes)
        return {};

    unsigned command = byte_at(bytes, 12) & 0xFU;
    unsigned family = byte_at(bytes, 13);
    std::size_t length = byte_at(bytes, 14) << 8U | byte_at(bytes, 15);
    std::size_t needed = 0;
    if (command == proxy) {
        switch (family) {
        case unspecified: break;
        case tcp4: needed = addresses_of_tcp4; break;
        case tcp6: needed = addresses_of_tcp6; break;
        case unix_stream: needed = addresses_of_unix; break;
        default: return invalid();  // datagrams do not come this way
        }
    }
    ProxyHeader header{.size = ProxyHeader::fixed_bytes + length};
    if (length < needed || header.size > ProxyHeader::bytes_max)
        return invalid();
    if (bytes.size() < header.size)
        return header;
    header.state = ProxyHeader::State::complete;
    if (command == proxy && (family == tcp4 || family == tcp6))
        header.source = source_of(family, bytes.substr(ProxyHeader::fixed_bytes));
    return header;
}

}  // namespace gatehouse::http
