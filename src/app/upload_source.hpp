// SPDX-License-Identifier: Apache-2.0
// A file as the command line uploads it: read from wherever the server wants to go on, hashed once from beginning to
// end. Its size is fixed when it is opened. One thread; blocks.
#pragma once

#include "base/sha256.hpp"
#include "base/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace gatehouse::app {

class UploadSource final {
public:
    explicit UploadSource(const std::string& path);  // throws ClientError

    std::string name() const;  // without its directories
    const std::string& path() const { return path_; }
    std::uint64_t size() const { return size_; }
    std::int64_t modified_ns() const { return modified_ns_; }

    // Throws std::exception when it cannot be read, or has become shorter.
    std::size_t read(char* buffer, std::size_t room);
    bool seek(std::uint64_t offset);

    // read(), from `offset` on in each copy of what it gives, and no further than `length`.
    std::function<std::size_t(char*, std::size_t)> reader(std::uint64_t offset, std::uint64_t length = ~0ULL);

    // Throws ClientError when it was written to since it was opened.
    void require_unchanged() const;

    std::string sha256();  // hexadecimal. REQUIRES: called once, and nothing after it

private:
    std::size_t read_at(char* buffer, std::size_t room, std::uint64_t offset);
    void hash_until(std::uint64_t offset);

    std::string path_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
    std::int64_t modified_ns_ = 0;
    std::uint64_t offset_ = 0;
    std::uint64_t hashed_ = 0;
    Sha256 hash_;
};

}  // namespace gatehouse::app
