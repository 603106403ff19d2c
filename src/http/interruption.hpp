// SPDX-License-Identifier: Apache-2.0
// Ends what is being done for a request before it is ready: its client has gone away, or its session is over.
//
// The server's connection owns it, looks about twice a second while a request takes that long, and fires it. Whoever
// waits for the outside world on behalf of the request says how it is woken up. One thread.
#pragma once

#include "http/message.hpp"

#include <optional>
#include <utility>

namespace gatehouse::http {

class Interruption final {
public:
    using Wake = void (*)(void* owner);
    using IsOver = bool (*)(void* owner);

    // The last one to wait, and the last one to watch, count.
    void set_wake(Wake wake, void* owner)
    {
        wake_ = wake;
        wake_owner_ = owner;
    }
    void clear_wake(void* owner)
    {
        if (wake_owner_ == owner)
            set_wake(nullptr, nullptr);
    }
    void set_watch(IsOver is_over, void* owner)
    {
        is_over_ = is_over;
        watch_owner_ = owner;
    }
    void clear_watch(void* owner)
    {
        if (watch_owner_ == owner)
            set_watch(nullptr, nullptr);
    }

    // Whether the session that the request belongs to has ended.
    bool is_over() const { return is_over_ && is_over_(watch_owner_); }

    void fire(BodyError::Kind why)
    {
        fired_ = why;
        if (wake_)
            wake_(wake_owner_);
    }
    // Why what waited was woken up, if it was by this.
    std::optional<BodyError::Kind> fired() const { return fired_; }

    void reset() { *this = Interruption(); }

private:
    Wake wake_ = nullptr;
    void* wake_owner_ = nullptr;
    IsOver is_over_ = nullptr;
    void* watch_owner_ = nullptr;
    std::optional<BodyError::Kind> fired_;
};

}  // namespace gatehouse::http
