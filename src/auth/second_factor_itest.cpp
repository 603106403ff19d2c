// SPDX-License-Identifier: Apache-2.0
// The tests of second_factor_test.cpp, on MySQL.
#include "auth/second_factor_test.cpp"
