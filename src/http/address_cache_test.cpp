// SPDX-License-Identifier: Apache-2.0
// Names, asked of a name server that answers as the test says.
#include "http/address_cache.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "support/run_task.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;

// Answers questions for A records of the names it knows; is silent about others.
class NameServer {
public:
    NameServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::system_error(errno, std::generic_category(), "name server");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~NameServer()
    {
        ::shutdown(fd_.get(), SHUT_RDWR);
        thread_.join();
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    int asked() const { return asked_; }
    void know(const std::string& name, std::vector<std::array<unsigned char, 4>> addresses, unsigned char ttl)
    {
        std::scoped_lock lock(mutex_);
        names_[name] = {std::move(addresses), ttl};
    }
    void forget(const std::string& name)
    {
        std::scoped_lock lock(mutex_);
        names_.erase(name);
    }

private:
    struct Record {
        std::vector<std::array<unsigned char, 4>> addresses;
        unsigned char ttl;
    };

    void run()
    {
        for (;;) {
            std::string question(512, '\0');
            sockaddr_in from{};
            socklen_t size = sizeof from;
            ssize_t got =
                ::recvfrom(fd_.get(), question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (got <= 12)
                return;
            question.resize(static_cast<std::size_t>(got));
            std::string answer = answer_to(question);
            if (!answer.empty())
                ::sendto(fd_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }

    std::string answer_to(const std::string& question)
    {
        std::string name;
        std::size_t at = 12;
        while (question[at] != 0) {
            auto length = static_cast<std::size_t>(question[at]);
            name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
            at += 1 + length;
        }
        bool for_a = question[at + 2] == 1;
        std::size_t end = at + 5;
        ++asked_;
        std::scoped_lock lock(mutex_);
        auto record = names_.find(name);
        if (record == names_.end())
            return {};
        std::string answer = question.substr(0, end);
        answer[2] = static_cast<char>(0x81);
        answer[3] = static_cast<char>(0x80);
        answer[6] = 0;
        answer[7] = static_cast<char>(for_a ? record->second.addresses.size() : 0);
        answer[8] = answer[9] = answer[10] = answer[11] = 0;
        for (const auto& address : record->second.addresses) {
            if (!for_a)
                break;
            const char head[] = {'\xc0', 12, 0, 1, 0, 1, 0, 0, 0, static_cast<char>(record->second.ttl), 0, 4};
            answer.append(head, sizeof head);
            answer.append(reinterpret_cast<const char*>(address.data()), address.size());
        }
        return answer;
    }

    UniqueFd fd_;
    std::uint16_t port_ = 0;
    std::atomic<int> asked_{0};
    std::mutex mutex_;
    std::map<std::string, Record> names_;
    std::thread thread_;
};

class AddressCacheTest : public ::testing::Test {
protected:
    std::vector<std::string> find(const std::string& host, std::chrono::milliseconds limit = 5s)
    {
        std::vector<std::string> found;
        for (const auto& endpoint : run_task(context_, cache_.find(host, 80, coarse_now() + limit)))
            found.push_back(endpoint.address().to_string());
        return found;
    }

    asio::io_context context_;
    NameServer server_;
    AddressCache cache_{context_.get_executor(), {.servers = server_.address(), .timeout = 300ms}};
};

TEST_F(AddressCacheTest, FindsAddressesAndTakesThemInTurn)
{
    server_.know("orders.test", {{10, 0, 0, 1}, {10, 0, 0, 2}}, 60);
    std::map<std::string, int> first;
    for (int i = 0; i < 10; ++i) {
        auto found = find("orders.test");
        ASSERT_EQ(found.size(), 2U);
        EXPECT_NE(found[0], found[1]);
        ++first[found[0]];
    }
    EXPECT_EQ(first["10.0.0.1"], 5);
    EXPECT_EQ(first["10.0.0.2"], 5);
    EXPECT_LE(server_.asked(), 2) << "one question for each kind of address";
}

TEST_F(AddressCacheTest, LiteralsAndTheHostsFileNeedNoServer)
{
    EXPECT_EQ(find("192.0.2.7"), std::vector<std::string>{"192.0.2.7"});
    EXPECT_EQ(find("::1"), std::vector<std::string>{"::1"});
    EXPECT_FALSE(find("localhost").empty());
    EXPECT_EQ(server_.asked(), 0);
}

TEST_F(AddressCacheTest, ANameWithoutAnAnswerHoldsUpNoOther)
{
    server_.know("orders.test", {{10, 0, 0, 1}}, 60);
    auto both = [](AddressCache& cache) -> Task<std::chrono::milliseconds> {
        using namespace asio::experimental::awaitable_operators;
        auto began = std::chrono::steady_clock::now();
        auto first = co_await (cache.find("silent.test", 80, coarse_now() + 5s) ||
                               cache.find("orders.test", 80, coarse_now() + 5s));
        EXPECT_EQ(first.index(), 1U);
        co_return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    };
    EXPECT_LT(run_task(context_, both(cache_)), 300ms);
}

TEST_F(AddressCacheTest, ALateAnswerIsNotWaitedForLongerThanTheCallerCan)
{
    auto began = std::chrono::steady_clock::now();
    EXPECT_THROW(find("silent.test", 100ms), Unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 290ms);
    EXPECT_THROW(find("silent.test"), Unavailable) << "and there is an end to the question";
}

TEST_F(AddressCacheTest, AnAnswerIsAskedForAgainWhenItsTimeIsOver)
{
    server_.know("orders.test", {{10, 0, 0, 1}}, 1);
    EXPECT_EQ(find("orders.test")[0], "10.0.0.1");
    server_.know("orders.test", {{10, 0, 0, 9}}, 1);
    auto end = std::chrono::steady_clock::now() + 10s;
    while (find("orders.test")[0] != "10.0.0.9" && std::chrono::steady_clock::now() < end) {
        context_.restart();
        context_.run_for(50ms);
    }
    EXPECT_EQ(find("orders.test")[0], "10.0.0.9");
    // Old addresses serve while the server is silent.
    server_.forget("orders.test");
    std::this_thread::sleep_for(1100ms);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(find("orders.test")[0], "10.0.0.9");
        context_.restart();
        context_.run_for(400ms);
    }
}

}  // namespace
}  // namespace gatehouse::http
