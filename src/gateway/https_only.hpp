// SPDX-License-Identifier: Apache-2.0
// What makes clients use HTTPS: the answer to a request that came without, and what browsers are told to remember.
#pragma once

#include "gateway/config.hpp"
#include "http/message.hpp"

#include <optional>
#include <string>

namespace gatehouse::gateway {

class HttpsOnly final {
public:
    // `config` is read here alone. Throws std::runtime_error when it redirects and its public URL is not https://.
    explicit HttpsOnly(const Config& config);

    // 308 to the same host and target, at the public URL's port; nullopt for a request that may go on.
    std::optional<http::Response> redirect(const http::Request& request) const;

    // Strict-Transport-Security (RFC 6797) in an answer over HTTPS.
    void mark(const http::Request& request, http::Response& response) const
    {
        if (!strict_transport_.empty() && request.scheme == "https")
            response.headers.set("strict-transport-security", strict_transport_);
    }

private:
    bool redirects_;
    std::string port_;  // ":8443"; empty: the usual one
    std::string strict_transport_;
};

}  // namespace gatehouse::gateway
