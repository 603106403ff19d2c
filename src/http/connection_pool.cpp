// SPDX-License-Identifier: Apache-2.0
#include "http/connection_pool.hpp"

#include <algorithm>

namespace gatehouse::http {

Lease::Lease(ConnectionPool& pool, std::unique_ptr<ClientConnection> connection)
    : pool_(&pool), connection_(std::move(connection))
{
    ++pool.in_use_;
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
    connection_.reset();
    if (pool_)
        --std::exchange(pool_, nullptr)->in_use_;
}

void Lease::keep()
{
    if (connection_)
        pool_->keep(std::move(connection_));
    end();
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

void ConnectionPool::close()
{
    closed_ = true;
    close_idle();
}

void ConnectionPool::on_idle_timeout(void* connection)
{
    auto& kept = static_cast<ClientConnection*>(connection)->kept_by->kept_;
    auto found = std::ranges::find(kept, connection, [](const auto& item) -> void* { return item.get(); });
    if (found != kept.end())
        kept.erase(found);
}

}  // namespace gatehouse::http
