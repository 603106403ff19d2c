// SPDX-License-Identifier: Apache-2.0
#include "http/connection_pool.hpp"

#include <algorithm>

namespace gatehouse::http {

Lease::Lease(ConnectionPool& pool, std::unique_ptr<ClientConnection> connection)
    : pool_(&pool), connection_(std::move(connection))
{
    ++pool.in_use_;
    pool.unconnected_ += connection_ ? 0 : 1;
    pool.publish();
}

void Lease::connect(std::unique_ptr<ClientConnection> connection)
{
    connection_ = std::move(connection);
    --pool_->unconnected_;
    pool_->publish();
}

Lease& Lease::operator=(Lease&& other) noexcept
{
    if (this != &other) {
        end();
        pool_ = std::exchange(other.pool_, nullptr);
        connection_ = std::move(other.connection_);
    }
    return *this;
}

void Lease::end()
{
    bool connected = connection_ != nullptr;
    connection_.reset();
    if (!pool_)
        return;
    ConnectionPool& pool = *std::exchange(pool_, nullptr);
    --pool.in_use_;
    pool.unconnected_ -= connected ? 0 : 1;
    pool.publish();
}

void Lease::keep()
{
    if (!connection_)
        return end();
    ConnectionPool& pool = *std::exchange(pool_, nullptr);
    --pool.in_use_;
    pool.keep(std::move(connection_));
    pool.publish();
}

Lease ConnectionPool::lend(bool fresh)
{
    if (in_use_ >= options_.connections_max)
        throw TooManyConnections("too many connections to " + endpoint_.authority());
    while (!fresh && !kept_.empty()) {
        std::unique_ptr<ClientConnection> connection = std::move(kept_.back());
        kept_.pop_back();
        // Closed by the peer meanwhile, or it sent something that no request asked for: what comes next on such a
        // connection cannot be trusted to be the answer.
        if (connection->stream.glance() != IoStatus::would_block)
            continue;
        connection->kept_by = nullptr;
        connection->stream.when_expired(nullptr, nullptr);
        connection->stream.set_final_deadline(SteadyTime::max());
        return {*this, std::move(connection)};
    }
    return {*this, nullptr};
}

void ConnectionPool::keep(std::unique_ptr<ClientConnection> connection)
{
    if (closed_)
        return;
    connection->input = Buffer();
    connection->kept_by = this;
    connection->stream.when_expired(&ConnectionPool::on_idle_timeout, connection.get());
    connection->stream.set_deadline(coarse_now() + options_.idle_timeout);
    kept_.push_back(std::move(connection));
    if (kept_.size() > options_.idle_connections_max)
        kept_.erase(kept_.begin());
}

void ConnectionPool::close_idle()
{
    kept_.clear();
    publish();
}

// The figures' only writer.
void ConnectionPool::publish()
{
    figures_->active.store(static_cast<std::uint32_t>(in_use_ - unconnected_), std::memory_order_relaxed);
    figures_->idle.store(static_cast<std::uint32_t>(kept_.size()), std::memory_order_relaxed);
    figures_->waiting.store(static_cast<std::uint32_t>(unconnected_), std::memory_order_relaxed);
}

void ConnectionPool::close()
{
    closed_ = true;
    close_idle();
}

void ConnectionPool::on_idle_timeout(void* connection)
{
    ConnectionPool& pool = *static_cast<ClientConnection*>(connection)->kept_by;
    auto& kept = pool.kept_;
    auto found = std::ranges::find(kept, connection, [](const auto& item) -> void* { return item.get(); });
    if (found != kept.end())
        kept.erase(found);
    pool.publish();
}

}  // namespace gatehouse::http
