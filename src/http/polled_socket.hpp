// SPDX-License-Identifier: Apache-2.0
// A TCP or Unix stream socket that waits by way of the Poller. What is used of it looks like Asio's own.
#pragma once

#include "http/poller.hpp"

#include <boost/asio/compose.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::http {

class PolledSocket final : public asio::socket_base {
public:
    using endpoint_type = asio::generic::stream_protocol::endpoint;
    using error_code = boost::system::error_code;

    explicit PolledSocket(asio::any_io_executor executor)
        : executor_(std::move(executor)), poller_(&Poller::of(executor_))
    {
    }
    PolledSocket(PolledSocket&& other) noexcept
        : executor_(other.executor_), poller_(other.poller_), entry_(std::exchange(other.entry_, nullptr))
    {
    }
    PolledSocket& operator=(PolledSocket&&) = delete;
    ~PolledSocket() { close(); }

    // Takes a socket that does not block. Throws boost::system::system_error; it is the caller's then.
    void assign(int fd) { entry_ = &poller_->add(fd); }

    const asio::any_io_executor& get_executor() const { return executor_; }
    int native_handle() const { return entry_ ? entry_->fd : -1; }

    template <class Option>
    void set_option(const Option& option, error_code& error)
    {
        auto protocol = asio::generic::stream_protocol(AF_UNSPEC, 0);
        check(::setsockopt(native_handle(), option.level(protocol), option.name(protocol), option.data(protocol),
                           static_cast<socklen_t>(option.size(protocol))),
              error);
    }
    void shutdown(shutdown_type what, error_code& error) { check(::shutdown(native_handle(), what), error); }
    void cancel(error_code& error)
    {
        error.clear();
        if (entry_)
            poller_->cancel(*entry_);
    }

    // The last read found nothing, or less than there was room for.
    void set_dry() { entry_->dry = !entry_->ended; }
    bool is_dry() const { return entry_->dry; }
    // Whether it is known, without a system call, that nothing has arrived and the peer is there.
    bool is_quiet() const { return poller_->is_quiet(*entry_); }

    template <class Token>
    auto async_wait(wait_type what, Token&& token)
    {
        auto direction = what == wait_write ? Poller::Direction::write : Poller::Direction::read;
        return poller_->async_wait(*entry_, direction, std::forward<Token>(token));
    }

    template <class Token>
    auto async_connect(const endpoint_type& peer, Token&& token)
    {
        return asio::async_compose<Token, void(error_code)>(Connect{this, peer}, token, executor_);
    }

private:
    struct Connect {
        PolledSocket* socket;
        endpoint_type peer;
        enum class State { begins, waits, ends } state = State::begins;

        template <class Self>
        void operator()(Self& self, error_code error = {})
        {
            switch (state) {
            case State::begins:
                error = socket->start_connect(peer);
                if (error == asio::error::in_progress) {
                    state = State::waits;
                    socket->async_wait(wait_write, std::move(self));
                } else {
                    state = State::ends;
                    asio::post(socket->executor_, [again = std::move(self), error]() mutable { again(error); });
                }
                return;
            case State::waits:
                if (!error)
                    error = socket->connect_error();
                break;
            case State::ends: break;
            }
            self.complete(error);
        }
    };

    static void check(int result, error_code& error)
    {
        error = result == 0 ? error_code() : error_code(errno, boost::system::system_category());
    }

    error_code start_connect(const endpoint_type& peer)
    {
        error_code error;
        UniqueFd fd(::socket(peer.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) {
            check(-1, error);
            return error;
        }
        check(::connect(fd.get(), peer.data(), static_cast<socklen_t>(peer.size())), error);
        if (!error || error == asio::error::in_progress) {
            assign(fd.get());
            static_cast<void>(fd.release());
        }
        return error;
    }

    error_code connect_error() const
    {
        int reason = 0;
        socklen_t size = sizeof reason;
        ::getsockopt(native_handle(), SOL_SOCKET, SO_ERROR, &reason, &size);
        return {reason, boost::system::system_category()};
    }

    void close()
    {
        if (!entry_)
            return;
        int fd = entry_->fd;
        poller_->remove(*std::exchange(entry_, nullptr));
        ::close(fd);
    }

    asio::any_io_executor executor_;
    Poller* poller_;
    Poller::Entry* entry_ = nullptr;
};

}  // namespace gatehouse::http
