// SPDX-License-Identifier: Apache-2.0
#include "app/config_changes.hpp"

#include "app/config_print.hpp"
#include "app/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace gatehouse::app {

namespace {

using Table = std::vector<Setting>;

bool equal(const Table& a, const Table& b);

template <class T>
T& value_in(T* slot)
{
    return *slot;
}
template <class Slot>
    requires std::is_pointer_v<decltype(Slot::value)>
auto& value_in(const Slot& slot)
{
    return *slot.value;
}

// REQUIRES: both are the same setting, of two configurations.
struct Equal {
    const Slot& other;

    template <class T>
    bool operator()(const T& slot) const
    {
        return value_in(slot) == value_in(std::get<T>(other));
    }
    bool operator()(Secret* slot) const { return slot->reveal() == std::get<Secret*>(other)->reveal(); }
    bool operator()(const Choice& slot) const { return slot.get() == std::get<Choice>(other).get(); }
    bool operator()(const Items& slot) const
    {
        return std::ranges::equal(slot.all(), std::get<Items>(other).all(), equal);
    }
};

bool equal_setting(const Setting& a, const Setting& b) { return std::visit(Equal{b.slot}, a.slot); }
bool equal(const Table& a, const Table& b) { return std::ranges::equal(a, b, equal_setting); }

void copy(const Table& from, const Table& to);

struct Copy {
    const Slot& to;

    template <class T>
    void operator()(const T& slot) const
    {
        value_in(std::get<T>(to)) = value_in(slot);
    }
    void operator()(const Choice& slot) const { std::get<Choice>(to).set(slot.get()); }
    void operator()(const Items& slot) const
    {
        const Items& list = std::get<Items>(to);
        list.clear();
        for (const Table& item : slot.all())
            copy(item, list.add());
    }
};

void copy(const Table& from, const Table& to)
{
    for (std::size_t i = 0; i < from.size(); ++i)
        std::visit(Copy{to[i].slot}, from[i].slot);
}

// How people call an item: by the first setting that each must have, such as its path or its name.
std::string name_of(const Table& item)
{
    auto named = std::ranges::find_if(item, [](const Setting& setting) {
        return setting.is(Setting::required) && std::holds_alternative<std::string*>(setting.slot);
    });
    return named == item.end() ? "" : *std::get<std::string*>(named->slot);
}

std::size_t count_named(const std::vector<Table>& list, const std::string& name)
{
    return static_cast<std::size_t>(std::ranges::count(list, name, name_of));
}

class Comparison final {
public:
    void compare(const std::string& prefix, const Table& before, const Table& after, bool next_start)
    {
        for (std::size_t i = 0; i < before.size(); ++i) {
            const Setting& a = before[i];
            const Setting& b = after[i];
            if (equal_setting(a, b))
                continue;
            std::string key = prefix.empty() ? std::string(a.key) : fmt::format("{}.{}", prefix, a.key);
            bool later = prefix.empty() ? !a.is(Setting::reloadable) : next_start;
            const auto* items = std::get_if<Items>(&a.slot);
            if (items)
                compare_items(key, items->all(), std::get<Items>(b.slot).all(), later);
            else
                changes_.push_back({std::move(key), setting_to_json(a), setting_to_json(b), later});
        }
    }

    std::vector<ConfigChange> changes() && { return std::move(changes_); }

private:
    // Items are the same one, changed, when they are called the same and no other item is.
    void compare_items(const std::string& key, const std::vector<Table>& before, const std::vector<Table>& after,
                       bool later)
    {
        std::size_t found = changes_.size();
        for (const Table& item : before) {
            if (std::ranges::any_of(after, [&](const Table& other) { return equal(item, other); }))
                continue;
            std::string name = name_of(item);
            std::string item_key = fmt::format("{}[{}]", key, name);
            bool paired = !name.empty() && count_named(before, name) == 1 && count_named(after, name) == 1;
            if (paired)
                compare(item_key, item, *std::ranges::find(after, name, name_of), later);
            else
                changes_.push_back({item_key, table_to_json(item), nullptr, later});
        }
        for (const Table& item : after) {
            if (std::ranges::any_of(before, [&](const Table& other) { return equal(item, other); }))
                continue;
            std::string name = name_of(item);
            if (name.empty() || count_named(before, name) != 1 || count_named(after, name) != 1)
                changes_.push_back({fmt::format("{}[{}]", key, name), nullptr, table_to_json(item), later});
        }
        if (changes_.size() == found)  // the same ones in another order, or a repeat
            changes_.push_back({key, list_to_json(before), list_to_json(after), later});
    }

    static json::value list_to_json(const std::vector<Table>& list)
    {
        json::array array;
        for (const Table& item : list)
            array.push_back(table_to_json(item));
        return array;
    }

    std::vector<ConfigChange> changes_;
};

}  // namespace

std::vector<ConfigChange> find_changes(Config& before, Config& after)
{
    Comparison comparison;
    comparison.compare("", settings(before), settings(after), false);
    return std::move(comparison).changes();
}

Config take_reloadable(Config running, Config loaded)
{
    Table to = settings(running);
    Table from = settings(loaded);
    for (std::size_t i = 0; i < to.size(); ++i)
        if (to[i].is(Setting::reloadable))
            std::visit(Copy{to[i].slot}, from[i].slot);
    return running;
}

json::value to_json(const std::vector<ConfigChange>& changes)
{
    json::array items;
    for (const ConfigChange& change : changes)
        items.push_back(json::object{{"key", change.key},
                                     {"before", change.before},
                                     {"after", change.after},
                                     {"at_next_start", change.at_next_start}});
    return items;
}

}  // namespace gatehouse::app
