// SPDX-License-Identifier: Apache-2.0
// login_names holds every name that one can log in with, user names and e-mail addresses alike, folded: one unique key
// keeps a user name from being another user's address. Times are milliseconds since 1970; hashes are base64url.
#include "auth/schema.hpp"

namespace gatehouse::auth {

namespace {

const sql::Migration migrations[] = {
    {1,
     "users, sessions and keys",
     {
         "CREATE TABLE users ("
         "id VARCHAR(36) NOT NULL PRIMARY KEY, username VARCHAR(64) NOT NULL, email VARCHAR(254), "
         "password_hash VARCHAR(255) NOT NULL, disabled INTEGER NOT NULL, created_at BIGINT NOT NULL)",

         "CREATE TABLE login_names ("
         "name VARCHAR(254) NOT NULL PRIMARY KEY, user_id VARCHAR(36) NOT NULL, "
         "FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
         "CREATE INDEX login_names_by_user ON login_names (user_id)",

         "CREATE TABLE user_roles ("
         "user_id VARCHAR(36) NOT NULL, role VARCHAR(64) NOT NULL, PRIMARY KEY (user_id, role), "
         "FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
         "CREATE INDEX user_roles_by_role ON user_roles (role)",

         "CREATE TABLE sessions ("
         "id VARCHAR(36) NOT NULL PRIMARY KEY, user_id VARCHAR(36) NOT NULL, family_hash VARCHAR(43) NOT NULL, "
         "refresh_hash VARCHAR(43) NOT NULL, previous_hash VARCHAR(43), rotation_key VARCHAR(43) NOT NULL, "
         "rotated_at BIGINT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, ended_at BIGINT, "
         "FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
         "CREATE UNIQUE INDEX sessions_by_family ON sessions (family_hash)",
         "CREATE INDEX sessions_by_user ON sessions (user_id)",
         "CREATE INDEX sessions_by_end ON sessions (expires_at)",

         "CREATE TABLE signing_keys ("
         "kid VARCHAR(43) NOT NULL PRIMARY KEY, algorithm VARCHAR(16) NOT NULL, private_pem TEXT NOT NULL, "
         "state VARCHAR(16) NOT NULL, created_at BIGINT NOT NULL, retired_at BIGINT)",

         "CREATE TABLE setup_tokens (hash VARCHAR(43) NOT NULL PRIMARY KEY, expires_at BIGINT NOT NULL)",

         "CREATE TABLE outbox (id VARCHAR(36) NOT NULL PRIMARY KEY, event TEXT NOT NULL)",
     }},
    // Several processes announce what is in one outbox: who does it, and until when nobody else may.
    {2,
     "outbox leases",
     {
         "ALTER TABLE outbox ADD COLUMN lease_owner VARCHAR(36) NULL",
         "ALTER TABLE outbox ADD COLUMN lease_until BIGINT NULL",
     }},
};

}  // namespace

void migrate(sql::Database& database) { database.migrate("auth", migrations); }

}  // namespace gatehouse::auth
