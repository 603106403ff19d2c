// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::http {
namespace {

using State = ProxyHeader::State;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string header(unsigned char version_command, unsigned char family, const std::string& rest)
{
    return signature + static_cast<char>(version_command) + static_cast<char>(family) +
           static_cast<char>(rest.size() >> 8U) + static_cast<char>(rest.size() & 0xFFU) + rest;
}

const std::string v4_addresses("\xC0\x00\x02\x07\x0A\x00\x00\x01\x30\x39\x01\xBB", 12);
const std::string v6_addresses = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                                 std::string(15, '\0') + "\x01" + std::string("\x30\x39\x01\xBB", 4);

struct Vector {
    const char* name;
    std::string bytes;
    State state;
    std::string source;
};

const Vector vectors[] = {
    {"tcp4", header(0x21, 0x11, v4_addresses), State::complete, "192.0.2.7"},
    {"tcp6", header(0x21, 0x21, v6_addresses), State::complete, "2001:db8::1"},
    {"tcp4_with_further_values", header(0x21, 0x11, v4_addresses + std::string("\x04\x00\x01\x00", 4)), State::complete,
     "192.0.2.7"},
    {"mapped_v4",
     header(0x21, 0x21, std::string(10, '\0') + "\xFF\xFF" + v4_addresses.substr(0, 4) + std::string(20, '\0')),
     State::complete, "192.0.2.7"},
    {"local", header(0x20, 0x00, ""), State::complete, ""},
    {"local_with_addresses_that_do_not_count", header(0x20, 0x11, v4_addresses), State::complete, ""},
    {"unspecified", header(0x21, 0x00, ""), State::complete, ""},
    {"unix", header(0x21, 0x31, std::string(216, 'a')), State::complete, ""},
    {"largest", header(0x21, 0x11, v4_addresses + std::string(2048 - 16 - 12, 'x')), State::complete, "192.0.2.7"},
    {"too_large", header(0x21, 0x11, v4_addresses + std::string(2048 - 16 - 11, 'x')), State::invalid, ""},
    {"short_tcp4", header(0x21, 0x11, v4_addresses.substr(0, 11)), State::invalid, ""},
    {"short_tcp6", header(0x21, 0x21, v6_addresses.substr(0, 35)), State::invalid, ""},
    {"short_unix", header(0x21, 0x31, std::string(215, 'a')), State::invalid, ""},
    {"version_1", "PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n", State::invalid, ""},
    {"version_3", header(0x31, 0x11, v4_addresses), State::invalid, ""},
    {"version_0", header(0x01, 0x11, v4_addresses), State::invalid, ""},
    {"unknown_command", header(0x22, 0x11, v4_addresses), State::invalid, ""},
    {"datagram", header(0x21, 0x12, v4_addresses), State::invalid, ""},
    {"unknown_family", header(0x21, 0x41, v4_addresses), State::invalid, ""},
    {"a_request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", State::invalid, ""},
    {"a_handshake", std::string("\x16\x03\x01\x02\x00", 5), State::invalid, ""},
    {"wrong_end_of_signature", std::string("\r\n\r\n\0\r\nQUIT\r", 12), State::invalid, ""},
    {"nothing", "", State::incomplete, ""},
};

class ProxyHeaderVectors : public ::testing::TestWithParam<Vector> {};

TEST_P(ProxyHeaderVectors, IsJudged)
{
    const Vector& vector = GetParam();
    ProxyHeader header = parse_proxy_header(vector.bytes);
    EXPECT_EQ(header.state, vector.state);
    EXPECT_EQ(header.source, vector.source);
    if (header.state == State::complete) {
        EXPECT_EQ(header.size, vector.bytes.size());
    }
}

// However the bytes come: no prefix is complete, none of a good header is refused, and what is to be read for it never
// reaches beyond its end.
TEST_P(ProxyHeaderVectors, IsJudgedTheSameInPieces)
{
    const Vector& vector = GetParam();
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
        ProxyHeader header = parse_proxy_header(vector.bytes.substr(0, size));
        ASSERT_NE(header.state, State::complete) << size;
        if (vector.state == State::complete) {
            ASSERT_EQ(header.state, State::incomplete) << size;
            ASSERT_LE(header.size, vector.bytes.size()) << size;
            ASSERT_GT(header.size, size);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, ProxyHeaderVectors, ::testing::ValuesIn(vectors),
                         [](const auto& it) { return std::string(it.param.name); });

TEST(ProxyHeader, WhatFollowsIsNotPartOfIt)
{
    std::string bytes = header(0x21, 0x11, v4_addresses);
    ProxyHeader parsed = parse_proxy_header(bytes + "GET / HTTP/1.1\r\n");
    EXPECT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.size, bytes.size());
}

}  // namespace
}  // namespace gatehouse::http
