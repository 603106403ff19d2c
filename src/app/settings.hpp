// SPDX-License-Identifier: Apache-2.0
// Every setting of the program in one table: its key, where its value lives, and what it means. Reading YAML,
// environment and flags, printing, and the reference page docs/configuration.md all walk this table and know no key by
// themselves.
#pragma once

#include "app/config.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gatehouse::app {

struct Setting;

// What a setting's value is and where it is kept.
struct Count {
    std::size_t* value;
    std::size_t min, max;
};
struct Number {
    int* value;
    int min, max;
};
struct Ratio {  // from 0 to 1
    double* value;
};
struct Size {
    std::uint64_t* value;
    std::uint64_t min;
};
struct Seconds {
    std::chrono::seconds* value;
    std::chrono::seconds min;
};
struct Milliseconds {
    std::chrono::milliseconds* value;
    std::chrono::milliseconds min;
};
struct Choice {
    std::vector<std::string_view> words;
    std::function<std::size_t()> get;  // an index into `words`
    std::function<void(std::size_t)> set;
};
// A list of maps, each with a small table of its own.
struct Items {
    std::function<void()> clear;
    std::function<std::vector<Setting>()> add;  // appends one; its settings, valid until the next call of add()
    std::function<std::vector<std::vector<Setting>>()> all;
    std::function<std::vector<Setting>()> prototype;  // with the values that a new one begins with
};
using Slot = std::variant<bool*, std::string*, Secret*, std::vector<std::string>*, Count, Number, Ratio, Size, Seconds,
                          Milliseconds, Choice, Items>;

struct Setting {
    enum Flags : unsigned { plain = 0, secret = 1, reloadable = 2, required = 4, url = 8 };

    std::string_view key;  // "auth.store"; inside a list of maps "path"
    Slot slot;
    std::string_view meaning;
    unsigned flags = plain;

    bool is(Flags flag) const { return (flags & flag) != 0; }
};

// The table, bound to `config`.
std::vector<Setting> settings(Config& config);

struct Section {
    std::string_view name;
    std::string_view meaning;
};
// The sections in the order of the table; "" stands for the keys outside any section.
const std::vector<Section>& sections();

}  // namespace gatehouse::app
