// SPDX-License-Identifier: Apache-2.0
// Percent-encoding, queries and URLs of endpoints (RFC 3986).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::http {

// nullopt for a broken escape, or one that yields NUL.
std::optional<std::string> percent_decode(std::string_view text);
void append_percent_encoded(std::string& out, char byte);  // "%2F"
std::string percent_encode(std::string_view text);         // everything but RFC 3986's unreserved characters

// The decoded value of the first parameter `name` of a query ('+' is a space); nullopt when absent or broken.
std::optional<std::string> find_query_parameter(std::string_view query, std::string_view name);

// False for a path that a server behind us could resolve to another one than we matched: "." and ".." segments, empty
// segments in the middle, encoded slashes, and backslashes, each also in its percent-encoded form. A path without these
// is safe to compare by prefix and to forward as it is.
bool is_unambiguous_path(std::string_view path);

class TlsClient;

// What is spoken with a service.
enum class Protocol { http1, http2 };

// Where a service listens: "http://host:port/prefix", the same with https, or "unix:/path/to/socket".
struct Endpoint {
    std::string scheme;  // "http", "https" or "unix"
    std::string host;    // or the socket's path
    std::uint16_t port = 0;
    std::string prefix;                    // path put before the request's, without a trailing '/'
    std::shared_ptr<const TlsClient> tls;  // with "https": how it is connected to; not part of its URL
    Protocol protocol = Protocol::http1;
    bool operator==(const Endpoint&) const = default;
    std::string authority() const;  // for the Host field
};
std::optional<Endpoint> parse_endpoint(std::string_view url);

}  // namespace gatehouse::http
