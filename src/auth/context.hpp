// SPDX-License-Identifier: Apache-2.0
// What the endpoints share, and the steps that several of them take. Made once; handlers on any I/O thread use it.
#pragma once

#include "auth/audit_store.hpp"
#include "auth/config.hpp"
#include "auth/passwords.hpp"
#include "auth/revocation_feed.hpp"
#include "auth/secret_box.hpp"
#include "auth/session_store.hpp"
#include "auth/signer.hpp"
#include "auth/user_store.hpp"
#include "base/io_threads.hpp"
#include "events/event_queue.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"
#include "identity/authenticator.hpp"
#include "identity/service_key.hpp"
#include "sql/database.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace gatehouse::auth {

struct Context {
    Config config;
    sql::Database& database;
    PerThread<identity::Authenticator>& authenticators;
    const identity::ServiceKey& service_key;
    const SecretBox& secrets;
    const Clock& clock;
    Metrics& metrics;
    Passwords passwords;
    Signer signer;
    RevocationFeed& revocations;               // notify() after a commit that revoked something
    std::function<void()> announce;            // after something was put into the outbox
    std::function<Task<void>()> refresh_keys;  // from the store, unless that was done just now; never throws
    events::EventQueue* queue;                 // for its dead letters; nullptr: there is none
};

inline constexpr std::size_t form_bytes_max = 8 * 1024;

// Who is calling, as the store knows them now: the session is open and the user not disabled. Throws Problem as
// Authenticator::require() does, and with `permission` 403 when the user's roles do not (or no longer) give it.
struct Caller {
    User user;
    std::string session_id;
};
Task<Caller> require_caller(http::Request& request, Context& context, std::string_view permission = {});

// A record for add_audit(): of what `actor` did by this request.
AuditEntry audit_entry(const http::Request& request, std::string_view type, std::string_view actor,
                       std::string_view target, json::object details = {});

// A new session of that user, for who sent the request.
SessionForm session_form(const Context& context, const http::Request& request, std::string_view user_id);

// The answer to a login or a refresh.
std::string make_access_token(const Context& context, const User& user, std::string_view session_id);
http::Response token_response(const Context& context, const User& user, std::string_view session_id,
                              const Secret& refresh_token);

// {id, username, email, roles, permissions}, and as administrators see it with disabled and created_at.
json::object identity_json(const User& user);
json::object user_json(const User& user);

// JSON that no cache may keep.
http::Response private_json(const json::value& value, int status = 200);

// Reads the user's fields of a form; adds what is wrong to `errors`. An address that serves as user name is the e-mail
// too when the form names none.
struct UserForm {
    std::string username;
    std::optional<std::string> email;
    Secret password;
};
UserForm read_user_form(const json::object& form, std::vector<http::FieldError>& errors);
// Of who sets their own password by a link that is mailed to them: no password, but an address.
UserForm read_invitation_form(const json::object& form, std::vector<http::FieldError>& errors);
std::vector<std::string> read_roles(const json::value& value, std::vector<http::FieldError>& errors);

// The member as a string; an error "missing" when it is not one.
std::string read_string(const json::object& form, std::string_view name, std::vector<http::FieldError>& errors);

http::Problem name_taken(const NameTaken& error);  // 409 user_exists

}  // namespace gatehouse::auth
