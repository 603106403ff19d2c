// SPDX-License-Identifier: Apache-2.0
#include "sql/table_transfer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace gatehouse::sql {

namespace {

constexpr std::size_t page_rows = 500;

// Values as a text that is the same only for the same values. The databases need not agree on an order.
std::string encode(const Params& values)
{
    std::string text;
    for (const Value& value : values) {
        if (const auto* number = std::get_if<std::int64_t>(&value))
            text += fmt::format("i{};", *number);
        else if (const auto* string = std::get_if<std::string>(&value))
            text += fmt::format("t{}:{};", string->size(), *string);
        else
            text += "n;";
    }
    return text;
}

std::string show(const Value& value)
{
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return std::to_string(*number);
    const auto* string = std::get_if<std::string>(&value);
    return string ? *string : "NULL";
}

std::string placeholders(std::size_t count)
{
    std::string text = "?";
    for (std::size_t i = 1; i < count; ++i)
        text += ", ?";
    return text;
}

}  // namespace

std::vector<std::string> list_tables(Connection& connection)
{
    std::string_view look = connection.dialect() == Dialect::sqlite
                                ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
                                  "ESCAPE '\\' ORDER BY name"
                                : "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
                                  "ORDER BY table_name";
    std::vector<std::string> tables;
    for (const Row& row : connection.query(look))
        tables.push_back(row.text(0));
    return tables;
}

TableTransfer::TableTransfer(Connection& source, Database& target, std::string table)
    : source_(source), target_(target), table_(std::move(table))
{
    read_shape();
}

void TableTransfer::read_shape()
{
    std::map<std::int64_t, std::size_t> key;
    for (const Row& row : source_.query("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", {table_})) {
        const std::string& type = row.text(1);
        bool integer = type == "INTEGER" || type == "BIGINT";
        if (!integer && !type.starts_with("VARCHAR") && type != "TEXT")
            throw std::logic_error(
                fmt::format("{}.{} is of the type {}, which cannot be moved", table_, row.text(0), type));
        if (row.integer(2) > 0)
            key[row.integer(2)] = columns_.size();
        all_.push_back(columns_.size());
        columns_.push_back({row.text(0), integer});
    }
    for (const auto& [place, column] : key)
        key_.push_back(column);
    if (key_.empty())
        throw std::logic_error(fmt::format("{} has no primary key", table_));
}

std::uint64_t TableTransfer::count_source() const
{
    return static_cast<std::uint64_t>(source_.query(fmt::format("SELECT COUNT(*) FROM {}", table_)).at(0).integer(0));
}

Params TableTransfer::read_row(const Row& row, const std::vector<std::size_t>& columns) const
{
    Params values;
    values.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (row.is_null(i))
            values.emplace_back(std::monostate{});
        else if (columns_[columns[i]].integer)
            values.emplace_back(row.integer(i));
        else
            values.emplace_back(row.text(i));
    }
    return values;
}

Params TableTransfer::key_of(const Params& row) const
{
    Params key;
    for (std::size_t column : key_)
        key.push_back(row[column]);
    return key;
}

std::string TableTransfer::name_of(const Params& row) const
{
    std::string text = table_;
    for (std::size_t column : key_)
        text += fmt::format(" {}={}", columns_[column].name, show(row[column]));
    return text;
}

// "… WHERE (a > ?) OR (a = ? AND b > ?) ORDER BY a, b": the form that every optimizer finds the index for.
std::string TableTransfer::page_statement(bool keys_alone, bool first) const
{
    std::vector<std::string> wanted;
    for (std::size_t column : keys_alone ? key_ : all_)
        wanted.push_back(columns_[column].name);
    std::vector<std::string> order;
    std::vector<std::string> after;
    std::string same;
    for (std::size_t column : key_) {
        const std::string& name = columns_[column].name;
        order.push_back(name);
        after.push_back(fmt::format("({}{} > ?)", same, name));
        same += fmt::format("{} = ? AND ", name);
    }
    return fmt::format("SELECT {} FROM {}{} ORDER BY {} LIMIT {}", fmt::join(wanted, ", "), table_,
                       first ? std::string() : fmt::format(" WHERE {}", fmt::join(after, " OR ")),
                       fmt::join(order, ", "), page_rows);
}

