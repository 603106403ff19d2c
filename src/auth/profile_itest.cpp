// SPDX-License-Identifier: Apache-2.0
// The tests of profile_test.cpp, on MySQL.
#include "auth/profile_test.cpp"
