// SPDX-License-Identifier: Apache-2.0
// The tests of refresh_test.cpp, on MySQL.
#include "auth/refresh_test.cpp"
