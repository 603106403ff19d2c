// SPDX-License-Identifier: Apache-2.0
#include "auth/endpoints.hpp"
#include "base/log.hpp"
#include "events/dead_letter_json.hpp"
#include "http/page.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

constexpr std::string_view permission = "admin:dead";
constexpr std::size_t letters_default = 200;
constexpr std::size_t letters_max = 1000;
constexpr std::size_t id_bytes_max = 128;

http::Problem no_such_letter()
{
    return http::Problem::not_found("dead_letter_not_found", "There is no dead letter with this id.");
}

events::EventQueue& queue_of(const Context& context)
{
    if (!context.queue)
        throw Unavailable("no queue of events is open in this process");
    return *context.queue;
}

// The letter that the path names. Throws Problem 404 when it is not there.
Task<events::DeadLetter> find_letter(const http::Request& request, const Context& context)
{
    std::string id = request.path_parameters.at(0);
    std::optional<events::DeadLetter> letter;
    if (id.size() <= id_bytes_max)
        letter = co_await queue_of(context).find_dead_letter(std::move(id));
    if (!letter)
        throw no_such_letter();
    co_return std::move(*letter);
}

// What may be done to a letter, and its records in the audit log.
struct Deed {
    Task<bool> (events::EventQueue::*act)(std::string id);
    std::string_view requested, done, failed;
};
constexpr Deed retrying{&events::EventQueue::retry_dead_letter, "dead_letter.retry_requested", "dead_letter.retried",
                        "dead_letter.retry_failed"};
constexpr Deed dropping{&events::EventQueue::drop_dead_letter, "dead_letter.drop_requested", "dead_letter.dropped",
                        "dead_letter.drop_failed"};

Task<void> audit(const http::Request& request, Context& context, const Caller& caller, std::string_view type,
                 const events::DeadLetter& letter, std::string_view reason = {})
{
    json::object details{{"event", letter.event.type}, {"subject", letter.event.subject}};
    if (!reason.empty())
        details["reason"] = reason;
    auto entry = audit_entry(request, type, caller.user.id, letter.id, std::move(details));
    TimePoint now = context.clock.now();
    auto add = [&](sql::Connection& connection) { add_audit(connection, now, entry); };
    co_await context.database.write(add);
}

// The log and the queue are two stores. A record of what is asked for comes first, so that nothing is done to a letter
// without one; what became of it follows. Who does not find that does not know: the process or a store went away.
Task<events::DeadLetter> act_on_letter(http::Request& request, Context& context, const Deed& deed)
{
    Caller caller = co_await require_caller(request, context, permission);
    auto letter = co_await find_letter(request, context);
    co_await audit(request, context, caller, deed.requested, letter);
    bool done = false;
    std::exception_ptr failure;
    try {
        auto acting = (queue_of(context).*deed.act)(letter.id);
        done = co_await std::move(acting);
    } catch (...) {
        failure = std::current_exception();
    }
    std::string_view reason = done ? "" : (failure ? "unavailable" : "not_found");
    try {
        co_await audit(request, context, caller, done ? deed.done : deed.failed, letter, reason);
    } catch (const std::exception& error) {
        log::error(
            "auth", "what became of a dead letter is not in the audit log",
            {{"letter", letter.id}, {"done", done}, {"error", error.what()}, {"request_id", request.request_id}});
    }
    if (failure)
        std::rethrow_exception(failure);
    if (!done)
        throw no_such_letter();
    log::info("auth", deed.done, {{"letter", letter.id}, {"by", caller.user.id}, {"request_id", request.request_id}});
    co_return letter;
}

}  // namespace

// GET /admin/dead: the events that were given up, newest first. One page: there should be none.
Task<http::Response> list_dead_letters(http::Request& request, Context& context)
{
    co_await require_caller(request, context, permission);
    auto page = http::read_page(
        request.query(),
        {.limit = letters_default, .limit_max = letters_max, .is_cursor = [](std::string_view) { return false; }});
    auto letters = co_await queue_of(context).dead_letters(page.limit);
    json::array items;
    for (const events::DeadLetter& letter : letters)
        items.push_back(events::to_json(letter));
    json::object body;
    body["items"] = std::move(items);
    body["next"] = nullptr;
    co_return private_json(body);
}

// GET /admin/dead/{id}: one of them, with its event.
Task<http::Response> get_dead_letter(http::Request& request, Context& context)
{
    co_await require_caller(request, context, permission);
    auto letter = co_await find_letter(request, context);
    co_return private_json(events::to_json_with_event(letter));
}

// POST /admin/dead/{id}/retry: back into its queue, with all its attempts.
Task<http::Response> retry_dead_letter(http::Request& request, Context& context)
{
    auto letter = co_await act_on_letter(request, context, retrying);
    co_return private_json(json::object{{"id", letter.id}});
}

// DELETE /admin/dead/{id}: for good.
Task<http::Response> drop_dead_letter(http::Request& request, Context& context)
{
    co_await act_on_letter(request, context, dropping);
    co_return http::no_content();
}

}  // namespace gatehouse::auth
