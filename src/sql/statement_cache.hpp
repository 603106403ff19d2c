// SPDX-License-Identifier: Apache-2.0
// Prepared statements by their text; the least recently used one goes when there are too many. One thread at a time.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse::sql {

inline constexpr std::size_t statements_max = 64;

// Statement: a std::unique_ptr.
template <class Statement>
class StatementCache final {
public:
    using Pointer = typename Statement::pointer;

    Pointer find(std::string_view sql)  // nullptr when there is none
    {
        auto found = by_text_.find(sql);
        if (found == by_text_.end())
            return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->statement.get();
    }

    // REQUIRES: find() has none.
    Pointer add(std::string_view sql, Statement statement)
    {
        if (entries_.size() >= statements_max) {
            by_text_.erase(entries_.back().text);
            entries_.pop_back();
        }
        entries_.push_front({std::string(sql), std::move(statement)});
        by_text_.emplace(entries_.front().text, entries_.begin());
        return entries_.front().statement.get();
    }

    void remove(std::string_view sql)
    {
        auto found = by_text_.find(sql);
        if (found == by_text_.end())
            return;
        auto entry = found->second;
        by_text_.erase(found);
        entries_.erase(entry);
    }

    void clear()
    {
        by_text_.clear();
        entries_.clear();
    }

private:
    struct Entry {
        std::string text;
        Statement statement;
    };
    std::list<Entry> entries_;
    std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_text_;  // keys point into the entries
};

}  // namespace gatehouse::sql
