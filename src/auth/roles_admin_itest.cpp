// SPDX-License-Identifier: Apache-2.0
// The tests of roles_admin_test.cpp, on MySQL.
#include "auth/roles_admin_test.cpp"
