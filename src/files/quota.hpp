// SPDX-License-Identifier: Apache-2.0
// How much a user may store, and whether an upload still fits.
//
// The user's uploads count, as far as they are finished, and in the trash as well; what is derived from them does not.
// An upload is measured twice: when it begins, as far as its length is known, so that nothing is sent in vain; and
// before it becomes visible, where the uploads of one user in one process take turns. So one process never lets a user
// have more than the quota. Of several processes of the role each may let one upload pass at the same moment: together
// they exceed it by at most what is being finished in the others just then. Any I/O thread; what it gives belongs to
// the thread of its request.
#pragma once

#include "base/task.hpp"
#include "base/waker.hpp"
#include "files/config.hpp"
#include "files/file_store.hpp"
#include "http/problem.hpp"
#include "identity/claims.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace gatehouse::files {

// What one request may still store.
class Room final {
public:
    Room() = default;  // without an end
    Room(std::uint64_t limit, const Usage& usage) : limited_(true), limit_(limit), usage_(usage) {}

    // Throws Problem 507 unless so many more bytes fit; `at_least`: it will be more.
    void require(std::uint64_t bytes, bool at_least = false) const;
    void take(std::uint64_t bytes) { taken_ += bytes; }

private:
    bool limited_ = false;
    std::uint64_t limit_ = 0;
    Usage usage_;
    std::uint64_t taken_ = 0;  // by this request
};

class Quota final {
public:
    // Both outlive it.
    Quota(FileStore& store, const Config& config) : store_(store), config_(config) {}

    // The largest of the caller's roles, or the one for everybody; nullopt: none.
    std::optional<std::uint64_t> limit_of(const identity::Claims& caller) const;

    Task<Room> find_room(const identity::Claims& caller);

    // As long as it exists, nothing else of the same user becomes visible in this process.
    class Turn {
    public:
        Turn(Quota& quota, std::string owner, std::shared_ptr<Waker> waker);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        Task<void> wait();  // for the end of those before; throws Unavailable after 30 s

    private:
        bool is_first() const;

        Quota& quota_;
        std::string owner_;
        std::shared_ptr<Waker> waker_;
        std::list<std::shared_ptr<Waker>>::iterator place_;
    };

    // To be held until the upload is visible. Throws Problem 507 when `bytes` more do not fit. nullptr: no quota.
    Task<std::unique_ptr<Turn>> take_turn(const identity::Claims& caller, std::uint64_t bytes);

private:
    FileStore& store_;
    const Config& config_;
    std::mutex mutex_;
    std::map<std::string, std::list<std::shared_ptr<Waker>>> turns_;  // by owner, none of them empty
};

}  // namespace gatehouse::files
