// SPDX-License-Identifier: Apache-2.0
// The tests of users_admin_test.cpp, on MySQL.
#include "auth/users_admin_test.cpp"
