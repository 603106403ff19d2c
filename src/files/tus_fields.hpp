// SPDX-License-Identifier: Apache-2.0
// The header fields of tus 1.0.0 (https://tus.io/protocols/resumable-upload), read strictly. All throw Problem 400 with
// the field's name. No state, any thread.
#pragma once

#include "base/digest.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files::tus {

inline constexpr std::string_view version = "1.0.0";
inline constexpr std::string_view content_type = "application/offset+octet-stream";
inline constexpr std::string_view checksum_algorithms = "sha1,sha256,md5";
inline constexpr std::string_view extensions =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation";
inline constexpr std::size_t parts_max = 1'000;  // of one upload

// Upload-Length and Upload-Offset: a count of bytes. nullopt when the field is absent.
std::optional<std::uint64_t> find_count(const http::Headers& headers, std::string_view name);

// Upload-Defer-Length, whose only value is 1.
bool has_deferred_length(const http::Headers& headers);

// Upload-Concat: "partial", or "final;" and the addresses of the parts. Neither when the field is absent.
struct Concat {
    bool partial = false;
    std::vector<std::string> parts;  // ids of uploads, each once
};
Concat find_concat(const http::Headers& headers);
std::string write_concat(const std::vector<std::string>& parts);

// Upload-Metadata: pairs of a key and a value in base64. `text` is the field as it was sent.
struct Metadata {
    std::string text;
    std::string name;  // of the file, as sent; empty when there is none
};
Metadata read_metadata(const http::Headers& headers);

// Upload-Checksum: what the body's digest must be.
struct Checksum {
    Digest digest;
    std::string expected;  // raw bytes
};
std::optional<Checksum> find_checksum(const http::Headers& headers);

}  // namespace gatehouse::files::tus
