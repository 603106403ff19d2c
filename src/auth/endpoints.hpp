// SPDX-License-Identifier: Apache-2.0
// The role's endpoints: each a coroutine that outlives neither its request nor the context. One source for each group.
#pragma once

#include "auth/context.hpp"

namespace gatehouse::auth {

// login.cpp
Task<http::Response> login(http::Request& request, Context& context);
// validate.cpp
Task<http::Response> validate(http::Request& request, Context& context);
// refresh.cpp
Task<http::Response> refresh(http::Request& request, Context& context);
Task<http::Response> logout(http::Request& request, Context& context);
// profile.cpp
Task<http::Response> get_profile(http::Request& request, Context& context);
Task<http::Response> change_password(http::Request& request, Context& context);
// profile_change.cpp
Task<http::Response> change_profile(http::Request& request, Context& context);
// registration.cpp
Task<http::Response> register_user(http::Request& request, Context& context);
Task<http::Response> verify_email(http::Request& request, Context& context);
// password_reset.cpp
Task<http::Response> forgot_password(http::Request& request, Context& context);
Task<http::Response> reset_password(http::Request& request, Context& context);
// totp_profile.cpp
Task<http::Response> begin_totp(http::Request& request, Context& context);
Task<http::Response> confirm_totp(http::Request& request, Context& context);
Task<http::Response> delete_totp(http::Request& request, Context& context);
// sessions.cpp
Task<http::Response> list_own_sessions(http::Request& request, Context& context);
Task<http::Response> end_own_session(http::Request& request, Context& context);
Task<http::Response> end_own_sessions(http::Request& request, Context& context);
Task<http::Response> list_sessions_page(http::Request& request, Context& context);
Task<http::Response> end_any_session(http::Request& request, Context& context);
Task<http::Response> end_any_sessions(http::Request& request, Context& context);
// setup.cpp
Task<http::Response> get_setup(http::Request& request, Context& context);
Task<http::Response> post_setup(http::Request& request, Context& context);
// users_admin.cpp
Task<http::Response> list_users_page(http::Request& request, Context& context);
Task<http::Response> create_user(http::Request& request, Context& context);
Task<http::Response> get_user(http::Request& request, Context& context);
Task<http::Response> change_user(http::Request& request, Context& context);
Task<http::Response> delete_user(http::Request& request, Context& context);
// roles_admin.cpp
Task<http::Response> list_roles_page(http::Request& request, Context& context);
Task<http::Response> create_role(http::Request& request, Context& context);
Task<http::Response> get_role(http::Request& request, Context& context);
Task<http::Response> put_role(http::Request& request, Context& context);
Task<http::Response> delete_role(http::Request& request, Context& context);
// audit_admin.cpp
Task<http::Response> list_audit_page(http::Request& request, Context& context);
// dead_letters_admin.cpp
Task<http::Response> list_dead_letters(http::Request& request, Context& context);
Task<http::Response> get_dead_letter(http::Request& request, Context& context);
Task<http::Response> retry_dead_letter(http::Request& request, Context& context);
Task<http::Response> drop_dead_letter(http::Request& request, Context& context);
// discovery.cpp
Task<http::Response> get_jwks(http::Request& request, Context& context);
Task<http::Response> get_oauth_metadata(http::Request& request, Context& context);
Task<http::Response> get_openid_metadata(http::Request& request, Context& context);
// internal.cpp
Task<http::Response> get_internal_user(http::Request& request, Context& context);
Task<http::Response> get_internal_revocations(http::Request& request, Context& context);
Task<http::Response> check_internal_token(http::Request& request, Context& context);

}  // namespace gatehouse::auth
