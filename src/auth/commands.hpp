// SPDX-License-Identifier: Apache-2.0
// What the command line does with users, signing keys and the audit log, on the store itself. Blocks; any thread.
//
// An expected failure is a sentence for the operator. All throw Unavailable when the database cannot be used. A user is
// named by user name, e-mail address or id.
#pragma once

#include "auth/audit_store.hpp"
#include "auth/role_store.hpp"
#include "auth/secret_box.hpp"
#include "auth/user_import.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"
#include "sql/database.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

struct UserInfo {
    std::string id;
    std::string username;
    std::optional<std::string> email;
    std::vector<std::string> roles;
    bool disabled = false;
    TimePoint created_at;
};
json::object to_json(const UserInfo& user);

struct KeyInfo {
    std::string id;         // kid
    std::string algorithm;  // "EdDSA"
    std::string state;      // "next", "active" or "retired"
    TimePoint created_at;
    TimePoint activates_at;
    std::optional<TimePoint> retires_at;  // when the following key is activated, or was
};
json::object to_json(const KeyInfo& key);

class Commands final {
public:
    // All outlive this object.
    Commands(sql::Database& database, const SecretBox& secrets, const Clock& clock);

    void migrate();  // brings the schema to the newest version, where Auth::start() has not

    struct AddUser {
        std::string username;
        std::optional<std::string> email;
        std::vector<std::string> roles;  // empty: `user`
        Secret password;
    };
    Result<UserInfo, std::string> add_user(AddUser form);
    std::vector<UserInfo> list_users();
    Result<UserInfo, std::string> show_user(std::string_view name);
    Result<UserInfo, std::string> set_password(std::string_view name, Secret password);  // ends the user's sessions
    Result<UserInfo, std::string> set_disabled(std::string_view name, bool disabled);    // ends the user's sessions
    Result<UserInfo, std::string> remove_user(std::string_view name);
    Result<UserInfo, std::string> reset_totp(std::string_view name);  // logins need no second factor any more

    // In one transaction; a few hundred at a time.
    ImportResult import_users(std::span<const ImportedUser> users, bool skip_existing);
    Result<UserInfo, std::string> set_roles(std::string_view name, std::vector<std::string> roles);  // instead of all

    struct RoleForm {
        std::string name;
        std::optional<std::string> description;  // nullopt: as it was
        std::vector<std::string> permissions;
    };
    std::vector<Role> list_roles();
    Result<Role, std::string> add_role(RoleForm form);
    Result<Role, std::string> set_role(RoleForm form);  // instead of the permissions that it had
    Result<Role, std::string> remove_role(std::string_view name);

    std::vector<KeyInfo> list_keys();

    // A new key, which is published at once and signs after `ahead`: the time that every verifier needs to learn of it.
    // The ones before stay published for `access_token_ttl` (and the leeway) after that. A running server must be told:
    // Auth::reload_keys(); others see it by themselves, in a part of `ahead`.
    struct Rotation {
        std::string_view algorithm;
        std::chrono::seconds access_token_ttl;
        std::chrono::seconds ahead;
    };
    Result<KeyInfo, std::string> rotate_key(const Rotation& rotation);

    // The newest ones first.
    std::vector<AuditRecord> list_audit(const AuditFilter& filter, std::size_t limit);

    // Walks the whole chain, a piece at a time. `known` is what an earlier walk gave and somebody kept elsewhere: a log
    // that was rewritten since then from an older record on is found by it.
    struct KnownHead {
        std::int64_t count = 0;
        std::string head;
    };
    AuditCheck verify_audit(const std::optional<KnownHead>& known);

private:
    sql::Database& database_;
    const SecretBox& secrets_;
    const Clock& clock_;
};

}  // namespace gatehouse::auth
