// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include "base/log.hpp"
#include "http/acceptor.hpp"
#include "http/listen_socket.hpp"

#include <boost/asio/post.hpp>

#include <latch>

#include <unistd.h>

namespace gatehouse::http {

class Server::Impl final {
public:
    Impl(IoThreads& threads, ServerOptions options, Handler handler)
        : threads_(threads), options_(std::move(options)), handler_(std::move(handler))
    {
        ListenSockets listening = options_.unix_path.empty() ? listen_tcp(options_.address, options_.port,
                                                                          threads_.size(), options_.shared_port)
                                                             : listen_unix(options_.unix_path, threads_.size());
        port_ = listening.port;
        for (std::size_t i = 0; i < threads_.size(); ++i)
            acceptors_.push_back(
                std::make_unique<Acceptor>(threads_.context(i), std::move(listening.sockets[i]), options_, handler_));
    }

    ~Impl()
    {
        drain({}, {});
        if (!options_.unix_path.empty())
            ::unlink(options_.unix_path.c_str());
    }

    void start()
    {
        for (const auto& acceptor : acceptors_)
            acceptor->listen();
        started_ = true;
        for (std::size_t i = 0; i < acceptors_.size(); ++i)
            asio::post(threads_.context(i), [acceptor = acceptors_[i].get()] { acceptor->start(); });
    }

    void drain(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace)
    {
        if (!started_ || std::exchange(drained_, true))
            return;
        // Shared, because the last to count down may still be in that call when this has been woken up.
        auto ended = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(acceptors_.size()));
        for (std::size_t i = 0; i < acceptors_.size(); ++i)
            asio::post(threads_.context(i), [acceptor = acceptors_[i].get(), grace, idle_grace, ended] {
                acceptor->drain(grace, idle_grace, [ended] { ended->count_down(); });
            });
        ended->wait();
    }

    std::uint16_t port() const { return port_; }

    std::size_t connection_count() const
    {
        std::size_t count = 0;
        for (const auto& acceptor : acceptors_)
            count += acceptor->connection_count();
        return count;
    }

    Figures figures() const
    {
        Figures all;
        for (const auto& acceptor : acceptors_) {
            Figures one = acceptor->figures();
            all.accepted += one.accepted;
            all.refused_heads += one.refused_heads;
        }
        return all;
    }

private:
    IoThreads& threads_;
    ServerOptions options_;
    Handler handler_;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    bool started_ = false;
    bool drained_ = false;
};

Server::Server(IoThreads& threads, ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(threads, std::move(options), std::move(handler)))
{
}

Server::~Server() = default;

void Server::start() { impl_->start(); }
std::uint16_t Server::port() const { return impl_->port(); }
std::size_t Server::connection_count() const { return impl_->connection_count(); }
Server::Figures Server::figures() const { return impl_->figures(); }
void Server::drain(std::chrono::milliseconds grace, std::chrono::milliseconds idle_grace)
{
    impl_->drain(grace, idle_grace);
}

}  // namespace gatehouse::http
