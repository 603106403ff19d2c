// SPDX-License-Identifier: Apache-2.0
// For integration tests: a database of its own on the server of tools/services, dropped at the end.
#pragma once

#include "sql/database.hpp"
#include "support/services.hpp"

#include <atomic>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace gatehouse::sql::testing {

using ::gatehouse::testing::require_environment;

class MysqlDatabase final {
public:
    MysqlDatabase()
    {
        static std::atomic<int> count = 0;
        name_ = "gh_" + std::to_string(getpid()) + "_" + std::to_string(++count);
        // The server's defaults, so that the tests see what an operator's database is like.
        on_server("CREATE DATABASE " + name_);
    }
    ~MysqlDatabase()
    {
        try {
            on_server("DROP DATABASE " + name_);
        } catch (const std::exception&) {
            // A test that stopped the server removes all of it.
        }
    }
    MysqlDatabase(const MysqlDatabase&) = delete;
    MysqlDatabase& operator=(const MysqlDatabase&) = delete;

    const std::string& name() const { return name_; }
    // The URL of it: `parameters` begins with ?, `host` is "host:port" of somebody in between.
    std::string url(const std::string& parameters = "", const std::string& host = "") const
    {
        std::string base = server_url();
        base = base.substr(0, base.rfind('/'));
        if (!host.empty())
            base = base.substr(0, base.rfind('@') + 1) + host;
        return base + "/" + name_ + parameters;
    }
    std::unique_ptr<Database> open() const { return open_mysql("test", url()); }

    static std::string server_url() { return require_environment("GATEHOUSE_TEST_MYSQL"); }
    static void on_server(const std::string& statement)
    {
        auto server = open_mysql("server", server_url() + "?connections=2");
        auto run = [&](Connection& connection) { connection.execute(statement); };
        server->write_blocking(run);
    }

private:
    std::string name_;
};

}  // namespace gatehouse::sql::testing
