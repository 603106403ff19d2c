// SPDX-License-Identifier: Apache-2.0
#include "app/config_print.hpp"

#include "app/config_load.hpp"
#include "app/settings.hpp"
#include "app/store_url.hpp"
#include "app/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace gatehouse::app {

namespace {

constexpr std::string_view redacted = "[redacted]";

json::value value_of(const Setting& setting)
{
    struct Visitor {
        const Setting& setting;

        json::value operator()(bool* slot) const { return *slot; }
        json::value operator()(std::string* slot) const
        {
            return json::value_from(setting.is(Setting::url) ? redact_url(*slot) : *slot);
        }
        json::value operator()(Secret* slot) const { return json::value_from(slot->empty() ? "" : redacted); }
        json::value operator()(std::vector<std::string>* slot) const { return json::value_from(*slot); }
        json::value operator()(const Count& slot) const { return *slot.value; }
        json::value operator()(const Number& slot) const { return *slot.value; }
        json::value operator()(const Ratio& slot) const
        {
            bool whole = *slot.value == 0 || *slot.value == 1;
            return whole ? json::value(static_cast<int>(*slot.value)) : json::value_from(format_ratio(*slot.value));
        }
        json::value operator()(const Size& slot) const { return json::value_from(format_size(*slot.value)); }
        json::value operator()(const Seconds& slot) const { return json::value_from(format_duration(*slot.value)); }
        json::value operator()(const Milliseconds& slot) const
        {
            return json::value_from(format_duration(*slot.value));
        }
        json::value operator()(const Choice& slot) const { return json::value_from(slot.words[slot.get()]); }
        json::value operator()(const Items& slot) const
        {
            json::array list;
            for (const auto& item : slot.all())
                list.push_back(table_to_json(item));
            return list;
        }
    };
    return std::visit(Visitor{setting}, setting.slot);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "10m", "16GiB": text for YAML too.
bool is_number_with_unit(std::string_view text)
{
    auto unit = std::ranges::find_if_not(text, is_digit);
    return unit != text.begin() && unit != text.end() && std::all_of(unit, text.end(), is_letter);
}

bool is_plain_word(std::string_view text)
{
    constexpr std::string_view words[] = {"true", "false", "null", "yes", "no", "on", "off"};
    constexpr std::string_view others = "-_./:+@";
    if (text.empty() || text.back() == ':' || std::ranges::find(words, text) != std::end(words))
        return false;
    if (!is_letter(text.front()) && text.front() != '/' && text.front() != '.')
        return false;
    return std::ranges::all_of(
        text, [&](char c) { return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos; });
}

// What YAML would read as something else than text goes in quotes.
std::string yaml_scalar(const json::value& value)
{
    if (!value.is_string())
        return json::serialize(value);
    std::string_view text = value.get_string();
    return is_plain_word(text) || is_number_with_unit(text) ? std::string(text) : json::serialize(value);
}

std::string yaml_inline_list(const json::array& list)
{
    std::string out = "[";
    for (const json::value& item : list)
        out.append(out.size() > 1 ? ", " : "").append(json::serialize(item));
    return out + "]";
}

void append_yaml(std::string& out, const json::object& map, std::size_t depth, std::string_view first_prefix)
{
    bool first = true;
    for (const auto& [key, value] : map) {
        std::string indent(depth * 2, ' ');
        if (first && !first_prefix.empty())
            indent.replace(indent.size() - first_prefix.size(), first_prefix.size(), first_prefix);
        first = false;
        fmt::format_to(std::back_inserter(out), "{}{}:", indent, std::string_view(key));
        const json::array* list = value.if_array();
        if (const json::object* inner = value.if_object()) {
            out += '\n';
            append_yaml(out, *inner, depth + 1, "");
        } else if (list && !list->empty() && list->front().is_object()) {
            out += '\n';
            for (const json::value& item : *list)
                append_yaml(out, item.get_object(), depth + 2, "- ");
        } else {
            out.append(" ").append(list ? yaml_inline_list(*list) : yaml_scalar(value)).append("\n");
        }
    }
}

// The kind of value, in words.
std::string kind_of(const Setting& setting)
{
    struct Visitor {
        std::string operator()(bool*) const { return "true or false"; }
        std::string operator()(std::string*) const { return "text"; }
        std::string operator()(Secret*) const { return "secret"; }
        std::string operator()(std::vector<std::string>*) const { return "list"; }
        std::string operator()(const Count& slot) const { return fmt::format("{} to {}", slot.min, slot.max); }
        std::string operator()(const Number& slot) const { return fmt::format("{} to {}", slot.min, slot.max); }
        std::string operator()(const Ratio&) const { return "0 to 1"; }
        std::string operator()(const Size&) const { return "size"; }
        std::string operator()(const Seconds&) const { return "duration"; }
        std::string operator()(const Milliseconds&) const { return "duration"; }
        std::string operator()(const Choice& slot) const { return fmt::format("{}", fmt::join(slot.words, ", ")); }
        std::string operator()(const Items&) const { return "list of maps"; }
    };
    return std::visit(Visitor{}, setting.slot);
}

std::string default_of(const Setting& setting)
{
    if (setting.is(Setting::required))
        return "**required**";
    if (std::holds_alternative<Items>(setting.slot))
        return "below";
    json::value value = value_of(setting);
    const json::array* list = value.if_array();
    std::string text = list ? yaml_inline_list(*list) : yaml_scalar(value);
    return text == "\"\"" ? "empty" : fmt::format("`{}`", text);
}

void append_table(std::string& out, const std::vector<Setting>& table)
{
    out += "| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const Setting& setting : table) {
        std::string_view reloadable = setting.is(Setting::reloadable) ? " (reloaded)" : "";
        fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {}{} |\n", setting.key, kind_of(setting),
                       default_of(setting), setting.meaning, reloadable);
    }
    out += '\n';
}

