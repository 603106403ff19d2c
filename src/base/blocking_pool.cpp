// SPDX-License-Identifier: Apache-2.0
#include "base/blocking_pool.hpp"

#include "base/error.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace gatehouse {

BlockingPool::BlockingPool(Options options) : options_(std::move(options))
{
    GH_ASSERT(options_.threads > 0 && options_.name.size() <= 12);
    for (std::size_t i = 0; i < options_.threads; ++i) {
        threads_.emplace_back([this] { work(); });
        pthread_setname_np(threads_.back().native_handle(), options_.name.c_str());
    }
}

BlockingPool::~BlockingPool() { stop(); }

void BlockingPool::reserve()
{
    std::scoped_lock lock(mutex_);
    if (stopping_)
        throw Unavailable(options_.name + " pool is stopped");
    if (jobs_.size() + reserved_ >= options_.queue_max)
        throw Unavailable(options_.name + " pool's queue is full");
    ++reserved_;
}

void BlockingPool::release()
{
    {
        std::scoped_lock lock(mutex_);
        --reserved_;
    }
    wake_.notify_all();
}

void BlockingPool::submit(Job job)
{
    bool last_ones = false;
    {
        std::scoped_lock lock(mutex_);
        --reserved_;
        jobs_.push_back(std::move(job));
        last_ones = stopping_;
    }
    if (last_ones)
        wake_.notify_all();
    else
        wake_.notify_one();
}

void BlockingPool::post(std::move_only_function<void()> job)
{
    Place place(*this);
    place.submit(std::move(job));
}

std::size_t BlockingPool::queued() const
{
    std::scoped_lock lock(mutex_);
    return jobs_.size();
}

void BlockingPool::work()
{
    // On Linux niceness belongs to the thread.
    if (options_.nice != 0)
        setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), options_.nice);
    std::unique_lock lock(mutex_);
    while (true) {
        // A place taken before stop() still brings its job.
        wake_.wait(lock, [this] { return !jobs_.empty() || (stopping_ && reserved_ == 0); });
        if (jobs_.empty())
            return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

void BlockingPool::stop()
{
    {
        std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

}  // namespace gatehouse
