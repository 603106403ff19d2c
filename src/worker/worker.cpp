// SPDX-License-Identifier: Apache-2.0
#include "worker/worker.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "base/timeout.hpp"
#include "events/delivery_span.hpp"
#include "worker/job.hpp"
#include "worker/processor.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace gatehouse::worker {

namespace {

namespace fs = std::filesystem;

constexpr const char* queue_name = "worker";
constexpr std::chrono::seconds dead_letter_interval{60};
constexpr std::size_t dead_letters_max = 200;

// How the reason begins when it was this side that failed. A file that ended so is taken up again when an administrator
// replays its event; one that ended otherwise is finished.
constexpr std::string_view gave_up = "The file could not be processed after several attempts";

bool is_finished(const files::File& file)
{
    return file.state == files::State::processed ||
           (file.state == files::State::failed && !file.reason.starts_with(gave_up));
}

// The programs died on this file; the reasons are for people.
class Crashed final : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Each sentence once, in order.
std::string join(const std::vector<std::string>& sentences)
{
    std::vector<std::string_view> seen;
    std::string text;
    for (const auto& sentence : sentences) {
        if (std::ranges::find(seen, sentence) != seen.end())
            continue;
        seen.push_back(sentence);
        text += (text.empty() ? "" : " ") + sentence;
    }
    return text;
}

// What to tell people of trouble that was not the file's fault: details of the machine stay in the log.
std::string give_up_reason(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const Crashed& e) {
        return fmt::format("{}. {}", gave_up, e.what());
    } catch (...) {
        return fmt::format("{} because of a problem on the server.", gave_up);
    }
}

void empty_directory(const fs::path& path)
{
    fs::create_directories(path);
    fs::permissions(path, fs::perms::owner_all);
    for (const auto& entry : fs::directory_iterator(path))
        fs::remove_all(entry.path());
}

Config checked(Config config)
{
    auto problems = check(config);
    if (!problems.empty())
        throw std::invalid_argument(problems.front());
    return config;
}

json::array describe(const std::vector<files::File>& derived)
{
    json::array list;
    for (const auto& file : derived)
        list.push_back(
            json::object{{"id", file.id}, {"name", file.name}, {"type", file.type}, {"processor", file.processor}});
    return list;
}

}  // namespace

class Worker::Impl final {
public:
    Impl(Config config, Needs needs, fs::path scratch)
        : config_(checked(std::move(config))), needs_(needs), scratch_(std::move(scratch)),
          tools_(find_tools(config_.ffmpeg)), pool_({.name = "worker", .threads = config_.jobs})
    {
        empty_directory(scratch_);
        auto built_in = [](const Processor& processor) { return kind_of(processor) != Kind::command; };
        bool needs_tools = std::ranges::any_of(config_.processors, built_in);
        if (needs_tools && (tools_.ffmpeg.empty() || tools_.ffprobe.empty()))
            log::error("worker", "ffmpeg and ffprobe are not installed: no media can be processed",
                       {{"ffmpeg", config_.ffmpeg}});
        for (const auto& processor : config_.processors)
            if (kind_of(processor) == Kind::command && find_program(processor.command[0]).empty())
                log::error("worker", "a processor's program is not installed",
                           {{"processor", processor.name}, {"program", processor.command[0]}});
    }

    Task<void> run();
    void stop() { pool_.stop(); }

private:
    Task<void> consume(std::exception_ptr& error);
    Task<void> handle(events::Delivery delivery);
    Task<void> work_on(events::Delivery delivery, const Tracer::Span& span);
    Task<void> process(files::File file, std::string traceparent, const Tracer::Span& span);
    Task<void> finish(files::File file, files::State state, std::string reason, std::string traceparent);
    Task<void> watch_dead_letters();
    Task<void> settle_dead_letters();
    std::vector<Processor> processors_for(const std::string& type) const;
    void count(const char* result);

    Config config_;
    Needs needs_;
    fs::path scratch_;
    Tools tools_;
    Sandbox sandbox_;
    BlockingPool pool_;
};

Task<void> Worker::Impl::run()
{
    using namespace asio::experimental::awaitable_operators;
    std::exception_ptr error;
    // Ends when consume() does, which throws nothing: the other one never ends by itself.
    co_await (consume(error) || watch_dead_letters());
    if (error)
        std::rethrow_exception(error);
}

Task<void> Worker::Impl::consume(std::exception_ptr& error)
{
    auto handler = [this](events::Delivery delivery) { return handle(std::move(delivery)); };
    try {
        co_await needs_.queue.consume(queue_name, config_.jobs, handler);
    } catch (...) {
        error = std::current_exception();
    }
}

Task<void> Worker::Impl::handle(events::Delivery delivery)
{
    auto span = events::begin_delivery_span(needs_.tracer, "worker", queue_name, delivery);
    std::exception_ptr error;
    try {
        co_await work_on(std::move(delivery), span);
    } catch (...) {
        error = std::current_exception();
        span.fail();
    }
    if (error)
        std::rethrow_exception(error);
}

