// SPDX-License-Identifier: Apache-2.0
// Makes a table of one database the same as that of another one, of whatever dialect: for `gatehouse migrate`. Both
// were made by the same steps of a schema. What is right already stays as it is, so a run that was interrupted is gone
// on with by running again.
//
// A few hundred rows at a time, so memory does not grow with the table. Nobody else writes to the target meanwhile.
// Blocks; one thread. All throw Unavailable.
#pragma once

#include "sql/connection.hpp"
#include "sql/database.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::sql {

// The tables of the database, without the dialect's own. In a transaction of the caller's.
std::vector<std::string> list_tables(Connection& connection);

struct TableComparison {
    std::uint64_t source = 0;  // rows
    std::uint64_t target = 0;
    std::uint64_t different = 0;  // missing, not the same, or of the target alone
    std::vector<std::string>
        examples;  // the first of these: "users id=0198…: email differs"; never a value of a column
};

class TableTransfer final {
public:
    // `source` is an embedded database in a transaction of the caller's; it sees the same as long as this lives.
    TableTransfer(Connection& source, Database& target, std::string table);

    const std::string& table() const { return table_; }
    std::uint64_t count_source() const;

    // Removes the rows that the source does not have; their number. Before any rows are brought: they may have what
    // must be unique.
    std::uint64_t remove_others();

    // Inserts what is missing and changes what differs; how many rows that were. `progress` is told the number of rows
    // seen, now and then.
    std::uint64_t bring(const std::function<void(std::uint64_t seen)>& progress);

    // Reads both again, whole.
    TableComparison compare(std::size_t examples_max);

private:
    struct Column {
        std::string name;
        bool integer;
    };
    using Keyed = std::vector<Params>;  // rows, or their keys

    void read_shape();
    Params read_row(const Row& row, const std::vector<std::size_t>& columns) const;
    Params key_of(const Params& row) const;
    std::string name_of(const Params& row) const;

    // Calls `visit` with a few hundred rows after the other, whole ones or their keys alone.
    template <class Ask, class Visit>
    void walk(Ask ask, bool keys_alone, Visit visit) const;
    std::string page_statement(bool keys_alone, bool first) const;

    // Those of the rows in `wanted` that the connection has.
    Keyed find(Connection& connection, const Keyed& wanted, bool keys_alone) const;
    std::uint64_t bring_page(Connection& target, const Keyed& page) const;
    void insert(Connection& target, const Keyed& rows) const;
    void update(Connection& target, const Params& row) const;
    void compare_page(const Keyed& page, const Keyed& found, TableComparison& result, std::size_t examples_max) const;

    Connection& source_;
    Database& target_;
    std::string table_;
    std::vector<Column> columns_;
    std::vector<std::size_t> all_;  // columns_ by number
    std::vector<std::size_t> key_;  // those of the primary key, in its order
};

}  // namespace gatehouse::sql
