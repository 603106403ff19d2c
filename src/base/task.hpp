// SPDX-License-Identifier: Apache-2.0
// Task<T> is the result of every coroutine of the program: it starts when awaited and runs on its awaiter's executor.
//
// The rules for coroutines are in docs/pitfalls.md: named functions only, parameters by value (or references to what
// outlives the call by construction), no capturing lambda inside a co_await expression.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace gatehouse {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

}  // namespace gatehouse
