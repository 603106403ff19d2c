// SPDX-License-Identifier: Apache-2.0
// The tests of accounts_test.cpp, on MySQL.
#include "auth/accounts_test.cpp"
