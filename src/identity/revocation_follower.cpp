// SPDX-License-Identifier: Apache-2.0
#include "identity/revocation_follower.hpp"

#include "base/log.hpp"
#include "base/timeout.hpp"
#include "base/waker.hpp"
#include "http/ask.hpp"

#include <fmt/format.h>

namespace gatehouse::identity {

namespace {

constexpr std::size_t answer_bytes_max = 4U << 20U;
constexpr std::chrono::seconds answer_time_max{5};  // beyond the wait
constexpr std::chrono::hours keep_max{48};

Task<std::string> get(http::Upstream& auth, const ServiceKey& service_key, std::string target)
{
    http::Headers headers;
    service_key.sign(headers);
    auto answer = co_await http::ask(auth, std::move(target), std::move(headers), answer_bytes_max);
    if (answer.status != 200)
        throw Unavailable(fmt::format("auth answered {} when asked for revocations", answer.status));
    co_return std::move(answer.body);
}

std::optional<Revocation> parse_revocation(const json::value& value)
{
    const json::array* parts = value.if_array();
    if (!parts || parts->size() != 4 || !(*parts)[0].is_int64() || !(*parts)[1].is_string() ||
        !(*parts)[2].is_string() || !(*parts)[3].is_int64())
        return std::nullopt;
    auto kind = find_revocation_kind(std::string_view((*parts)[1].get_string()));
    std::chrono::seconds keep{(*parts)[3].get_int64()};
    if (!kind || keep.count() < 0 || keep > keep_max)
        return std::nullopt;
    return Revocation{(*parts)[0].get_int64(), *kind, std::string((*parts)[2].get_string()), keep};
}

}  // namespace

json::object to_json(const RevocationNews& news)
{
    json::array revocations;
    for (const Revocation& entry : news.entries)
        revocations.push_back(json::array{entry.number, to_string(entry.kind), entry.subject, entry.keep.count()});
    json::object object;
    object["log"] = news.read_to.log;
    object["number"] = news.read_to.number;
    object["complete"] = news.complete;
    object["age_ms"] = news.age.count();
    object["revocations"] = std::move(revocations);
    return object;
}

Result<RevocationNews, std::string> parse_revocation_news(std::string_view text)
{
    auto value = parse_json(text);
    if (!value)
        return std::unexpected(value.error());
    const json::object* object = value->if_object();
    const json::value* list = object ? object->if_contains("revocations") : nullptr;
    if (!list || !list->is_array())
        return std::unexpected("no list of revocations");
    auto log = find_string(*object, "log");
    auto number = find_integer(*object, "number");
    auto complete = find_bool(*object, "complete");
    auto age = find_integer(*object, "age_ms");
    if (!log || !number || !complete || !age || *age < 0)
        return std::unexpected("a member is missing");
    RevocationNews news{{*log, *number}, {}, *complete, std::chrono::milliseconds{*age}};
    for (const json::value& item : list->get_array()) {
        auto revocation = parse_revocation(item);
        if (!revocation)
            return std::unexpected("a revocation that cannot be read");
        news.entries.push_back(std::move(*revocation));
    }
    return news;
}

RevocationFollower::RevocationFollower(http::Upstream& auth, const ServiceKey& service_key, RevocationList& list,
                                       Pace pace)
    : auth_(auth), service_key_(service_key), list_(list), pace_(pace)
{
}

Task<void> RevocationFollower::run()
{
    Backoff backoff(pace_.backoff_max);
    bool away = false;
    while (true) {
        std::string failure;
        try {
            co_await ask();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        if (failure.empty()) {
            backoff.reset();
            away = false;
            continue;
        }
        // Once: it goes on as long as auth is away.
        if (!std::exchange(away, true))
            log::warn("identity", "cannot follow the log of revocations; will try again", {{"error", failure}});
        co_await pause(backoff.next());
    }
}

Task<void> RevocationFollower::ask()
{
    auto from = list_.position();
    // The first time everything that was revoked before this process was there: of several auth processes the one asked
    // may not have read yet what another one wrote.
    bool fresh = !list_.ready();
    auto wait = fresh ? std::chrono::seconds{0} : pace_.wait;
    auto target = fmt::format("/internal/revocations?log={}&after={}&wait={}&fresh={}", from.log, from.number,
                              wait.count(), fresh);
    auto getting = get(auth_, service_key_, std::move(target));
    std::string text = co_await with_timeout(std::move(getting), wait + answer_time_max, "asking for revocations");
    // When auth answered, as far as can be known: the answer may have been on its way for a while, not long.
    auto answered = std::chrono::steady_clock::now();
    auto news = parse_revocation_news(text);
    if (!news)
        throw Unavailable("auth's revocations: " + news.error());
    // Of several auth processes this one may know less than the one asked before; it will tell later.
    bool behind = news->read_to.log == from.log && news->read_to.number < from.number;
    list_.apply(news->read_to, news->entries, news->complete && !behind, answered - news->age);
    if (behind)
        co_await pause(std::chrono::milliseconds{20});
}

}  // namespace gatehouse::identity
