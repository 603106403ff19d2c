// SPDX-License-Identifier: Apache-2.0
// What a trusted proxy in front of us says about its client, by X-Forwarded-For, -Proto and -Host. From anybody else
// these fields mean nothing.
#pragma once

#include "http/address_ranges.hpp"
#include "http/message.hpp"

#include <string>
#include <vector>

namespace gatehouse::gateway {

class TrustedProxies final {
public:
    // Ranges of addresses, as http::AddressRanges reads them.
    explicit TrustedProxies(const std::vector<std::string>& ranges) : ranges_(ranges) {}

    // Makes the request what it was at the outermost trusted proxy: the client's address, scheme and Host.
    void apply(http::Request& request) const
    {
        if (!ranges_.empty() && ranges_.contains(request.remote_address))
            believe(request);
    }

private:
    void believe(http::Request& request) const;
    std::string find_client(const http::Request& request) const;

    http::AddressRanges ranges_;
};

}  // namespace gatehouse::gateway
