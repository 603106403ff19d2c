// SPDX-License-Identifier: Apache-2.0
// Gathers what arrives while a pool thread puts what came before. A Sink has `bytes`, and put(), which takes and
// empties them; the sink outlives its job, whatever becomes of this.
//
// All calls are its owner's, one after another, and throw what put() threw for what came before.
#pragma once

#include "files/side_job.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::files {

template <class Sink>
class Gathering final {
public:
    Gathering(BlockingPool& pool, std::shared_ptr<Sink> sink) : sink_(std::move(sink)), putting_(pool) {}

    Task<void> write(std::string_view bytes)
    {
        while (!bytes.empty()) {
            std::string_view part = bytes.substr(0, buffer_bytes - pending_.size());
            pending_.append(part);
            bytes.remove_prefix(part.size());
            if (pending_.size() < buffer_bytes)
                co_return;
            co_await putting_.join();
            std::swap(pending_, sink_->bytes);
            putting_.start([sink = sink_] { sink->put(); });
        }
    }

    // No job runs any more; what it has not put is in the sink's bytes.
    Task<void> hand_over()
    {
        co_await putting_.join();
        sink_->bytes = std::exchange(pending_, {});
    }

    // No job runs any more.
    Task<void> join() { return putting_.join(); }

    // Not while a job may run, unless it is what the sink lets any thread use.
    Sink& sink() const { return *sink_; }

    // For who lets go of it elsewhere. REQUIRES: no other call after it.
    std::shared_ptr<Sink> take_sink() { return std::move(sink_); }

private:
    static constexpr std::size_t buffer_bytes = 128 * 1024;

    std::shared_ptr<Sink> sink_;
    SideJob putting_;
    std::string pending_;
};

}  // namespace gatehouse::files
