// SPDX-License-Identifier: Apache-2.0
#include "app/output.hpp"

#include "base/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::app {

namespace {

std::string printable(std::string_view text)
{
    if (!is_utf8(text))
        return "?";
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

std::string cell(const json::value* value)
{
    if (!value || value->is_null())
        return "-";
    if (const auto* text = value->if_string())
        return text->empty() ? "-" : printable(std::string_view(*text));
    if (const auto* list = value->if_array()) {
        std::string joined;
        for (const json::value& item : *list)
            joined.append(joined.empty() ? "" : ", ").append(cell(&item));
        return joined.empty() ? "-" : joined;
    }
    if (value->is_bool())
        return value->get_bool() ? "yes" : "no";
    return json::serialize(*value);
}

std::size_t width_of(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string format_table(const json::array& items, const std::vector<Column>& columns, std::string_view empty)
{
    if (items.empty())
        return std::string(empty) + "\n";
    std::vector<std::vector<std::string>> rows(1);
    for (const Column& column : columns)
        rows[0].emplace_back(column.title);
    for (const json::value& item : items) {
        auto& row = rows.emplace_back();
        for (const Column& column : columns)
            row.push_back(cell(item.as_object().if_contains(column.key)));
    }
    std::vector<std::size_t> widths(columns.size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size())
                out.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

std::string format_record(const json::object& record)
{
    std::size_t width = 0;
    for (const auto& member : record)
        width = std::max(width, member.key().size());
    std::string out;
    for (const auto& member : record)
        out += fmt::format("{:{}}  {}\n", std::string_view(member.key()), width, cell(&member.value()));
    return out;
}

}  // namespace gatehouse::app
