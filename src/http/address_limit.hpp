// SPDX-License-Identifier: Apache-2.0
// How many connections one client may hold open, counted over all threads: an IPv4 address, or an IPv6 network of 64
// bits, which is what one customer has at least.
//
// It knows no more addresses than there are connections. Any thread; outlives its places.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace gatehouse::http {

class AddressLimit final {
public:
    explicit AddressLimit(std::size_t connections_max) : connections_max_(connections_max) {}
    AddressLimit(const AddressLimit&) = delete;
    AddressLimit& operator=(const AddressLimit&) = delete;

    // A connection that counts, until it is destroyed.
    class Place final {
    public:
        Place() = default;
        Place(Place&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)), client_(std::move(other.client_))
        {
        }
        Place& operator=(Place&& other) noexcept
        {
            std::swap(limit_, other.limit_);
            std::swap(client_, other.client_);
            return *this;
        }
        ~Place()
        {
            if (limit_)
                limit_->leave(client_);
        }
        explicit operator bool() const { return limit_ != nullptr; }

    private:
        friend class AddressLimit;
        Place(AddressLimit& limit, std::string client) : limit_(&limit), client_(std::move(client)) {}

        AddressLimit* limit_ = nullptr;
        std::string client_;
    };

    // An empty one when the client has too many already.
    Place enter(std::string_view address);

    std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

private:
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, std::size_t> connections;
    };

    void leave(const std::string& client);
    Shard& shard_of(const std::string& client) { return shards_[std::hash<std::string>()(client) % shards_.size()]; }

    std::size_t connections_max_;
    std::atomic<std::uint64_t> refused_{0};
    std::array<Shard, 16> shards_;
};

}  // namespace gatehouse::http
