// SPDX-License-Identifier: Apache-2.0
// The work on one uploaded file: its content comes out of the store, each processor that fits runs over it, what they
// make goes into the store as derived files.
//
// A Job lives in the coroutine that handles one event, on one I/O thread; what blocks runs on the pool. Doing the same
// job again changes nothing that is done already: a derived file's id follows from the source and the processor.
#pragma once

#include "base/blocking_pool.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/tracer.hpp"
#include "files/file_store.hpp"
#include "worker/step.hpp"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::worker {

// What became of a job whose file was there to the end.
struct JobResult {
    std::vector<std::string> refusals;  // sentences for people; none: all is well
    std::vector<std::string> crashes;   // likewise; any: the job deserves another try
};

class Job final {
public:
    // All of it outlives the job.
    struct Needs {
        files::FileStore& store;
        const Clock& clock;
        Metrics& metrics;
        const Tracer::Span& span;  // of the work on the event
        BlockingPool& pool;
        const Sandbox& sandbox;
        const Tools& tools;
    };

    // `directory` does not exist yet.
    Job(Needs needs, files::File source, std::vector<Processor> processors, std::filesystem::path directory);
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    // nullopt when the source was deleted meanwhile. Throws what the store throws, std::system_error for trouble on
    // this machine, and operation_aborted when cancelled, after killing the running child. The directory is gone
    // afterwards.
    Task<std::optional<JobResult>> run();

private:
    struct Step;

    Task<std::optional<JobResult>> run_steps();
    Task<bool> fetch_content();
    Task<void> run_step(std::size_t index, StepResult& result);
    Task<void> supervise(Step& step);
    Task<void> report_progress(std::size_t index);
    Task<void> look_for_source();
    Task<bool> store_result(const Processor& processor, StepResult result);
    Task<void> remove_directory();

    Needs needs_;
    files::File source_;
    std::vector<Processor> processors_;
    std::filesystem::path directory_;
    KillSwitch kill_switch_;
    StepRunner steps_;
    bool gone_ = false;            // the source was deleted while a step ran, which was ended then
    std::atomic<int> percent_{0};  // of the running step, written on the pool's thread
};

}  // namespace gatehouse::worker
