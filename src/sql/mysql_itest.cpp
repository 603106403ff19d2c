// SPDX-License-Identifier: Apache-2.0
#include "sql/connection_suite.hpp"
#include "sql/mysql_fixture.hpp"

namespace gatehouse::sql {

namespace {

using testing::MysqlDatabase;

struct MysqlHarness {
    MysqlHarness() { MysqlDatabase::on_server("ALTER DATABASE " + server.name() + " COLLATE utf8mb4_bin"); }
    MysqlDatabase server;
    std::unique_ptr<Database> open() const { return server.open(); }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Mysql, ConnectionSuite, MysqlHarness);

}  // namespace gatehouse::sql
