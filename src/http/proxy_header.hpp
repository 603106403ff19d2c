// SPDX-License-Identifier: Apache-2.0
// The header of the PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): by it a proxy in front of
// us says who its client is, before anything else on the connection. Without input or output. Version 1, the one in
// words, is refused: where its line ends depends on the reader.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::http {

struct ProxyHeader {
    enum class State { incomplete, complete, invalid };

    static constexpr std::size_t fixed_bytes = 16;
    static constexpr std::size_t bytes_max = 2048;  // with addresses and everything that proxies add

    State state = State::incomplete;
    // The header's size, or of its first part while more cannot be known: nothing beyond is to be read for it.
    std::size_t size = fixed_bytes;
    // Of the client, in text form. Empty when the proxy speaks for itself, such as for its health checks.
    std::string source;
};

// `bytes`: what has come of the connection so far.
ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace gatehouse::http
