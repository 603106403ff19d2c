// SPDX-License-Identifier: Apache-2.0
#include "identity/revocation_list.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace gatehouse::identity {

namespace {

constexpr std::array<std::string_view, 3> kind_names{"session", "user", "role"};

}  // namespace

std::string_view to_string(Revocation::Kind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::optional<Revocation::Kind> find_revocation_kind(std::string_view text)
{
    auto found = std::ranges::find(kind_names, text);
    if (found == kind_names.end())
        return std::nullopt;
    return static_cast<Revocation::Kind>(found - kind_names.begin());
}

RevocationList::Position RevocationList::position() const
{
    std::shared_lock lock(mutex_);
    return position_;
}

RevocationList::Numbers& RevocationList::numbers_of(Revocation::Kind kind)
{
    switch (kind) {
    case Revocation::Kind::session: return sessions_;
    case Revocation::Kind::user: return users_;
    case Revocation::Kind::role: return roles_;
    }
    std::unreachable();
}

void RevocationList::apply(const Position& read_to, const std::vector<Revocation>& revocations, bool complete,
                           SteadyTime as_of)
{
    auto now = std::chrono::steady_clock::now();
    bool changed = !revocations.empty();
    {
        std::unique_lock lock(mutex_);
        if (position_.log != read_to.log) {
            sessions_.clear();
            users_.clear();
            roles_.clear();
            kept_.clear();
            position_ = {read_to.log, 0};
            changed = true;
        }
        for (const Revocation& revocation : revocations) {
            numbers_of(revocation.kind)[revocation.subject] = revocation.number;
            kept_.push_back({now + revocation.keep, revocation});
        }
        position_.number = std::max(position_.number, read_to.number);
        forget(now);
    }
    // After the entries: who sees the new generation sees them.
    if (changed)
        generation_.fetch_add(1, std::memory_order_release);
    if (complete)
        as_of_.store(std::max(as_of_.load(), static_cast<std::int64_t>(as_of.time_since_epoch().count())),
                     std::memory_order_release);
}

// What was revoked again later stays.
void RevocationList::forget(SteadyTime now)
{
    while (!kept_.empty() && kept_.front().until <= now) {
        const Revocation& oldest = kept_.front().revocation;
        Numbers& numbers = numbers_of(oldest.kind);
        auto found = numbers.find(oldest.subject);
        if (found != numbers.end() && found->second == oldest.number)
            numbers.erase(found);
        kept_.pop_front();
    }
}

std::chrono::milliseconds RevocationList::age(SteadyTime now) const
{
    SteadyTime as_of{SteadyTime::duration{as_of_.load(std::memory_order_acquire)}};
    return std::max(std::chrono::floor<std::chrono::milliseconds>(now - as_of), std::chrono::milliseconds{0});
}

bool RevocationList::is_revoked(const Claims& claims) const
{
    std::shared_lock lock(mutex_);
    if (sessions_.contains(claims.session_id))
        return true;
    auto concerns = [&](const Numbers& numbers, const std::string& subject) {
        auto found = numbers.find(subject);
        return found != numbers.end() && claims.revocation < found->second;
    };
    if (concerns(users_, claims.subject))
        return true;
    return !roles_.empty() &&
           std::ranges::any_of(claims.roles, [&](const std::string& role) { return concerns(roles_, role); });
}

RevocationNews RevocationList::after(const Position& from, std::size_t limit) const
{
    auto now = std::chrono::steady_clock::now();
    auto known_for = age(now);  // before the entries: they may be newer, never older
    auto number_of = [](const Kept& kept) { return kept.revocation.number; };
    std::shared_lock lock(mutex_);
    RevocationNews news{position_, {}, true, known_for};
    std::int64_t number = from.log == position_.log ? from.number : 0;
    auto next = std::ranges::upper_bound(kept_, number, {}, number_of);
    for (; next != kept_.end() && news.entries.size() < limit; ++next) {
        auto& revocation = news.entries.emplace_back(next->revocation);
        revocation.keep = std::max(std::chrono::ceil<std::chrono::seconds>(next->until - now), std::chrono::seconds{1});
    }
    news.complete = next == kept_.end();
    if (!news.complete)
        news.read_to.number = news.entries.back().number;
    return news;
}

std::size_t RevocationList::size() const
{
    std::shared_lock lock(mutex_);
    return kept_.size();
}

}  // namespace gatehouse::identity
