// SPDX-License-Identifier: Apache-2.0
#include "http/buffer_pool.hpp"

#include <cstring>

namespace gatehouse::http {

Buffer::~Buffer()
{
    if (block_)
        pool_->give_back(std::move(block_), capacity_);
}

void Buffer::make_room(BufferPool& pool, std::size_t capacity)
{
    std::size_t size = end_ - begin_;
    if (capacity > capacity_) {
        Buffer larger = pool.lend(capacity);
        if (size > 0)
            std::memcpy(larger.block_.get(), block_.get() + begin_, size);
        swap(larger);
    } else if (begin_ > 0 && size > 0) {
        std::memmove(block_.get(), block_.get() + begin_, size);
    }
    begin_ = 0;
    end_ = size;
}

BufferPool::BufferPool()
{
    for (Class& size : classes_)
        size.blocks.reserve(size.kept_max);
}

Buffer BufferPool::lend(std::size_t capacity)
{
    Buffer buffer;
    buffer.pool_ = this;
    for (Class& size : classes_) {
        if (capacity > size.bytes)
            continue;
        buffer.capacity_ = size.bytes;
        if (size.blocks.empty()) {
            buffer.block_ = std::make_unique_for_overwrite<char[]>(size.bytes);
        } else {
            buffer.block_ = std::move(size.blocks.back());
            size.blocks.pop_back();
        }
        return buffer;
    }
    buffer.capacity_ = capacity;
    buffer.block_ = std::make_unique_for_overwrite<char[]>(capacity);
    return buffer;
}

void BufferPool::give_back(std::unique_ptr<char[]> block, std::size_t capacity) noexcept
{
    for (Class& size : classes_) {
        if (capacity != size.bytes || size.blocks.size() >= size.kept_max)
            continue;
        size.blocks.push_back(std::move(block));
        return;
    }
}

}  // namespace gatehouse::http
