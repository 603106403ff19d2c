// SPDX-License-Identifier: Apache-2.0
// The tests of audit_test.cpp, on MySQL.
#include "auth/audit_test.cpp"
