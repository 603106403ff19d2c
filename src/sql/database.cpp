// SPDX-License-Identifier: Apache-2.0
#include "sql/database.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace gatehouse::sql {

namespace {

// Bytes of a thread's name that are ours to choose, so that "-w" and "-r" still fit.
constexpr std::size_t name_bytes_max = 10;

// Attempts of one transaction, and what is waited before the second one; the wait doubles.
constexpr int attempts_max = 10;
constexpr std::chrono::milliseconds retry_wait{4};
constexpr std::chrono::milliseconds retry_wait_max{200};

}  // namespace

Database::Side::Side(std::string name, std::size_t count, std::size_t queue_max, const Open& open)
    : pool_({.name = std::move(name), .threads = count, .queue_max = queue_max})
{
    for (std::size_t i = 0; i < count; ++i)
        free_.push_back(open());
}

std::unique_ptr<Connection> Database::Side::take()
{
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    auto connection = std::move(free_.back());
    free_.pop_back();
    return connection;
}

void Database::Side::give_back(std::unique_ptr<Connection> connection)
{
    {
        std::scoped_lock lock(mutex_);
        free_.push_back(std::move(connection));
    }
    returned_.notify_one();
}

Database::Database(Options options, Open open_writer, Open open_reader)
    : name_(std::move(options.name)), shared_(options.shared)
{
    auto thread_name = name_.substr(0, name_bytes_max);
    writers_ = std::make_unique<Side>(thread_name + "-w", options.writers, options.queue_max, open_writer);
    if (options.readers > 0)
        readers_ = std::make_unique<Side>(thread_name + "-r", options.readers, options.queue_max, open_reader);
}

Database::~Database() { stop(); }

bool Database::may_retry(int attempt)
{
    if (attempt >= attempts_max)
        return false;
    auto longest = std::min(retry_wait * (1 << attempt), retry_wait_max);
    thread_local std::minstd_rand random(std::random_device{}());
    // At random, so that those who met do not meet again.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % static_cast<unsigned>(longest.count())));
    return true;
}

void Database::stop()
{
    writers_->pool().stop();
    if (readers_)
        readers_->pool().stop();
}

}  // namespace gatehouse::sql
