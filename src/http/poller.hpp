// SPDX-License-Identifier: Apache-2.0
// Tells sockets when something has arrived and when they take more. One for each I/O context, on its thread.
//
// It is an epoll set of its own, inside the one that Asio waits in. Asio makes a system call for every wait, because it
// does not know whether a socket was read empty; here a socket is registered once, edge by edge, and a wait costs none:
// - `dry` is known from the last read (it found nothing, or less than it asked for), until the next event;
// - that the peer has ended its side comes with the event, so a short read is known to be the last before a wait.
// Who has not said `dry` is asked the kernel about at each wait, so a reader that knows nothing of this is slow, not
// stuck.
#pragma once

#include "base/unique_fd.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace gatehouse::http {

namespace asio = boost::asio;

class Poller final : public asio::execution_context::service {
public:
    using key_type = Poller;
    static asio::execution_context::id id;

    enum class Direction : std::uint8_t { read, write };

    // Somebody's wait, in memory of its own. It is called once, or destroyed with the context.
    class Wait {
    public:
        std::uint64_t number = 0;                                    // no two have the same
        virtual void complete(boost::system::error_code error) = 0;  // destroys this
        virtual void destroy() = 0;

    protected:
        ~Wait() = default;
    };

    // What is known of one socket. Its address does not change.
    struct Entry {
        int fd = -1;
        std::uint32_t place = 0;
        std::uint32_t generation = 0;  // of this place; tells late events of a socket that is closed
        bool dry = false;              // everything was read, and nothing has arrived since
        bool ended = false;            // the peer's side; no read is the last before a wait any more
        std::array<Wait*, 2> waits{};  // by Direction
    };

    explicit Poller(asio::execution_context& context);
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    static Poller& of(const asio::any_io_executor& executor);

    // Throws boost::system::system_error when the kernel does not take it.
    Entry& add(int fd);
    // Before `fd` is closed. Waits end with operation_aborted, by way of the executor.
    void remove(Entry& entry);
    void cancel(Entry& entry);

    // Whether it is known, without asking, that nothing has arrived.
    bool is_quiet(const Entry& entry) const { return entry.dry && (armed_ || handing_out_); }

private:
    template <class Handler>
    class HandlerWait;
    struct Initiation {
        Poller* poller;
        Entry* entry;
        Direction direction;

        template <class Handler>
        void operator()(Handler&& handler) const;
    };

public:
    // Completes when the socket is ready in that direction, or seems to be. One wait at a time in each direction.
    template <class Token>
    auto async_wait(Entry& entry, Direction direction, Token&& token)
    {
        return asio::async_initiate<Token, void(boost::system::error_code)>(Initiation{this, &entry, direction}, token);
    }

private:
    // Aborts one wait: what a cancellation slot of a handler holds.
    struct Abort {
        Poller* poller;
        Entry* entry;
        Direction direction;
        std::uint64_t number;

        void operator()(asio::cancellation_type type) const
        {
            Wait* wait = entry->waits[index(direction)];
            if (type != asio::cancellation_type::none && wait && wait->number == number)
                poller->abort(*entry, direction);
        }
    };

    static std::size_t index(Direction direction) { return static_cast<std::size_t>(direction); }

    void shutdown() noexcept override;
    void start(Entry& entry, Direction direction, Wait* wait);
    void abort(Entry& entry, Direction direction);
    void post(Wait* wait, boost::system::error_code error);
    Wait* take(Entry& entry, Direction direction);
    void arm();
    void hand_out();
    Entry* entry_of(std::uint64_t name);

    asio::any_io_executor executor_;
    UniqueFd epoll_;
    std::optional<asio::posix::stream_descriptor> outer_;  // the same, in Asio's set
    std::deque<Entry> entries_;
    std::vector<std::uint32_t> free_;
    std::size_t waiting_ = 0;
    std::uint64_t last_number_ = 0;
    bool armed_ = false;        // Asio waits for this set
    bool handing_out_ = false;  // the events that have come
};

template <class Handler>
class Poller::HandlerWait final : public Poller::Wait {
public:
    using Allocator = typename std::allocator_traits<
        asio::associated_allocator_t<Handler, asio::recycling_allocator<void>>>::template rebind_alloc<HandlerWait>;

    explicit HandlerWait(Handler handler) : handler_(std::move(handler)) {}

    static HandlerWait* make(Handler handler)
    {
        Allocator allocator = allocator_of(handler);
        HandlerWait* wait = std::allocator_traits<Allocator>::allocate(allocator, 1);
        return std::construct_at(wait, std::move(handler));
    }
    void complete(boost::system::error_code error) override
    {
        Handler handler = take_handler();
        std::move(handler)(error);
    }
    void destroy() override { take_handler(); }

private:
    static Allocator allocator_of(const Handler& handler)
    {
        return Allocator(asio::get_associated_allocator(handler, asio::recycling_allocator<void>()));
    }
    // The memory is given back before the handler runs, which may need some for its next wait.
    Handler take_handler()
    {
        Allocator allocator = allocator_of(handler_);
        Handler handler = std::move(handler_);
        std::destroy_at(this);
        std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
        return handler;
    }

    Handler handler_;
};

template <class Handler>
void Poller::Initiation::operator()(Handler&& handler) const
{
    auto slot = asio::get_associated_cancellation_slot(handler);
    Wait* wait = HandlerWait<std::decay_t<Handler>>::make(std::forward<Handler>(handler));
    wait->number = ++poller->last_number_;
    if (slot.is_connected())
        slot.template emplace<Abort>(Abort{poller, entry, direction, wait->number});
    poller->start(*entry, direction, wait);
}

}  // namespace gatehouse::http
