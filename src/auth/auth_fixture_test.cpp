// SPDX-License-Identifier: Apache-2.0
// The store of auth_test.
#include "auth/auth_fixture.hpp"
#include "support/temp_dir.hpp"

namespace gatehouse::auth::testing {

namespace {

class SqliteStore final : public TestStore {
public:
    std::unique_ptr<sql::Database> open() override { return sql::open_sqlite("auth", directory_.path() / "auth.db"); }

private:
    ::gatehouse::testing::TempDir directory_;
};

}  // namespace

std::unique_ptr<TestStore> make_test_store() { return std::make_unique<SqliteStore>(); }

}  // namespace gatehouse::auth::testing
