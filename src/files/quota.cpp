// SPDX-License-Identifier: Apache-2.0
#include "files/quota.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gatehouse::files {

namespace {

constexpr std::chrono::seconds turn_max{30};

}  // namespace

void Room::require(std::uint64_t bytes, bool at_least) const
{
    std::uint64_t left = limit_ - std::min(limit_, usage_.bytes);
    if (!limited_ || (taken_ <= left && bytes <= left - taken_))
        return;
    std::string trash =
        usage_.trash_bytes == 0 ? "" : fmt::format(", {} of them by what is in the trash", usage_.trash_bytes);
    throw http::Problem::of_status(507, "quota_exceeded",
                                   fmt::format("The upload needs {}{} bytes, and {} of your {} bytes are used{}. "
                                               "Delete some files for good first.",
                                               at_least ? "at least " : "", taken_ + bytes, usage_.bytes, limit_,
                                               trash));
}

std::optional<std::uint64_t> Quota::limit_of(const identity::Claims& caller) const
{
    std::optional<std::uint64_t> largest;
    for (const RoleQuota& quota : config_.quota_by_role) {
        if (std::ranges::find(caller.roles, quota.role) == caller.roles.end())
            continue;
        if (quota.bytes == 0)
            return std::nullopt;
        largest = std::max(largest.value_or(0), quota.bytes);
    }
    if (largest || config_.quota_bytes == 0)
        return largest;
    return config_.quota_bytes;
}

Task<Room> Quota::find_room(const identity::Claims& caller)
{
    auto limit = limit_of(caller);
    if (!limit)
        co_return Room();
    Usage usage = co_await store_.usage(caller.subject);
    co_return Room(*limit, usage);
}

Task<std::unique_ptr<Quota::Turn>> Quota::take_turn(const identity::Claims& caller, std::uint64_t bytes)
{
    if (!limit_of(caller))
        co_return nullptr;
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    auto turn = std::make_unique<Turn>(*this, caller.subject, std::move(waker));
    co_await turn->wait();
    Room room = co_await find_room(caller);
    room.require(bytes);
    co_return turn;
}

Quota::Turn::Turn(Quota& quota, std::string owner, std::shared_ptr<Waker> waker)
    : quota_(quota), owner_(std::move(owner)), waker_(std::move(waker))
{
    std::scoped_lock lock(quota_.mutex_);
    auto& turns = quota_.turns_[owner_];
    place_ = turns.insert(turns.end(), waker_);
}

Quota::Turn::~Turn()
{
    std::scoped_lock lock(quota_.mutex_);
    auto turns = quota_.turns_.find(owner_);
    bool first = turns->second.begin() == place_;
    turns->second.erase(place_);
    if (turns->second.empty())
        quota_.turns_.erase(turns);
    else if (first)
        turns->second.front()->wake();
}

bool Quota::Turn::is_first() const
{
    std::scoped_lock lock(quota_.mutex_);
    return quota_.turns_.find(owner_)->second.begin() == place_;
}

Task<void> Quota::Turn::wait()
{
    auto end = std::chrono::steady_clock::now() + turn_max;
    while (!is_first()) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (left.count() <= 0 || cancellation.cancelled() != asio::cancellation_type::none)
            throw Unavailable("other uploads of the user are being finished");
        co_await waker_->wait(left);
    }
}

}  // namespace gatehouse::files
