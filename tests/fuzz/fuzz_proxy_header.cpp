// SPDX-License-Identifier: Apache-2.0
// The PROXY header: judged the same however it comes, never beyond its own size, and its source is an address.
#include "http/proxy_header.hpp"

#include "base/error.hpp"
#include "http/address_ranges.hpp"
#include "pieces.hpp"

using namespace gatehouse;
using namespace gatehouse::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using State = ProxyHeader::State;
    auto input = fuzz::to_text(data, size);
    ProxyHeader whole = parse_proxy_header(input);
    GH_ASSERT(whole.size >= ProxyHeader::fixed_bytes && whole.size <= ProxyHeader::bytes_max);
    if (whole.state == State::complete) {
        GH_ASSERT(whole.size <= input.size());
        GH_ASSERT(whole.source.empty() || parse_address(whole.source));
    } else {
        GH_ASSERT(whole.source.empty());
    }

    // As a server reads it: no more than what is asked for, byte by byte.
    std::size_t received = 0;
    ProxyHeader header;
    while (header.state == State::incomplete && received < input.size()) {
        GH_ASSERT(received < header.size);
        header = parse_proxy_header(input.substr(0, ++received));
    }
    if (whole.state != State::incomplete)
        GH_ASSERT(header.state == whole.state && header.source == whole.source);
    if (whole.state == State::complete)
        GH_ASSERT(received == whole.size);
    return 0;
}
