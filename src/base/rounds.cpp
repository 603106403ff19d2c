// SPDX-License-Identifier: Apache-2.0
#include "base/rounds.hpp"

#include <memory>
#include <optional>

namespace gatehouse {

Task<void> run_rounds(WakerPlace& sleeper, Rounds rounds)
{
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    WakerPlace::Occupied occupied(sleeper, waker);
    Backoff backoff(rounds.backoff_max);
    while (true) {
        std::optional<std::string> failure;
        try {
            co_await rounds.work();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        if (failure) {
            rounds.failed(*failure);
            co_await pause(backoff.next());
            continue;
        }
        backoff.reset();
        co_await rounds.rest(*waker);
    }
}

}  // namespace gatehouse
