// SPDX-License-Identifier: Apache-2.0
// The tests of setup_test.cpp, on MySQL.
#include "auth/setup_test.cpp"
