// SPDX-License-Identifier: Apache-2.0
#include "worker/job.hpp"

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"
#include "base/write_all.hpp"
#include "worker/processor.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace gatehouse::worker {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256U << 10U;
constexpr auto progress_interval = 500ms;
constexpr int rounds_per_look = 4;

std::string_view read_piece(int file, std::string& buffer)
{
    ssize_t count = 0;
    do
        count = ::read(file, buffer.data(), buffer.size());
    while (count < 0 && errno == EINTR);
    if (count < 0)
        throw std::system_error(errno, std::generic_category(), "cannot read a result");
    return {buffer.data(), static_cast<std::size_t>(count)};
}

UniqueFd create_input(const fs::path& directory)
{
    fs::create_directory(directory);
    fs::permissions(directory, fs::perms::owner_all);
    UniqueFd file(open((directory / "input").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400));
    if (!file)
        throw std::system_error(errno, std::generic_category(), "cannot write into the scratch directory");
    return file;
}

// Asks for the child's end when the coroutine is cancelled: a pool's job cannot be.
class KillOnCancel final {
public:
    KillOnCancel(asio::cancellation_slot slot, KillSwitch& kill_switch) : slot_(slot)
    {
        if (slot_.is_connected())
            slot_.assign([&kill_switch](asio::cancellation_type) { kill_switch.request(); });
    }
    ~KillOnCancel() { slot_.clear(); }
    KillOnCancel(const KillOnCancel&) = delete;
    KillOnCancel& operator=(const KillOnCancel&) = delete;

private:
    asio::cancellation_slot slot_;
};

}  // namespace

// One run of one processor and what came of it.
struct Job::Step {
    const Processor& processor;
    StepResult& result;
    std::exception_ptr error;
};

Job::Job(Needs needs, files::File source, std::vector<Processor> processors, fs::path directory)
    : needs_(needs), source_(std::move(source)), processors_(std::move(processors)), directory_(std::move(directory)),
      steps_(needs_.sandbox, needs_.tools, kill_switch_, directory_, source_.type)
{
}

Job::~Job() = default;

Task<std::optional<JobResult>> Job::run()
{
    std::optional<JobResult> result;
    std::exception_ptr error;
    try {
        result = co_await run_steps();
    } catch (...) {
        error = std::current_exception();
    }
    // Cancelled or not, what is on the disk has to go.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await remove_directory();
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (error)
        std::rethrow_exception(error);
    co_return result;
}

Task<std::optional<JobResult>> Job::run_steps()
{
    JobResult all;
    bool fetched = false;
    for (std::size_t i = 0; i < processors_.size(); ++i) {
        const Processor& processor = processors_[i];
        // Made by an earlier run that did not come to its end.
        auto present = co_await needs_.store.find(make_derived_id(source_.id, processor.name));
        if (present)
            continue;
        if (!fetched) {
            fetched = co_await fetch_content();
            if (!fetched)
                co_return std::nullopt;
        }
        StepResult result;
        co_await run_step(i, result);
        if (gone_)
            co_return std::nullopt;
        if (result.verdict == Verdict::made) {
            bool stored = co_await store_result(processor, std::move(result));
            if (!stored)
                co_return std::nullopt;
        } else if (result.verdict == Verdict::refused) {
            all.refusals.push_back(std::move(result.reason));
        } else if (result.verdict == Verdict::crashed) {
            all.crashes.push_back(std::move(result.reason));
        }
    }
    co_return all;
}

// False when the source is gone.
Task<bool> Job::fetch_content()
{
    auto reader = co_await needs_.store.open(source_.id);
    if (!reader)
        co_return false;
    auto create = [this] { return create_input(directory_); };
    UniqueFd file = co_await needs_.pool.run(create);
    while (true) {
        std::string_view piece = co_await reader->read();
        if (piece.empty())
            co_return true;
        auto append = [&file, piece] {
            if (!write_all(file.get(), piece))
                throw std::system_error(errno, std::generic_category(), "cannot write into the scratch directory");
        };
        co_await needs_.pool.run(append);
    }
}

