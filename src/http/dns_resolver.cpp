// SPDX-License-Identifier: Apache-2.0
#include "http/dns_resolver.hpp"

#include "base/error.hpp"
#include "http/deadline.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <ares.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include <netinet/in.h>

namespace gatehouse::http {

namespace {

constexpr int tries = 2;
// After so long the system's settings are read again, for they change where networks do.
constexpr std::chrono::seconds settings_time{60};

struct Library {
    Library() { GH_ASSERT(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS); }
};

std::optional<asio::ip::address> address_of(const sockaddr* from)
{
    if (from->sa_family == AF_INET) {
        asio::ip::address_v4::bytes_type bytes;
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(from)->sin_addr, bytes.size());
        return asio::ip::address_v4(bytes);
    }
    if (from->sa_family == AF_INET6) {
        asio::ip::address_v6::bytes_type bytes;
        const auto* six = reinterpret_cast<const sockaddr_in6*>(from);
        std::memcpy(bytes.data(), &six->sin6_addr, bytes.size());
        return asio::ip::address_v6(bytes, six->sin6_scope_id);
    }
    return std::nullopt;
}

DnsAnswer answer_of(int status, ares_addrinfo* info)
{
    DnsAnswer answer;
    int lifetime = std::numeric_limits<int>::max();
    for (const ares_addrinfo_node* node = info ? info->nodes : nullptr; node; node = node->ai_next) {
        auto address = address_of(node->ai_addr);
        if (!address || std::ranges::find(answer.addresses, *address) != answer.addresses.end())
            continue;
        answer.addresses.push_back(*address);
        lifetime = std::min(lifetime, node->ai_ttl);
    }
    answer.lifetime = std::chrono::seconds(lifetime == std::numeric_limits<int>::max() ? 0 : lifetime);
    if (answer.addresses.empty())
        answer.error = status == ARES_SUCCESS ? "it has none" : ares_strerror(status);
    return answer;
}

}  // namespace

