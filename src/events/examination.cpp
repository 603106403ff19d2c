// SPDX-License-Identifier: Apache-2.0
#include "events/examination.hpp"

#include "events/amqp_connection.hpp"
#include "events/event_queue.hpp"

#include <fmt/format.h>

#include <optional>

namespace gatehouse::events {

namespace {

constexpr std::size_t waiting_many = 10'000;

// A broker closes the channel over a queue that it does not have: each is asked on a channel of its own.
std::optional<std::uint32_t> find_count(AmqpConnection& connection, std::uint16_t channel, const std::string& queue)
{
    connection.open_channel(channel);
    try {
        auto count = connection.count(channel, queue);
        connection.close_channel(channel);
        return count;
    } catch (const ConnectionLost& error) {
        if (std::string_view(error.what()).contains("NOT_FOUND"))
            return std::nullopt;
        throw;
    }
}

std::string login_remedy(std::string_view error, const AmqpUrl& url)
{
    if (error.contains("ACCESS_REFUSED"))
        return fmt::format("correct the user and the password in events.store, or give the user `{}` this password on "
                           "the broker: rabbitmqctl change_password {}",
                           url.user, url.user);
    if (error.contains("NOT_ALLOWED"))
        return fmt::format("make the virtual host and let the user in: rabbitmqctl add_vhost {0}; rabbitmqctl "
                           "set_permissions -p {0} {1} '.*' '.*' '.*'",
                           url.vhost, url.user);
    return fmt::format("see that RabbitMQ runs at {} and can be reached from here, or change events.store",
                       url.authority());
}

}  // namespace

Finding judge_queue(std::string_view queue, const QueueFigures& figures)
{
    std::string what = fmt::format("{}: {} waiting, {} dead", queue, figures.waiting, figures.dead);
    if (figures.dead > 0)
        return Finding::warn(what, "gatehouse dead list, then gatehouse dead retry ID or gatehouse dead drop ID");
    if (figures.waiting >= waiting_many)
        return Finding::warn(what, fmt::format("see that a process with the role {} runs, or start more of them: "
                                               "gatehouse serve --role {}",
                                               queue, queue));
    return Finding::ok(what);
}

Findings examine_rabbitmq(const std::string& url, const std::string& prefix)
{
    auto parsed = parse_amqp_url(url);
    if (!parsed)
        return {Finding::fail("the URL " + parsed.error(), "correct events.store")};
    try {
        AmqpConnection connection(*parsed);
        Findings findings{Finding::ok(fmt::format("RabbitMQ at {} lets us in", parsed->authority()))};
        std::uint16_t channel = 0;
        for (const Binding& binding : bindings()) {
            std::string name = prefix + "." + binding.queue;
            auto waiting = find_count(connection, ++channel, name);
            auto dead = find_count(connection, ++channel, name + ".dead");
            if (waiting && dead)
                findings.push_back(judge_queue(binding.queue, {*waiting, *dead}));
            else
                findings.push_back(Finding::ok(
                    fmt::format("{}: not declared yet, the first process that starts does that", binding.queue)));
        }
        return findings;
    } catch (const Unavailable& error) {
        return {Finding::fail(error.what(), login_remedy(error.what(), *parsed))};
    }
}

}  // namespace gatehouse::events
