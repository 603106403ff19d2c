// SPDX-License-Identifier: Apache-2.0
// The tests of login_throttle_test.cpp, on MySQL.
#include "auth/login_throttle_test.cpp"