Task<void> Job::run_step(std::size_t index, StepResult& result)
{
    using namespace asio::experimental::awaitable_operators;
    percent_ = 0;
    const Processor& processor = processors_[index];
    Step step{.processor = processor, .result = result, .error = nullptr};
    auto span = needs_.span.begin_child(SpanKind::internal, "processor " + processor.name);
    span.set("gatehouse.file.type", source_.type);
    auto begin = std::chrono::steady_clock::now();
    // Ends when supervise() does, which throws nothing: the other one never ends by itself.
    co_await (supervise(step) || report_progress(index));
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    needs_.metrics
        .duration("gatehouse_worker_processor_duration_seconds", "How long processors ran",
                  {{"processor", processor.name}})
        .Observe(took.count());
    if (step.error || result.verdict != Verdict::made)
        span.fail();
    span.end();
    if (step.error)
        std::rethrow_exception(step.error);
    if (result.verdict == Verdict::killed && !gone_)
        throw boost::system::system_error(asio::error::operation_aborted);
    log::info("worker", "processor ended",
              {{"file", source_.id},
               {"processor", processor.name},
               {"made", result.verdict == Verdict::made},
               {"reason", result.reason},
               {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
}

Task<void> Job::supervise(Step& step)
{
    try {
        auto state = co_await asio::this_coro::cancellation_state;
        KillOnCancel kill_on_cancel(state.slot(), kill_switch_);
        auto on_progress = [this](int percent) { percent_.store(percent, std::memory_order_relaxed); };
        auto work = [&] { return steps_.run(step.processor, on_progress); };
        step.result = co_await needs_.pool.run(work);
    } catch (...) {
        step.error = std::current_exception();
    }
}

// Never returns by itself. `index` of all processors are done when this one begins.
Task<void> Job::report_progress(std::size_t index)
{
    int reported = 0;
    for (int round = 1;; ++round) {
        co_await sleep_for(progress_interval);
        if (round % rounds_per_look == 0)
            co_await look_for_source();
        auto done = static_cast<int>(index) * 100 + percent_.load(std::memory_order_relaxed);
        int percent = done / static_cast<int>(processors_.size());
        if (percent == reported)
            continue;
        std::string failure;
        try {
            co_await needs_.store.set_progress(source_.id, percent);
            reported = percent;
        } catch (const Unavailable& e) {
            failure = e.what();
        }
        // Only a number on somebody's screen: the job goes on.
        if (!failure.empty())
            log::debug("worker", "cannot report progress", {{"file", source_.id}, {"error", failure}});
    }
}

// Nobody waits for the result of a file that was deleted.
Task<void> Job::look_for_source()
{
    bool gone = false;
    try {
        auto source = co_await needs_.store.find(source_.id);
        gone = !source;
    } catch (const Unavailable&) {
        // The end of the step will find out.
    }
    if (!gone)
        co_return;
    gone_ = true;
    kill_switch_.request();
}

// False when the source is gone.
Task<bool> Job::store_result(const Processor& processor, StepResult result)
{
    files::File file;
    file.id = make_derived_id(source_.id, processor.name);
    file.owner = source_.owner;
    file.name = derived_name(source_.name, processor.suffix);
    file.type = type_of_suffix(processor.suffix);
    file.created_at = needs_.clock.now();
    file.state = files::State::processed;
    file.progress = 100;
    file.derived_from = source_.id;
    file.processor = processor.name;

    auto writer = co_await needs_.store.create(file.id);
    std::string buffer(piece_bytes, '\0');
    while (true) {
        auto next = [&] { return read_piece(result.content.get(), buffer); };
        std::string_view piece = co_await needs_.pool.run(next);
        if (piece.empty())
            break;
        co_await writer->write(piece);
    }
    bool added = co_await writer->commit(file, std::nullopt);
    if (added)
        co_return true;
    // There already, by a delivery of the same job elsewhere; or the source was deleted.
    auto present = co_await needs_.store.find(file.id);
    co_return present.has_value();
}

Task<void> Job::remove_directory()
{
    auto remove = [this] {
        std::error_code error;
        fs::remove_all(directory_, error);
        return error;
    };
    std::error_code error;
    try {
        error = co_await needs_.pool.run(remove);
    } catch (const Unavailable&) {
        // The pool is ending; so is the program, which may wait for a disk.
        error = remove();
    }
    if (error)
        log::error("worker", "cannot remove a scratch directory; the next start will",
                   {{"path", directory_.string()}, {"error", error.message()}});
}

}  // namespace gatehouse::worker
