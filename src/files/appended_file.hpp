// SPDX-License-Identifier: Apache-2.0
// A file on the local disk that an upload's content is appended to. Calls block; one thread at a time.
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

namespace gatehouse::files {

class AppendedFile final {
public:
    // Goes on at `offset`, which is the file's end.
    explicit AppendedFile(UniqueFd file, std::uint64_t offset = 0)
        : file_(std::move(file)), offset_(offset), flushed_(offset)
    {
    }

    // Throws Unavailable, as what follows.
    void append(std::string_view bytes);

    // Lets the disk begin with what was appended, so that a sync does not find gigabytes of it. A hint only.
    void begin_to_flush();

    // What was appended survives a crash.
    void sync();

    void close() { file_.reset(); }
    int get() const { return file_.get(); }
    std::uint64_t offset() const { return offset_; }

private:
    UniqueFd file_;
    std::uint64_t offset_;
    std::uint64_t flushed_;
};

}  // namespace gatehouse::files