class DnsResolver::Impl final : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::any_io_executor executor, DnsOptions options)
        : executor_(std::move(executor)), options_(std::move(options)), timer_(executor_)
    {
        static const Library library;
    }
    ~Impl() { close(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void ask(const std::string& host, Done done)
    {
        if (under_way_ == 0 && channel_ && coarse_now() - opened_at_ > settings_time)
            close();
        if (!channel_ && !open()) {
            done({.error = "the resolver's settings cannot be read"});
            return;
        }
        ++under_way_;
        auto question = std::make_unique<Question>(Question{this, std::move(done)});
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Impl::on_answer, question.release());
        wait_for_timeout();
    }

    void interrupt()
    {
        if (channel_)
            ares_cancel(channel_);
        timer_.cancel();
    }

    // The owner is gone: whoever asked is, too.
    void abandon()
    {
        abandoned_ = true;
        timer_.cancel();
        close();
    }

private:
    struct Question {
        Impl* impl;
        Done done;
    };

    // A socket of c-ares', which opens and closes it.
    struct Watch {
        explicit Watch(const asio::any_io_executor& executor) : descriptor(executor) {}
        asio::posix::stream_descriptor descriptor;
        bool open = true;
        bool wants_read = false;
        bool wants_write = false;
        bool reading = false;
        bool writing = false;
    };

    bool open()
    {
        ares_options settings{};
        settings.timeout = static_cast<int>(options_.timeout.count());
        settings.tries = tries;
        settings.sock_state_cb = &Impl::on_socket;
        settings.sock_state_cb_data = this;
        int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
        if (ares_init_options(&channel_, &settings, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return false;
        }
        opened_at_ = coarse_now();
        if (!options_.servers.empty() &&
            ares_set_servers_ports_csv(channel_, options_.servers.c_str()) != ARES_SUCCESS) {
            close();
            return false;
        }
        return true;
    }

    void close()
    {
        if (channel_)
            ares_destroy(std::exchange(channel_, nullptr));
        for (auto& [fd, watch] : watches_)
            release(*watch);
        watches_.clear();
    }

    static void release(Watch& watch)
    {
        watch.open = false;
        watch.descriptor.release();
    }

    static void on_answer(void* argument, int status, int, ares_addrinfo* info)
    {
        std::unique_ptr<Question> question(static_cast<Question*>(argument));
        DnsAnswer answer = answer_of(status, info);
        if (info)
            ares_freeaddrinfo(info);
        Impl& self = *question->impl;
        --self.under_way_;
        if (!self.abandoned_)
            question->done(std::move(answer));
    }

    static void on_socket(void* self_pointer, ares_socket_t fd, int readable, int writable)
    {
        Impl& self = *static_cast<Impl*>(self_pointer);
        auto found = self.watches_.find(fd);
        if (readable == 0 && writable == 0) {
            if (found != self.watches_.end()) {
                release(*found->second);
                self.watches_.erase(found);
            }
            return;
        }
        if (found == self.watches_.end()) {
            found = self.watches_.emplace(fd, std::make_shared<Watch>(self.executor_)).first;
            boost::system::error_code failed;
            found->second->descriptor.assign(fd, failed);
            if (failed) {  // the question ends at its timeout
                self.watches_.erase(found);
                return;
            }
        }
        Watch& watch = *found->second;
        watch.wants_read = readable != 0;
        watch.wants_write = writable != 0;
        self.arm(fd, found->second);
    }

    void arm(ares_socket_t fd, const std::shared_ptr<Watch>& watch)
    {
        using Descriptor = asio::posix::stream_descriptor;
        if (watch->wants_read && !std::exchange(watch->reading, true))
            watch->descriptor.async_wait(Descriptor::wait_read,
                                         [weak = weak_from_this(), watch, fd](const boost::system::error_code& error) {
                                             watch->reading = false;
                                             if (auto self = weak.lock(); self && !error)
                                                 self->process(watch, fd, ARES_SOCKET_BAD, fd);
                                         });
        if (watch->wants_write && !std::exchange(watch->writing, true))
            watch->descriptor.async_wait(Descriptor::wait_write,
                                         [weak = weak_from_this(), watch, fd](const boost::system::error_code& error) {
                                             watch->writing = false;
                                             if (auto self = weak.lock(); self && !error)
                                                 self->process(watch, ARES_SOCKET_BAD, fd, fd);
                                         });
    }

    void process(const std::shared_ptr<Watch>& watch, ares_socket_t readable, ares_socket_t writable, ares_socket_t fd)
    {
        if (!watch->open || !channel_)
            return;
        ares_process_fd(channel_, readable, writable);
        if (watch->open)
            arm(fd, watch);
        wait_for_timeout();
    }

    void wait_for_timeout()
    {
        if (!channel_ || under_way_ == 0) {
            timer_.cancel();
            return;
        }
        timeval most{.tv_sec = 5, .tv_usec = 0};
        timeval next{};
        const timeval* wait = ares_timeout(channel_, &most, &next);
        timer_.expires_after(std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec) +
                             std::chrono::milliseconds{1});
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            auto self = weak.lock();
            if (!self || error || !self->channel_)
                return;
            ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            self->wait_for_timeout();
        });
    }

    asio::any_io_executor executor_;
    DnsOptions options_;
    asio::steady_timer timer_;
    ares_channel channel_ = nullptr;
    SteadyTime opened_at_;
    std::size_t under_way_ = 0;
    bool abandoned_ = false;
    std::unordered_map<ares_socket_t, std::shared_ptr<Watch>> watches_;
};

DnsResolver::DnsResolver(asio::any_io_executor executor, DnsOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options)))
{
}

DnsResolver::~DnsResolver() { impl_->abandon(); }

void DnsResolver::ask(const std::string& host, Done done) { impl_->ask(host, std::move(done)); }
void DnsResolver::interrupt() { impl_->interrupt(); }

}  // namespace gatehouse::http
