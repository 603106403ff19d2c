// SPDX-License-Identifier: Apache-2.0
// login_names holds every name that one can log in with, user names and e-mail addresses alike, folded: one unique key
// keeps a user name from being another user's address. Times are milliseconds since 1970; hashes are base64url.
#include "auth/schema.hpp"

#include "auth/examination.hpp"

#include <iterator>

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
    {3,
     "revocations, roles, audit, accounts",
     {
         // One row: the number given last. Who revokes updates it first, so that numbers follow the order of commits.
         "CREATE TABLE revocation_counter (id INTEGER NOT NULL PRIMARY KEY, log_id VARCHAR(36) NOT NULL, "
         "number BIGINT NOT NULL)",
         "INSERT INTO revocation_counter (id, log_id, number) VALUES (1, '', 0)",
         "CREATE TABLE revocations (number BIGINT NOT NULL PRIMARY KEY, kind VARCHAR(16) NOT NULL, "
         "subject VARCHAR(64) NOT NULL, revoked_at BIGINT NOT NULL)",
         "CREATE INDEX revocations_by_time ON revocations (revoked_at)",
         "CREATE INDEX revocations_by_subject ON revocations (subject, number)",

         // An open session ends when it was idle for too long (expires_at), and at last at ends_at.
         "ALTER TABLE sessions ADD COLUMN ends_at BIGINT NULL",
         "ALTER TABLE sessions ADD COLUMN last_used_at BIGINT NULL",
         "ALTER TABLE sessions ADD COLUMN address VARCHAR(64) NULL",
         "ALTER TABLE sessions ADD COLUMN user_agent VARCHAR(255) NULL",

         // Roles beside the built-in ones.
         "CREATE TABLE roles (name VARCHAR(64) NOT NULL PRIMARY KEY, description VARCHAR(255) NOT NULL, "
         "created_at BIGINT NOT NULL)",
         "CREATE TABLE role_permissions (role VARCHAR(64) NOT NULL, permission VARCHAR(64) NOT NULL, "
         "PRIMARY KEY (role, permission), FOREIGN KEY (role) REFERENCES roles (name) ON DELETE CASCADE)",

         // Each record holds the hash of the one before; audit_head is the last one, and the lock of who adds.
         "CREATE TABLE audit_head (id INTEGER NOT NULL PRIMARY KEY, number BIGINT NOT NULL, hash VARCHAR(43) NOT NULL)",
         "INSERT INTO audit_head (id, number, hash) VALUES (1, 0, '')",
         "CREATE TABLE audit (number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, type VARCHAR(64) NOT NULL, "
         "actor VARCHAR(64) NOT NULL, target VARCHAR(64) NOT NULL, address VARCHAR(64) NOT NULL, "
         "request_id VARCHAR(64) NOT NULL, details TEXT NOT NULL, hash VARCHAR(43) NOT NULL)",
         "CREATE INDEX audit_by_actor ON audit (actor, number)",
         "CREATE INDEX audit_by_target ON audit (target, number)",
         "CREATE INDEX audit_by_type ON audit (type, number)",

         // Failures that slow down further attempts: by account, by address, and by both.
         "CREATE TABLE login_attempts (name VARCHAR(128) NOT NULL PRIMARY KEY, failures BIGINT NOT NULL, "
         "last_at BIGINT NOT NULL, trusted_until BIGINT NULL, expires_at BIGINT NOT NULL)",
         "CREATE INDEX login_attempts_by_end ON login_attempts (expires_at)",

         "ALTER TABLE users ADD COLUMN email_verified_at BIGINT NULL",
         "ALTER TABLE users ADD COLUMN totp_secret VARCHAR(255) NULL",  // encrypted
         "ALTER TABLE users ADD COLUMN totp_enabled_at BIGINT NULL",
         "ALTER TABLE users ADD COLUMN totp_last_step BIGINT NULL",  // a code is good once
         "CREATE TABLE recovery_codes (user_id VARCHAR(36) NOT NULL, hash VARCHAR(43) NOT NULL, "
         "PRIMARY KEY (user_id, hash), FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
         // For links in mails: to verify an address, reset a password, accept an invitation.
         "CREATE TABLE one_time_tokens (hash VARCHAR(43) NOT NULL PRIMARY KEY, purpose VARCHAR(32) NOT NULL, "
         "user_id VARCHAR(36) NOT NULL, email VARCHAR(254) NULL, created_at BIGINT NOT NULL, "
         "expires_at BIGINT NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
         "CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose)",
         "CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at)",
         // Who registered and has not followed the link yet.
         "CREATE TABLE registrations (hash VARCHAR(43) NOT NULL PRIMARY KEY, username VARCHAR(64) NOT NULL, "
         "email VARCHAR(254) NOT NULL, password_hash VARCHAR(255) NOT NULL, expires_at BIGINT NOT NULL)",
         "CREATE INDEX registrations_by_end ON registrations (expires_at)",
         // Mails that anybody may ask for, by a hash of the address: a few in an hour.
         "CREATE TABLE requested_mails (id VARCHAR(36) NOT NULL PRIMARY KEY, address VARCHAR(43) NOT NULL, "
         "requested_at BIGINT NOT NULL)",
         "CREATE INDEX requested_mails_by_address ON requested_mails (address, requested_at)",
         "CREATE INDEX requested_mails_by_time ON requested_mails (requested_at)",

         // Keys are published before they sign. What a key is follows from the times when it and its followers begin
         // to.
         "ALTER TABLE signing_keys ADD COLUMN activates_at BIGINT NOT NULL DEFAULT 0",
         "UPDATE signing_keys SET activates_at = created_at",
         "ALTER TABLE signing_keys DROP COLUMN state",
         "ALTER TABLE signing_keys DROP COLUMN retired_at",
     }},
};

}  // namespace

void migrate(sql::Database& database) { database.migrate(schema_component, migrations); }

int newest_schema_version() { return static_cast<int>(std::size(migrations)); }

}  // namespace gatehouse::auth
