// SPDX-License-Identifier: Apache-2.0
// The tests of validate_test.cpp, on MySQL.
#include "auth/validate_test.cpp"