// What a list of maps may hold, and the lists in it.
void append_items(std::string& out, std::string_view key, const Items& items, bool reloadable)
{
    auto table = items.prototype();
    fmt::format_to(std::back_inserter(out), "### Each item of `{}`\n\n", key);
    out += reloadable ? "A reload takes them all.\n\n" : "Changes take effect at the next start.\n\n";
    append_table(out, table);
    for (const Setting& setting : table)
        if (const auto* inner = std::get_if<Items>(&setting.slot))
            append_items(out, fmt::format("{}[].{}", key, setting.key), *inner, reloadable);
}

void append_section(std::string& out, const Section& section, const std::vector<Setting>& table)
{
    std::vector<Setting> own;
    for (const Setting& setting : table) {
        std::size_t dot = setting.key.find('.');
        if (setting.key.substr(0, dot == std::string_view::npos ? 0 : dot) == section.name)
            own.push_back(setting);
    }
    std::string title = section.name.empty() ? "" : fmt::format("`{}`: ", section.name);
    fmt::format_to(std::back_inserter(out), "## {}{}\n\n", title, section.meaning);
    append_table(out, own);
    for (const Setting& setting : own) {
        const auto* items = std::get_if<Items>(&setting.slot);
        if (!items)
            continue;
        append_items(out, setting.key, *items, setting.is(Setting::reloadable));
        json::object by_default{{setting.key.substr(setting.key.find('.') + 1), value_of(setting)}};
        out += "By default:\n\n```yaml\n";
        append_yaml(out, json::object{{section.name, by_default}}, 0, "");
        out += "```\n\n";
    }
}

constexpr std::string_view introduction = R"(# Configuration

This page is made by `tools/update_golden` from the program's own table of settings.

Settings come from a YAML file (`--config FILE`, or the variable `GATEHOUSE_CONFIG`), then from the environment, then from
flags; later wins. None of them is needed: the defaults run every role on embedded stores.

- In the file a dot is a level: `auth.store` is `store:` below `auth:`. Unknown and duplicate keys are errors, and all
  errors are told at once. `gatehouse config check` tells them without starting anything, `gatehouse config print` shows
  what is in force.
- In the environment the same setting is `GATEHOUSE_AUTH__STORE`: capitals, and two underscores for the dot. With `_FILE`
  behind the name it is read from that file (`GATEHOUSE_NOTIFIER__SMTP__PASSWORD_FILE=/run/secrets/smtp`). Lists are
  separated by commas; a list of maps is written as YAML.
- Durations are written as `250ms`, `90s`, `10m`, `1h30m`, `14d`; sizes as `512KiB`, `16GiB`, or a number of bytes.
- `gatehouse config reload`, or the signal SIGHUP, reads everything again. What is marked below takes effect at once, the
  rest at the next start: `gatehouse config diff` tells beforehand. No connection ends and no request is lost. When
  something is wrong with the new configuration, the old one stays in force, and the command and the log say why.

)";

}  // namespace

json::value setting_to_json(const Setting& setting) { return value_of(setting); }

json::object table_to_json(const std::vector<Setting>& table)
{
    json::object root;
    for (const Setting& setting : table) {
        json::object* level = &root;
        std::string_view rest = setting.key;
        for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
            json::value& next = (*level)[rest.substr(0, dot)];
            if (!next.is_object())
                next = json::object();
            level = &next.as_object();
            rest.remove_prefix(dot + 1);
        }
        (*level)[rest] = value_of(setting);
    }
    return root;
}

json::object config_to_json(Config config) { return table_to_json(settings(config)); }

std::string config_to_yaml(const Config& config)
{
    std::string out;
    append_yaml(out, config_to_json(config), 0, "");
    return out;
}

std::string describe_config()
{
    Config config;
    auto table = settings(config);
    std::string out(introduction);
    for (const Section& section : sections())
        append_section(out, section, table);
    out.pop_back();
    return out;
}

}  // namespace gatehouse::app
