// SPDX-License-Identifier: Apache-2.0
// The tests of sessions_test.cpp, on MySQL.
#include "auth/sessions_test.cpp"
