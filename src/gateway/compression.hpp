// SPDX-License-Identifier: Apache-2.0
// Compression of a service's answers, with gzip or brotli, as a route asks for and the client accepts. Made at start,
// read-only after that: any thread.
//
// Off unless configured: an answer that holds a secret and something that an attacker chose tells of the secret by its
// compressed length (BREACH). Never for answers that set cookies.
#pragma once

#include "gateway/config.hpp"
#include "gateway/encoder.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

class Compression final {
public:
    explicit Compression(const CompressionConfig& config) : types_(config.types), min_bytes_(config.min_bytes) {}

    // Compresses the answer's body, or makes it a stream that does, where that may be: of a listed type, long enough,
    // not encoded already, whole, and not of a kind that must stay as it is. `method` is the request's.
    void apply(http::Response& response, std::string_view method, Coding coding) const;

private:
    bool may_compress(const http::Response& response, std::optional<std::uint64_t> length) const;
    bool is_listed(std::string_view content_type) const;

    std::vector<std::string> types_;  // "text/*", "application/json"
    std::uint64_t min_bytes_;
};

// What the client likes best of what there is (RFC 9110 section 12.5.3): by weight, of equal ones brotli before gzip
// before nothing. An empty or missing list accepts nothing but the identity.
Coding choose_coding(const http::Headers& headers);

}  // namespace gatehouse::gateway
