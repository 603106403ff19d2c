// SPDX-License-Identifier: Apache-2.0
// Memory for arriving bytes, lent for as long as a message is being read: an idle connection holds none.
//
// The block given back last is lent first, so a busy thread works in a few warm blocks however many connections it has.
// One thread; the pool outlives its buffers.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::http {

class BufferPool;

// Received bytes between begin and end of a block. Empty by default, without a block.
class Buffer final {
public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept
    {
        swap(other);
        return *this;
    }
    ~Buffer();

    char* data() { return block_.get() + begin_; }
    std::string_view view() const { return {block_.get() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    std::size_t capacity() const { return capacity_; }

    void consume(std::size_t bytes) { begin_ += bytes; }
    std::span<char> space() { return {block_.get() + end_, capacity_ - end_}; }
    void commit(std::size_t bytes) { end_ += bytes; }

    // Moves what is there to the front, and into another block when `capacity` is more than this one's.
    // Views into the buffer are invalid afterwards.
    void make_room(BufferPool& pool, std::size_t capacity);

private:
    friend class BufferPool;

    void swap(Buffer& other) noexcept
    {
        std::swap(pool_, other.pool_);
        std::swap(block_, other.block_);
        std::swap(capacity_, other.capacity_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
    }

    BufferPool* pool_ = nullptr;
    std::unique_ptr<char[]> block_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class BufferPool final {
public:
    static constexpr std::size_t small_bytes = 8 * 1024;   // most heads
    static constexpr std::size_t large_bytes = 64 * 1024;  // a piece of a body

    BufferPool();

    // At least `capacity` bytes; other sizes than the two above are not kept.
    Buffer lend(std::size_t capacity);

private:
    friend class Buffer;

    struct Class {
        std::size_t bytes;
        std::size_t kept_max;
        std::vector<std::unique_ptr<char[]>> blocks;
    };
    void give_back(std::unique_ptr<char[]> block, std::size_t capacity) noexcept;

    std::array<Class, 2> classes_{{{small_bytes, 128, {}}, {large_bytes, 16, {}}}};
};

}  // namespace gatehouse::http
