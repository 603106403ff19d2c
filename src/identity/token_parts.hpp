// SPDX-License-Identifier: Apache-2.0
// What verifiers of our own tokens and of other issuers' share: the form, the key and the signature of a JWS, and how
// single claims are read. For this folder.
#pragma once

#include "identity/token.hpp"

#include <boost/json/monotonic_resource.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::identity {

inline constexpr std::size_t identifier_bytes_max = 255;

struct TokenParts {
    std::string_view header, claims, signature;
    std::string_view signed_text;  // header '.' claims
};
std::optional<TokenParts> split_token(std::string_view token);
std::optional<json::object> decode_part(std::string_view part, json::storage_ptr memory = {});

bool is_access_token_type(const json::object& header);

struct PartRules {
    std::size_t token_bytes_max;
    std::function<bool(const json::object& header)> is_type_fine;
    std::function<bool(Algorithm algorithm)> may_sign;
};
// What a token says, while it is read: most fit in here, and cost no allocation.
class TokenMemory final {
public:
    json::storage_ptr get() { return &resource_; }

private:
    std::array<unsigned char, 4096> buffer_;
    json::monotonic_resource resource_{buffer_.data(), buffer_.size()};
};

// The claims, of which nothing has been looked at before the signature was found right. They live in the memory.
Result<json::object, TokenError> verify_parts(std::string_view token, const KeySet& keys, const PartRules& rules,
                                              TokenMemory& memory);

// False when the claim is missing or of another type, or not within its bounds.
bool read_identifier(const json::object& claims, std::string_view name, std::string& out);
bool read_list(const json::object& claims, std::string_view name, std::vector<std::string>& out);
bool read_number(const json::object& claims, std::string_view name, std::int64_t& out);  // not negative
bool read_time(const json::object& claims, std::string_view name, std::int64_t& out);
// RFC 7519 section 4.1.3: a string, or an array of which one is ours.
bool read_audience(const json::object& claims, std::string_view wanted, std::string& out, bool& found);

// exp, iat and nbf against the clock.
std::optional<TokenError> check_times(const Claims& claims, std::int64_t not_before, std::chrono::seconds leeway,
                                      TimePoint now);

}  // namespace gatehouse::identity
