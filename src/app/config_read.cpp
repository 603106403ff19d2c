// SPDX-License-Identifier: Apache-2.0
#include "app/config_read.hpp"

#include "app/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace gatehouse::app {

namespace {

// How many letters must change to make one word of the other; words of configuration keys are short.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string join(std::string_view prefix, std::string_view key)
{
    return prefix.empty() ? std::string(key) : fmt::format("{}.{}", prefix, key);
}

// The names that may stand directly below `prefix`.
std::set<std::string_view> names_below(const std::vector<Setting>& table, std::string_view prefix)
{
    std::set<std::string_view> names;
    for (const Setting& setting : table) {
        std::string_view key = setting.key;
        if (!prefix.empty()) {
            if (!key.starts_with(prefix) || key.size() <= prefix.size() || key[prefix.size()] != '.')
                continue;
            key.remove_prefix(prefix.size() + 1);
        }
        names.insert(key.substr(0, key.find('.')));
    }
    return names;
}

// What the writer may have meant: a longer name that begins so, or one that differs in few letters.
std::string_view find_similar(std::string_view name, const std::set<std::string_view>& known)
{
    std::string_view best;
    std::size_t best_distance = std::min<std::size_t>(3, (name.size() + 1) / 2);
    for (std::string_view candidate : known) {
        if (name.size() >= 3 && candidate.starts_with(name))
            return candidate;
        std::size_t distance = edit_distance(name.substr(0, 64), candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string unknown_key(std::string_view name, const std::set<std::string_view>& known)
{
    std::string_view similar = find_similar(name, known);
    if (!similar.empty())
        return fmt::format("unknown key; did you mean `{}`?", similar);
    return fmt::format("unknown key; known here: {}", fmt::join(known, ", "));
}

std::string_view kind_name(YamlNode::Kind kind)
{
    switch (kind) {
    case YamlNode::Kind::null: return "nothing";
    case YamlNode::Kind::scalar: return "a value";
    case YamlNode::Kind::list: return "a list";
    case YamlNode::Kind::map: return "a map";
    }
    return "?";
}

class TreeReader final {
public:
    TreeReader(std::string_view source, bool positions, Report& report)
        : source_(source), positions_(positions), report_(report)
    {
    }

    // `table` holds the settings below `path`, with keys relative to `prefix`.
    void read_map(const YamlNode& map, std::vector<Setting>& table, const std::string& prefix, const std::string& path)
    {
        auto known = names_below(table, prefix);
        std::set<std::string_view> seen;
        for (std::size_t i = 0; i < map.keys.size(); ++i) {
            const YamlNode& key = map.keys[i];
            const std::string& name = key.text;
            std::string full = join(path, name);
            if (!seen.insert(name).second) {
                error(key, full, "stands here twice");
                continue;
            }
            if (!known.contains(name)) {
                error(key, full, unknown_key(name, known));
                continue;
            }
            std::string relative = join(prefix, name);
            auto setting = std::ranges::find(table, relative, &Setting::key);
            if (setting != table.end() && map.items[i].kind == YamlNode::Kind::null)
                error(key, full, "has no value");
            else if (setting != table.end())
                read_value(map.items[i], *setting, full);
            else if (map.items[i].kind == YamlNode::Kind::map)
                read_map(map.items[i], table, relative, full);
            else if (map.items[i].kind != YamlNode::Kind::null)  // a section whose lines are all comments
                error(map.items[i], full, "is a section: `key: value` lines, further in, go below it");
        }
    }

    void read_value(const YamlNode& node, Setting& setting, const std::string& path)
    {
        report_.note(path, place(node));
        std::visit([&](auto& slot) { assign(node, slot, path); }, setting.slot);
    }

    // For values that came as text, where `10` is neither quoted nor plain.
    void set_lenient() { lenient_ = true; }

private:
    std::string place(const YamlNode& node) const
    {
        return positions_ ? fmt::format("{}:{}:{}", source_, node.line, node.column) : std::string(source_);
    }

    void error(const YamlNode& node, std::string_view path, std::string_view what)
    {
        report_.add_at(place(node), path, what);
    }

    // The text of a scalar; nullptr, and an error, for anything else.
    const std::string* text_of(const YamlNode& node, const std::string& path, std::string_view wanted)
    {
        if (node.kind == YamlNode::Kind::scalar)
            return &node.text;
        error(node, path, fmt::format("must be {}, not {}", wanted, kind_name(node.kind)));
        return nullptr;
    }

    const std::string* plain_text_of(const YamlNode& node, const std::string& path, std::string_view wanted)
    {
        const std::string* text = text_of(node, path, wanted);
        if (text && node.quoted && !lenient_) {
            error(node, path, fmt::format("must be {}, without quotes", wanted));
            return nullptr;
        }
        return text;
    }

    void assign(const YamlNode& node, bool* slot, const std::string& path)
    {
        const std::string* text = plain_text_of(node, path, "true or false");
        if (!text)
            return;
        if (*text == "true" || *text == "false")
            *slot = *text == "true";
        else
            error(node, path, fmt::format("must be true or false, not `{}`", *text));
    }

    void assign(const YamlNode& node, std::string* slot, const std::string& path)
    {
        const std::string* text = text_of(node, path, "text");
        if (!text)
            return;
        if (std::ranges::any_of(*text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
            error(node, path, "holds a control character");
        else
            *slot = *text;
    }

    void assign(const YamlNode& node, Secret* slot, const std::string& path)
    {
        if (const std::string* text = text_of(node, path, "text"))
            *slot = Secret(*text);
    }

    void assign(const YamlNode& node, std::vector<std::string>* slot, const std::string& path)
    {
        if (node.kind != YamlNode::Kind::list) {
            error(node, path, "must be a list: [one, two]");
            return;
        }
        std::vector<std::string> list;
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            std::string item;
            assign(node.items[i], &item, fmt::format("{}[{}]", path, i));
            list.push_back(std::move(item));
        }
        *slot = std::move(list);
    }

    template <class T>
    void assign_number(const YamlNode& node, T* slot, T min, T max, const std::string& path)
    {
        const std::string* text = plain_text_of(node, path, "a whole number");
        if (!text)
            return;
        auto number = parse_number(*text);
        if (!number)
            error(node, path, fmt::format("must be a whole number, not `{}`", *text));
        else if (*number < static_cast<std::uint64_t>(min) || *number > static_cast<std::uint64_t>(max))
            error(node, path, fmt::format("must be between {} and {}", min, max));
        else
            *slot = static_cast<T>(*number);
    }
    void assign(const YamlNode& node, Count& slot, const std::string& path)
    {
        assign_number(node, slot.value, slot.min, slot.max, path);
    }
    void assign(const YamlNode& node, Number& slot, const std::string& path)
    {
        assign_number(node, slot.value, slot.min, slot.max, path);
    }

    void assign(const YamlNode& node, Ratio& slot, const std::string& path)
    {
        const std::string* text = text_of(node, path, "a number from 0 to 1");
        if (!text)
            return;
        auto ratio = parse_ratio(*text);
        if (!ratio)
            error(node, path, fmt::format("must be a number from 0 to 1 such as 0.05, not `{}`", *text));
        else
            *slot.value = *ratio;
    }

    void assign(const YamlNode& node, Size& slot, const std::string& path)
    {
        const std::string* text = text_of(node, path, "a size such as 512KiB or 16GiB");
        if (!text)
            return;
        auto size = parse_size(*text);
        if (!size)
            error(node, path, fmt::format("must be a size such as 512KiB or 16GiB, not `{}`", *text));
        else if (*size < slot.min)
            error(node, path, fmt::format("must be at least {}", format_size(slot.min)));
        else
            *slot.value = *size;
    }

    template <class Unit>
    void assign_duration(const YamlNode& node, Unit* slot, Unit min, std::string_view wanted, const std::string& path)
    {
        const std::string* text = text_of(node, path, wanted);
        if (!text)
            return;
        auto duration = parse_duration(*text);
        if (!duration || std::chrono::duration_cast<Unit>(*duration) != *duration)
            error(node, path, fmt::format("must be {}, not `{}`", wanted, *text));
        else if (*duration < min)
            error(node, path, fmt::format("must be at least {}", format_duration(min)));
        else
            *slot = std::chrono::duration_cast<Unit>(*duration);
    }
    void assign(const YamlNode& node, Seconds& slot, const std::string& path)
    {
        assign_duration(node, slot.value, slot.min, "a duration of whole seconds such as 90s, 10m or 14d", path);
    }
    void assign(const YamlNode& node, Milliseconds& slot, const std::string& path)
    {
        assign_duration(node, slot.value, slot.min, "a duration such as 250ms, 10s or 1m", path);
    }

    void assign(const YamlNode& node, Choice& slot, const std::string& path)
    {
        auto wanted = fmt::format("one of {}", fmt::join(slot.words, ", "));
        const std::string* text = text_of(node, path, wanted);
        if (!text)
            return;
        auto word = std::ranges::find(slot.words, *text);
        if (word == slot.words.end())
            error(node, path, fmt::format("must be {}, not `{}`", wanted, *text));
        else
            slot.set(static_cast<std::size_t>(word - slot.words.begin()));
    }

    void assign(const YamlNode& node, Items& slot, const std::string& path)
    {
        if (node.kind != YamlNode::Kind::list) {
            error(node, path, "must be a list of maps, each beginning with `- `");
            return;
        }
        report_.forget(path);
        report_.note(path, place(node));
        slot.clear();
        for (std::size_t i = 0; i < node.items.size(); ++i)
            read_item(node.items[i], slot, fmt::format("{}[{}]", path, i));
    }

    void read_item(const YamlNode& node, Items& slot, const std::string& path)
    {
        report_.note(path, place(node));
        auto table = slot.add();
        if (node.kind != YamlNode::Kind::map) {
            error(node, path, "must be a map of `key: value` lines");
            return;
        }
        read_map(node, table, "", path);
        for (const Setting& setting : table) {
            if (setting.is(Setting::required) &&
                std::ranges::find(node.keys, setting.key, &YamlNode::text) == node.keys.end())
                error(node, fmt::format("{}.{}", path, setting.key), "is missing");
        }
    }

    std::string_view source_;
    bool positions_;
    bool lenient_ = false;
    Report& report_;
};

// "a, b" as a list of two.
YamlNode split_list(std::string_view text)
{
    YamlNode list;
    list.kind = YamlNode::Kind::list;
    while (!text.empty()) {
        std::size_t end = std::min(text.find(','), text.size());
        std::string_view word = text.substr(0, end);
        while (word.starts_with(' '))
            word.remove_prefix(1);
        while (word.ends_with(' '))
            word.remove_suffix(1);
        YamlNode item;
        item.kind = YamlNode::Kind::scalar;
        item.text = word;
        list.items.push_back(std::move(item));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return list;
}

}  // namespace

void read_tree(const YamlNode& root, std::vector<Setting>& table, std::string_view source, Report& report)
{
    TreeReader reader(source, true, report);
    if (root.kind == YamlNode::Kind::map)
        reader.read_map(root, table, "", "");
    else if (root.kind != YamlNode::Kind::null)
        report.add_at(source, "", "must be a map of `section:` and `key: value` lines");
}

void read_text(Setting& setting, const std::string& text, std::string_view place, Report& report)
{
    bool is_items = std::holds_alternative<Items>(setting.slot);
    bool is_list = is_items || std::holds_alternative<std::vector<std::string>*>(setting.slot);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.text = text;
    if (is_items || (is_list && text.starts_with('['))) {
        auto parsed = parse_yaml(text);
        if (!parsed) {
            report.add_at(place, setting.key, parsed.error().what);
            return;
        }
        node = std::move(*parsed);
    } else if (is_list) {
        node = split_list(text);
    }
    TreeReader reader(place, false, report);
    reader.set_lenient();
    reader.read_value(node, setting, std::string(setting.key));
}

}  // namespace gatehouse::app
