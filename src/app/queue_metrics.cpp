// SPDX-License-Identifier: Apache-2.0
#include "app/queue_metrics.hpp"

#include "base/log.hpp"
#include "base/timeout.hpp"

#include <limits>

namespace gatehouse::app {

namespace {

constexpr std::chrono::seconds interval{10};
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

QueueMetrics::QueueMetrics(events::EventQueue& queue, Metrics& metrics) : queue_(queue)
{
    for (const events::Binding& binding : events::bindings())
        figures_.push_back(
            {binding.queue,
             metrics.gauge("gatehouse_events_queue_depth", "Events that wait or are being handled.",
                           {{"queue", binding.queue}}),
             metrics.gauge("gatehouse_events_dead_letters", "Events that were given up.", {{"queue", binding.queue}})});
}

Task<void> QueueMetrics::run()
{
    while (true) {
        for (Figures& figures : figures_)
            co_await update(figures);
        co_await sleep_for(interval);
    }
}

Task<void> QueueMetrics::update(Figures& figures)
{
    std::string failure;
    try {
        std::size_t depth = co_await queue_.depth(figures.queue);
        std::size_t dead = co_await queue_.dead_count(figures.queue);
        figures.depth.Set(static_cast<double>(depth));
        figures.dead.Set(static_cast<double>(dead));
    } catch (const Unavailable& error) {
        failure = error.what();
    }
    if (failure.empty())
        co_return;
    // Rather no figure than an old one.
    figures.depth.Set(unknown);
    figures.dead.Set(unknown);
    log::debug("app", "the queue's depth is not known", {{"queue", figures.queue}, {"error", failure}});
}

}  // namespace gatehouse::app
