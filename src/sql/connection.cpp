// SPDX-License-Identifier: Apache-2.0
#include "sql/connection.hpp"

namespace gatehouse::sql {

namespace {

template <class T>
const T& column_as(const std::vector<Value>& values, std::size_t column)
{
    GH_ASSERT(column < values.size());
    const T* value = std::get_if<T>(&values[column]);
    GH_ASSERT(value != nullptr);
    return *value;
}

}  // namespace

std::int64_t Row::integer(std::size_t column) const { return column_as<std::int64_t>(values_, column); }

const std::string& Row::text(std::size_t column) const { return column_as<std::string>(values_, column); }

const std::string& Row::blob(std::size_t column) const { return column_as<Blob>(values_, column).bytes; }

bool Row::is_null(std::size_t column) const
{
    GH_ASSERT(column < values_.size());
    return std::holds_alternative<std::monostate>(values_[column]);
}

std::optional<std::int64_t> Row::find_integer(std::size_t column) const
{
    if (is_null(column))
        return std::nullopt;
    return integer(column);
}

std::optional<std::string> Row::find_text(std::size_t column) const
{
    if (is_null(column))
        return std::nullopt;
    return text(column);
}

}  // namespace gatehouse::sql
