// SPDX-License-Identifier: Apache-2.0
#include "identity/key_fetcher.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/rounds.hpp"
#include "base/timeout.hpp"
#include "http/ask.hpp"

#include <fmt/format.h>

namespace gatehouse::identity {

namespace {

constexpr std::size_t key_set_bytes_max = 256U << 10U;
constexpr std::chrono::seconds fetch_time_max{10};

Task<std::string> get_key_set(http::Upstream& auth)
{
    auto answer = co_await http::ask(auth, "/.well-known/jwks.json", {}, key_set_bytes_max);
    if (answer.status != 200)
        throw Unavailable(fmt::format("auth answered {} when asked for its keys", answer.status));
    co_return std::move(answer.body);
}

}  // namespace

KeyFetcher::KeyFetcher(http::Upstream& auth, KeySource& keys, Pace pace)
    : KeyFetcher("auth", [&auth] { return get_key_set(auth); }, keys, pace)
{
}

KeyFetcher::KeyFetcher(std::string whose, Get get, KeySource& keys, Pace pace)
    : whose_(std::move(whose)), get_(std::move(get)), keys_(keys), pace_(pace)
{
    keys_.on_unknown_key([this] { sleeper_.wake(); });
}

Task<void> KeyFetcher::run()
{
    return run_rounds(sleeper_, {.work = [this] { return fetch(); },
                                 .rest = [this](Waker& waker) { return rest(waker); },
                                 .failed =
                                     [this](const std::string& error) {
                                         log::warn("identity",
                                                   "cannot fetch the keys that verify tokens; will try again",
                                                   {{"whose", whose_}, {"error", error}});
                                     },
                                 .backoff_max = pace_.backoff_max});
}

Task<void> KeyFetcher::rest(Waker& waker)
{
    co_await pause(pace_.cool_down);
    co_await waker.wait(pace_.refresh);
}

Task<void> KeyFetcher::fetch()
{
    auto getting = get_();
    std::string text = co_await with_timeout(std::move(getting), fetch_time_max, "fetching keys");
    if (text == last_)
        co_return;  // new keys would empty every thread's memory of verified tokens
    auto value = parse_json(text);
    if (!value)
        throw Unavailable("the key set is no JSON: " + value.error());
    auto keys = KeySet::from_jwks(*value);
    if (!keys)
        throw Unavailable("the key set: " + keys.error());
    if (keys->size() == 0)
        throw Unavailable("the key set is empty");
    log::info("identity", "keys fetched", {{"whose", whose_}, {"count", keys->size()}});
    keys_.store(std::move(*keys));
    last_ = std::move(text);
}

}  // namespace gatehouse::identity
