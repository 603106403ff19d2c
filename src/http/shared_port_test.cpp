// SPDX-License-Identifier: Apache-2.0
// Servers of one address that take over from each other.
#include "http/server.hpp"

#include "support/raw_socket.hpp"
#include "support/test_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

ServerOptions shared_options(std::uint16_t port)
{
    ServerOptions options = quick_options();
    options.port = port;
    options.shared_port = true;
    return options;
}

// Clients that connect anew for each request, as fast as they can.
class NewConnections final {
public:
    NewConnections(std::uint16_t port, int clients)
    {
        for (int i = 0; i < clients; ++i)
            threads_.emplace_back([this, port] {
                while (!ended_)
                    ask(port);
            });
    }
    ~NewConnections()
    {
        ended_ = true;
        for (std::thread& thread : threads_)
            thread.join();
    }

    std::string failures() const
    {
        std::scoped_lock lock(mutex_);
        return failures_;
    }

private:
    void ask(std::uint16_t port)
    {
        try {
            RawSocket client = RawSocket::connect(port);
            if (client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status != 200)
                throw std::runtime_error("not answered with 200");
        } catch (const std::exception& error) {
            std::scoped_lock lock(mutex_);
            failures_ += std::string(error.what()) + "\n";
        }
    }

    std::atomic<bool> ended_ = false;
    mutable std::mutex mutex_;
    std::string failures_;
    std::vector<std::thread> threads_;
};

TEST(SharedPort, NoNewConnectionIsLostWhenAnotherServerTakesOver)
{
    auto current = std::make_unique<TestServer>(echo, shared_options(0));
    NewConnections clients(current->port(), 4);
    for (int i = 0; i < 3; ++i) {
        auto next = std::make_unique<TestServer>(echo, shared_options(current->port()));
        while (next->server().figures().accepted < 20 && clients.failures().empty())
            std::this_thread::sleep_for(1ms);
        current->server().drain(10s, 1ms);
        current = std::move(next);
        EXPECT_EQ(clients.failures(), "");
    }
}

}  // namespace
}  // namespace gatehouse::http