template <class Ask, class Visit>
void TableTransfer::walk(Ask ask, bool keys_alone, Visit visit) const
{
    Params last;
    while (true) {
        Params params;
        for (std::size_t i = 0; i < last.size(); ++i)
            params.insert(params.end(), last.begin(), last.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        std::vector<Row> rows = ask(page_statement(keys_alone, last.empty()), params);
        if (rows.empty())
            return;
        Keyed page;
        page.reserve(rows.size());
        for (const Row& row : rows)
            page.push_back(read_row(row, keys_alone ? key_ : all_));
        last = keys_alone ? page.back() : key_of(page.back());
        visit(page);
        if (rows.size() < page_rows)
            return;
    }
}

TableTransfer::Keyed TableTransfer::find(Connection& connection, const Keyed& wanted, bool keys_alone) const
{
    std::vector<std::string> names;
    for (std::size_t column : keys_alone ? key_ : all_)
        names.push_back(columns_[column].name);
    std::vector<std::string> same;
    same.reserve(key_.size());
    for (std::size_t column : key_)
        same.push_back(fmt::format("{} = ?", columns_[column].name));
    std::string one = fmt::format("({})", fmt::join(same, " AND "));
    std::string any = one;
    Params params = keys_alone ? wanted.front() : key_of(wanted.front());
    for (std::size_t i = 1; i < wanted.size(); ++i) {
        if (key_.size() > 1)
            any += " OR " + one;
        Params key = keys_alone ? wanted[i] : key_of(wanted[i]);
        params.insert(params.end(), key.begin(), key.end());
    }
    if (key_.size() == 1)
        any = fmt::format("{} IN ({})", columns_[key_[0]].name, placeholders(wanted.size()));
    Keyed found;
    for (const Row& row :
         connection.query(fmt::format("SELECT {} FROM {} WHERE {}", fmt::join(names, ", "), table_, any), params))
        found.push_back(read_row(row, keys_alone ? key_ : all_));
    return found;
}

std::uint64_t TableTransfer::remove_others()
{
    std::uint64_t removed = 0;
    auto ask = [&](const std::string& statement, const Params& params) {
        auto read = [&](Connection& target) { return target.query(statement, params); };
        return target_.read_blocking(read);
    };
    std::string statement = fmt::format("DELETE FROM {} WHERE ", table_);
    for (std::size_t i = 0; i < key_.size(); ++i)
        statement += fmt::format("{}{} = ?", i == 0 ? "" : " AND ", columns_[key_[i]].name);
    walk(ask, true, [&](const Keyed& page) {
        std::map<std::string, const Params*> others;
        for (const Params& key : page)
            others[encode(key)] = &key;
        for (const Params& key : find(source_, page, true))
            others.erase(encode(key));
        if (others.empty())
            return;
        auto remove = [&](Connection& target) {
            for (const auto& [text, key] : others)
                target.execute(statement, *key);
        };
        target_.write_blocking(remove);
        removed += others.size();
    });
    return removed;
}

std::uint64_t TableTransfer::bring(const std::function<void(std::uint64_t seen)>& progress)
{
    std::uint64_t seen = 0;
    std::uint64_t changed = 0;
    auto ask = [&](const std::string& statement, const Params& params) { return source_.query(statement, params); };
    walk(ask, false, [&](const Keyed& page) {
        auto work = [&](Connection& target) { return bring_page(target, page); };
        changed += target_.write_blocking(work);
        seen += page.size();
        progress(seen);
    });
    return changed;
}

std::uint64_t TableTransfer::bring_page(Connection& target, const Keyed& page) const
{
    std::map<std::string, Params> there;  // rows by key
    for (Params& row : find(target, page, false)) {
        std::string key = encode(key_of(row));
        there.emplace(std::move(key), std::move(row));
    }
    Keyed missing;
    std::uint64_t changed = 0;
    for (const Params& row : page) {
        auto found = there.find(encode(key_of(row)));
        if (found == there.end()) {
            missing.push_back(row);
        } else if (found->second != row) {
            update(target, row);
            ++changed;
        }
    }
    if (!missing.empty())
        insert(target, missing);
    return changed + missing.size();
}

void TableTransfer::insert(Connection& target, const Keyed& rows) const
{
    std::vector<std::string> names;
    names.reserve(columns_.size());
    for (const Column& column : columns_)
        names.push_back(column.name);
    std::string one = fmt::format("({})", placeholders(columns_.size()));
    std::vector<std::string> all(rows.size(), one);
    Params params;
    for (const Params& row : rows)
        params.insert(params.end(), row.begin(), row.end());
    target.execute(fmt::format("INSERT INTO {} ({}) VALUES {}", table_, fmt::join(names, ", "), fmt::join(all, ", ")),
                   params);
}

void TableTransfer::update(Connection& target, const Params& row) const
{
    std::vector<std::string> set;
    Params params;
    for (std::size_t column : all_) {
        if (std::ranges::find(key_, column) != key_.end())
            continue;
        set.push_back(fmt::format("{} = ?", columns_[column].name));
        params.push_back(row[column]);
    }
    std::vector<std::string> same;
    for (std::size_t column : key_) {
        same.push_back(fmt::format("{} = ?", columns_[column].name));
        params.push_back(row[column]);
    }
    target.execute(fmt::format("UPDATE {} SET {} WHERE {}", table_, fmt::join(set, ", "), fmt::join(same, " AND ")),
                   params);
}

TableComparison TableTransfer::compare(std::size_t examples_max)
{
    TableComparison result;
    auto ask_source = [&](const std::string& statement, const Params& params) {
        return source_.query(statement, params);
    };
    walk(ask_source, false, [&](const Keyed& page) {
        auto look = [&](Connection& target) { return find(target, page, false); };
        compare_page(page, target_.read_blocking(look), result, examples_max);
        result.source += page.size();
    });
    auto ask_target = [&](const std::string& statement, const Params& params) {
        auto read = [&](Connection& target) { return target.query(statement, params); };
        return target_.read_blocking(read);
    };
    walk(ask_target, true, [&](const Keyed& page) {
        std::map<std::string, const Params*> others;
        for (const Params& key : page)
            others[encode(key)] = &key;
        for (const Params& key : find(source_, page, true))
            others.erase(encode(key));
        result.target += page.size();
        result.different += others.size();
        for (const auto& [text, key] : others) {
            if (result.examples.size() == examples_max)
                break;
            std::vector<std::string> parts;
            parts.reserve(key_.size());
            for (std::size_t i = 0; i < key_.size(); ++i)
                parts.push_back(fmt::format("{}={}", columns_[key_[i]].name, show((*key)[i])));
            result.examples.push_back(fmt::format("{} {}: only in the new store", table_, fmt::join(parts, " ")));
        }
    });
    return result;
}

void TableTransfer::compare_page(const Keyed& page, const Keyed& found, TableComparison& result,
                                 std::size_t examples_max) const
{
    std::map<std::string, const Params*> there;
    for (const Params& row : found)
        there[encode(key_of(row))] = &row;
    for (const Params& row : page) {
        auto other = there.find(encode(key_of(row)));
        std::vector<std::string> what;
        if (other == there.end())
            what.emplace_back("missing in the new store");
        else
            for (std::size_t column : all_)
                if (row[column] != (*other->second)[column])
                    what.push_back(fmt::format("{} differs", columns_[column].name));
        if (what.empty())
            continue;
        ++result.different;
        if (result.examples.size() < examples_max)
            result.examples.push_back(fmt::format("{}: {}", name_of(row), fmt::join(what, ", ")));
    }
}

}  // namespace gatehouse::sql
