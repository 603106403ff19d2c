// SPDX-License-Identifier: Apache-2.0
// The tests of transfer_test.cpp, into MySQL.
#include "auth/transfer_test.cpp"
