// SPDX-License-Identifier: Apache-2.0
#include "http/poller.hpp"

#include "base/error.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>

#include <poll.h>
#include <sys/epoll.h>

namespace gatehouse::http {

namespace {

constexpr std::size_t batch_max = 128;

[[noreturn]] void fail(const char* what)
{
    throw boost::system::system_error(boost::system::error_code(errno, boost::system::system_category()), what);
}

constexpr std::uint32_t read_events = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t write_events = EPOLLOUT | EPOLLHUP | EPOLLERR;

bool is_ready(int fd, Poller::Direction direction)
{
    pollfd wanted{.fd = fd,
                  .events = static_cast<short>(direction == Poller::Direction::read ? POLLIN | POLLRDHUP : POLLOUT),
                  .revents = 0};
    return ::poll(&wanted, 1, 0) != 0;
}

// Carries a wait through the executor's queue; when that ends first, the wait ends with it.
class Posted final {
public:
    Posted(Poller::Wait* wait, boost::system::error_code error) : wait_(wait), error_(error) {}
    Posted(Posted&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)), error_(other.error_) {}
    Posted& operator=(Posted&&) = delete;
    ~Posted()
    {
        if (wait_)
            wait_->destroy();
    }

    void operator()() { std::exchange(wait_, nullptr)->complete(error_); }

private:
    Poller::Wait* wait_;
    boost::system::error_code error_;
};

}  // namespace

asio::execution_context::id Poller::id;

Poller::Poller(asio::execution_context& context)
    : asio::execution_context::service(context), epoll_(::epoll_create1(EPOLL_CLOEXEC))
{
    auto& io = static_cast<asio::io_context&>(context);
    executor_ = io.get_executor();
    if (!epoll_)
        fail("epoll_create1");
    outer_.emplace(io, epoll_.get());
}

Poller& Poller::of(const asio::any_io_executor& executor)
{
    return asio::use_service<Poller>(asio::query(executor, asio::execution::context));
}

void Poller::shutdown() noexcept
{
    for (Entry& entry : entries_)
        for (Wait*& wait : entry.waits)
            if (Wait* lost = std::exchange(wait, nullptr))
                lost->destroy();
    if (outer_)
        outer_->release();
    outer_.reset();
}

Poller::Entry& Poller::add(int fd)
{
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(entries_.size()));
        entries_.emplace_back();
    }
    std::uint32_t place = free_.back();
    Entry& entry = entries_[place];
    epoll_event event{};
    event.events = read_events | write_events | EPOLLET;
    event.data.u64 = std::uint64_t{entry.generation} << 32U | place;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
    free_.pop_back();
    entry.place = place;
    entry.fd = fd;
    entry.dry = entry.ended = false;
    return entry;
}

void Poller::remove(Entry& entry)
{
    cancel(entry);
    epoll_event unused{};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.fd, &unused);
    entry.fd = -1;
    ++entry.generation;
    free_.push_back(entry.place);
}

void Poller::cancel(Entry& entry)
{
    abort(entry, Direction::read);
    abort(entry, Direction::write);
}

void Poller::start(Entry& entry, Direction direction, Wait* wait)
{
    GH_ASSERT(!entry.waits[index(direction)]);
    bool known = direction == Direction::read && entry.dry;
    if (!known && is_ready(entry.fd, direction)) {
        post(wait, {});
        return;
    }
    if (direction == Direction::read)
        entry.dry = true;
    entry.waits[index(direction)] = wait;
    ++waiting_;
    if (!armed_ && !handing_out_)
        arm();
}

Poller::Wait* Poller::take(Entry& entry, Direction direction)
{
    Wait* wait = std::exchange(entry.waits[index(direction)], nullptr);
    waiting_ -= wait ? 1 : 0;
    return wait;
}

void Poller::abort(Entry& entry, Direction direction)
{
    Wait* wait = take(entry, direction);
    if (!wait)
        return;
    post(wait, asio::error::operation_aborted);
    // A context runs out of work when nobody waits any more.
    if (waiting_ == 0 && armed_ && outer_)
        outer_->cancel();
}

void Poller::post(Wait* wait, boost::system::error_code error) { asio::post(executor_, Posted(wait, error)); }

void Poller::arm()
{
    armed_ = true;
    outer_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code&) {
        armed_ = false;
        hand_out();
    });
}

void Poller::hand_out()
{
    std::array<epoll_event, batch_max> events;
    int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    auto come = std::span(events).first(static_cast<std::size_t>(std::max(count, 0)));
    handing_out_ = true;
    // All that is known first: what one handler does may depend on another socket's events.
    for (const epoll_event& event : come) {
        Entry* entry = entry_of(event.data.u64);
        if (!entry || (event.events & read_events) == 0)
            continue;
        entry->dry = false;
        entry->ended = entry->ended || (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    }
    for (const epoll_event& event : come) {
        for (auto [direction, wanted] : {std::pair{Direction::read, read_events}, {Direction::write, write_events}}) {
            Entry* entry = entry_of(event.data.u64);  // a handler may have closed it
            Wait* wait = entry && (event.events & wanted) != 0 ? take(*entry, direction) : nullptr;
            if (wait)
                wait->complete({});
        }
    }
    handing_out_ = false;
    if (waiting_ > 0)
        arm();
}

Poller::Entry* Poller::entry_of(std::uint64_t name)
{
    Entry& entry = entries_[static_cast<std::uint32_t>(name)];
    return entry.fd >= 0 && entry.generation == name >> 32U ? &entry : nullptr;
}

}  // namespace gatehouse::http
