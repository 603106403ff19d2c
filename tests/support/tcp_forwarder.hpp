// SPDX-License-Identifier: Apache-2.0
// A TCP forwarder on a free loopback port whose connections can be cut, and that can refuse new ones.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <thread>

namespace gatehouse::testing {

class TcpForwarder final {
public:
    TcpForwarder(const std::string& host, std::uint16_t port)
    {
        boost::asio::ip::tcp::resolver resolver(context_);
        target_ = *resolver.resolve(host, std::to_string(port)).begin();
        open();
        thread_ = std::thread([this] { context_.run(); });
    }
    ~TcpForwarder()
    {
        context_.stop();
        thread_.join();
    }
    TcpForwarder(const TcpForwarder&) = delete;
    TcpForwarder& operator=(const TcpForwarder&) = delete;

    std::uint16_t port() const { return port_; }

    // Ends every connection; new ones are let through.
    void cut()
    {
        on_thread([this] { end_all(); });
    }
    // Refuses new ones, too, until open().
    void close()
    {
        on_thread([this] {
            acceptor_.close();
            end_all();
        });
    }
    void open()
    {
        auto listen = [this] {
            boost::asio::ip::tcp::endpoint local(boost::asio::ip::address_v4::loopback(), port_);
            acceptor_ = boost::asio::ip::tcp::acceptor(context_, local);
            port_ = acceptor_.local_endpoint().port();
            accept();
        };
        if (thread_.joinable())
            on_thread(listen);
        else
            listen();
    }

private:
    using Socket = boost::asio::ip::tcp::socket;

    struct Pair : std::enable_shared_from_this<Pair> {
        explicit Pair(Socket from, boost::asio::io_context& context) : client(std::move(from)), server(context) {}

        void run(const boost::asio::ip::tcp::endpoint& target)
        {
            server.async_connect(target, [self = shared_from_this()](boost::system::error_code error) {
                if (error)
                    return self->end();
                self->pump(self->client, self->server, self->upward);
                self->pump(self->server, self->client, self->downward);
            });
        }
        void end()
        {
            boost::system::error_code ignored;
            client.close(ignored);
            server.close(ignored);
        }

        Socket client;
        Socket server;

    private:
        using Buffer = std::array<char, 16384>;

        void pump(Socket& from, Socket& to, Buffer& buffer)
        {
            from.async_read_some(boost::asio::buffer(buffer), [this, self = shared_from_this(), &from, &to, &buffer](
                                                                  boost::system::error_code error, std::size_t size) {
                if (error)
                    return end();
                boost::asio::async_write(
                    to, boost::asio::buffer(buffer, size),
                    [this, self, &from, &to, &buffer](boost::system::error_code failed, std::size_t) {
                        if (failed)
                            return end();
                        pump(from, to, buffer);
                    });
            });
        }

        Buffer upward{};
        Buffer downward{};
    };

    void accept()
    {
        acceptor_.async_accept([this](boost::system::error_code error, Socket client) {
            if (error)
                return;
            auto pair = std::make_shared<Pair>(std::move(client), context_);
            pairs_.push_back(pair);
            pair->run(target_);
            accept();
        });
    }
    void end_all()
    {
        for (auto& weak : pairs_) {
            if (auto pair = weak.lock())
                pair->end();
        }
        pairs_.clear();
    }
    template <class F>
    void on_thread(F work)
    {
        std::promise<void> done;
        boost::asio::post(context_, [&] {
            work();
            done.set_value();
        });
        done.get_future().get();
    }

    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_{context_.get_executor()};
    boost::asio::ip::tcp::endpoint target_;
    boost::asio::ip::tcp::acceptor acceptor_{context_};
    std::uint16_t port_ = 0;
    std::list<std::weak_ptr<Pair>> pairs_;
    std::thread thread_;
};

}  // namespace gatehouse::testing
