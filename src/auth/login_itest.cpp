// SPDX-License-Identifier: Apache-2.0
// The tests of login_test.cpp, on MySQL.
#include "auth/login_test.cpp"
