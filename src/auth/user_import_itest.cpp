// SPDX-License-Identifier: Apache-2.0
// The tests of user_import_test.cpp, on MySQL.
#include "auth/user_import_test.cpp"
