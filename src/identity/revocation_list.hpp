// SPDX-License-Identifier: Apache-2.0
// Which access tokens of ours end before they expire, as this process knows it (docs/adr/0009-revocation.md): auth's
// log of revocations in memory. Filled by auth itself, or by a RevocationFollower; every verifier reads it.
//
// Any thread. A verifier that remembers the generation under which it looked last need not look again before that
// changes, and takes no lock until then.
#pragma once

#include "identity/claims.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::identity {

struct Revocation {
    enum class Kind { session, user, role };
    std::int64_t number = 0;
    Kind kind = Kind::session;
    std::string subject;           // session id, user id, role
    std::chrono::seconds keep{0};  // from now on; then no token that it concerns is valid any more
};
std::string_view to_string(Revocation::Kind kind);  // "session", "user", "role"
std::optional<Revocation::Kind> find_revocation_kind(std::string_view text);

// Where the log was read to: its id, which changes when the store is replaced, and the last number.
struct RevocationPosition {
    std::string log;
    std::int64_t number = 0;
    bool operator==(const RevocationPosition&) const = default;
};

// A part of the log, by number.
struct RevocationNews {
    RevocationPosition read_to;
    std::vector<Revocation> entries;
    bool complete = true;              // false: there are more
    std::chrono::milliseconds age{0};  // of what the store said last
};

class RevocationList final {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    using Position = RevocationPosition;
    Position position() const;

    // Takes what the log holds after position(), in the order of its numbers; `complete` when it was everything as of
    // `as_of`. A log of another id begins anew.
    void apply(const Position& read_to, const std::vector<Revocation>& revocations, bool complete, SteadyTime as_of);

    // False until everything was there once: until then nothing can be said of any token.
    bool ready() const { return as_of_.load(std::memory_order_acquire) != never; }
    // Whether everything that was revoked before `moment` is there.
    bool knows_all_until(SteadyTime moment) const
    {
        return as_of_.load(std::memory_order_acquire) >= static_cast<std::int64_t>(moment.time_since_epoch().count());
    }
    // How old that knowledge is. REQUIRES: ready()
    std::chrono::milliseconds age(SteadyTime now = std::chrono::steady_clock::now()) const;

    // Changes with every revocation.
    std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
    bool is_revoked(const Claims& claims) const;

    // What came after `from`, at most `limit`; from the beginning when that is of another log. REQUIRES: ready()
    RevocationNews after(const RevocationPosition& from, std::size_t limit) const;

    std::size_t size() const;

private:
    static constexpr std::int64_t never = 0;

    // A session is over; users and roles lose the tokens that knew a smaller number.
    using Numbers = std::unordered_map<std::string, std::int64_t>;
    Numbers& numbers_of(Revocation::Kind kind);
    void forget(SteadyTime now);

    struct Kept {
        SteadyTime until;
        Revocation revocation;
    };

    mutable std::shared_mutex mutex_;
    Position position_;
    Numbers sessions_;
    Numbers users_;
    Numbers roles_;
    std::deque<Kept> kept_;  // by number
    std::atomic<std::uint64_t> generation_{1};
    std::atomic<std::int64_t> as_of_{never};  // of the steady clock, in its own unit
};

}  // namespace gatehouse::identity
