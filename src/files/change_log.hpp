// SPDX-License-Identifier: Apache-2.0
// The latest changes of a store that one process alone works on, in memory: bounded, the oldest go first.
//
// Any thread.
#pragma once

#include "files/change_feed.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace gatehouse::files {

class ChangeLog final {
public:
    explicit ChangeLog(std::size_t changes_max = 4096) : changes_max_(changes_max) {}

    // Set once, at start: called after each change, on the thread that made it.
    void on_change(std::function<void()> notify) { notify_ = std::move(notify); }

    // REQUIRES: the change is visible to readers of the store.
    void add(Change change)
    {
        {
            std::scoped_lock lock(mutex_);
            changes_.push_back(std::move(change));
            if (changes_.size() > changes_max_) {
                changes_.pop_front();
                ++first_;
            }
        }
        if (notify_)
            notify_();
    }

    // Of the next change.
    std::uint64_t position() const
    {
        std::scoped_lock lock(mutex_);
        return first_ + changes_.size();
    }

    // Those from `position` on, which moves behind them.
    Changes read(std::uint64_t& position, std::size_t limit) const
    {
        std::scoped_lock lock(mutex_);
        Changes read;
        read.lost = position < first_;
        position = std::max(position, first_);
        std::size_t begin = position - first_;
        std::size_t end = std::min(changes_.size(), begin + limit);
        read.changes.assign(changes_.begin() + static_cast<std::ptrdiff_t>(begin),
                            changes_.begin() + static_cast<std::ptrdiff_t>(end));
        position = first_ + end;
        return read;
    }

private:
    std::size_t changes_max_;
    std::function<void()> notify_;
    mutable std::mutex mutex_;
    std::deque<Change> changes_;
    std::uint64_t first_ = 0;  // the position of the first that is kept
};

}  // namespace gatehouse::files
