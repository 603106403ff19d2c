// SPDX-License-Identifier: Apache-2.0
// The tests of commands_test.cpp, on MySQL.
#include "auth/commands_test.cpp"