// file.uploaded, file.restored: brings the file it speaks of into its final state.
Task<void> Worker::Impl::work_on(events::Delivery delivery, const Tracer::Span& span)
{
    auto file = co_await needs_.store.find(delivery.event.subject);
    // Deleted meanwhile, or made by a processor itself.
    if (!file || !file->derived_from.empty())
        co_return;
    // Done, and only the acknowledgement was lost. A failed file whose event comes for the first time again is a dead
    // letter that somebody retries.
    bool restored = delivery.event.type == "file.restored";
    bool retried_letter = file->state == files::State::failed && delivery.attempt == 1 && !restored;
    if (is_finished(*file) && !retried_letter)
        co_return;
    std::exception_ptr error;
    try {
        if (delivery.attempt > config_.attempts_max)
            throw Crashed("The program ended while it was being processed.");
        co_await process(*file, delivery.event.traceparent, span);
    } catch (...) {
        error = std::current_exception();
    }
    if (!error)
        co_return;
    if (!is_cancellation(error)) {
        count("retried");
        if (delivery.attempt >= config_.attempts_max)
            co_await finish(*file, files::State::failed, give_up_reason(error), delivery.event.traceparent);
    }
    std::rethrow_exception(error);
}

std::vector<Processor> Worker::Impl::processors_for(const std::string& type) const
{
    std::vector<Processor> fitting;
    auto fits = [&](const Processor& processor) { return takes(processor, type); };
    std::ranges::copy_if(config_.processors, std::back_inserter(fitting), fits);
    return fitting;
}

Task<void> Worker::Impl::process(files::File file, std::string traceparent, const Tracer::Span& span)
{
    auto processors = processors_for(file.type);
    JobResult result;
    if (!processors.empty()) {
        bool there = co_await needs_.store.set_state(file.id, files::State::processing, "", std::nullopt);
        if (!there)
            co_return;
        Job job({needs_.store, needs_.clock, needs_.metrics, span, pool_, sandbox_, tools_}, file,
                std::move(processors), scratch_ / make_id());
        auto finished = co_await job.run();
        if (!finished)
            co_return;
        result = std::move(*finished);
    }
    std::string refusals = join(result.refusals);
    if (!result.crashes.empty()) {
        std::vector<std::string> all = std::move(result.refusals);
        all.insert(all.end(), result.crashes.begin(), result.crashes.end());
        throw Crashed(join(all));
    }
    auto state = refusals.empty() ? files::State::processed : files::State::failed;
    co_await finish(std::move(file), state, std::move(refusals), std::move(traceparent));
    count(state == files::State::processed ? "processed" : "failed");
}

// The final state and the event that tells of it, in one transaction of the store.
Task<void> Worker::Impl::finish(files::File file, files::State state, std::string reason, std::string traceparent)
{
    std::vector<std::string> sources(1, file.id);
    auto derived = co_await needs_.store.derived(std::move(sources));
    events::Event event;
    event.type = state == files::State::processed ? "file.processed" : "file.failed";
    event.id = make_derived_id(file.id, event.type);
    event.source = "/worker";
    event.subject = file.id;
    event.time = needs_.clock.now();
    event.traceparent = std::move(traceparent);
    event.data = {{"file", file.id},   {"owner", file.owner}, {"name", file.name},           {"type", file.type},
                  {"size", file.size}, {"reason", reason},    {"derived", describe(derived)}};
    log::info("worker", "file is done", {{"file", file.id}, {"state", to_string(state)}, {"reason", reason}});
    // False when it was deleted meanwhile: then nobody is told.
    co_await needs_.store.set_state(file.id, state, std::move(reason), std::move(event));
}

// An event that killed the whole program with its last attempt went to the dead letters without its handler being
// asked, and its file would be "processing" for ever. Never returns by itself.
Task<void> Worker::Impl::watch_dead_letters()
{
    while (true) {
        std::string failure;
        try {
            co_await settle_dead_letters();
        } catch (const Unavailable& e) {
            failure = e.what();
        }
        if (!failure.empty())
            log::warn("worker", "cannot read the dead letters", {{"error", failure}});
        co_await sleep_for(dead_letter_interval);
    }
}

Task<void> Worker::Impl::settle_dead_letters()
{
    auto letters = co_await needs_.queue.dead_letters(dead_letters_max);
    for (const auto& letter : letters) {
        if (letter.queue != queue_name)
            continue;
        auto file = co_await needs_.store.find(letter.event.subject);
        if (!file || !file->derived_from.empty() || file->state == files::State::processed ||
            file->state == files::State::failed)
            continue;
        co_await finish(std::move(*file), files::State::failed,
                        fmt::format("{} because of a problem on the server.", gave_up), letter.event.traceparent);
    }
}

void Worker::Impl::count(const char* result)
{
    needs_.metrics.counter("gatehouse_worker_jobs_total", "Jobs by how they ended", {{"result", result}}).Increment();
}

Worker::Worker(Config config, Needs needs, fs::path scratch)
    : impl_(std::make_unique<Impl>(std::move(config), needs, std::move(scratch)))
{
}

Worker::~Worker() = default;

Task<void> Worker::run() { co_await impl_->run(); }

void Worker::stop() { impl_->stop(); }

}  // namespace gatehouse::worker
