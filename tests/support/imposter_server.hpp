// SPDX-License-Identifier: Apache-2.0
// A server that follows a script, to show a client every good and bad thing a peer can do.
//
// The n-th connection runs the n-th script, each on a thread of its own. A script that throws fails the test.
#pragma once

#include "support/raw_socket.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

namespace gatehouse::testing {

class ImposterServer final {
public:
    using Script = std::function<void(RawSocket&)>;

    explicit ImposterServer(std::vector<Script> scripts)
        : scripts_(std::move(scripts)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_.get(), 16) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::system_error(errno, std::generic_category(), "imposter");
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept(); });
    }
    ~ImposterServer()
    {
        ::shutdown(listener_.get(), SHUT_RDWR);
        acceptor_.join();
        for (std::thread& thread : threads_)
            thread.join();
    }
    ImposterServer(const ImposterServer&) = delete;
    ImposterServer& operator=(const ImposterServer&) = delete;

    std::uint16_t port() const { return port_; }

private:
    void accept()
    {
        for (const Script& script : scripts_) {
            UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!fd)
                return;
            threads_.emplace_back(&ImposterServer::run, std::cref(script), std::move(fd));
        }
    }

    static void run(const Script& script, UniqueFd fd)
    {
        RawSocket socket(std::move(fd));
        try {
            script(socket);
        } catch (const std::exception& error) {
            ADD_FAILURE() << "script: " << error.what();
        }
    }

    std::vector<Script> scripts_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::thread acceptor_;
    std::vector<std::thread> threads_;
};

}  // namespace gatehouse::testing
