// SPDX-License-Identifier: Apache-2.0
// Asks the hosts file and the name servers for a name's addresses, without a thread: many questions at once, a slow one
// holds up none. By c-ares, which reads /etc/resolv.conf as the C library does.
//
// One I/O thread. It may end while questions are under way; they end with it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

namespace asio = boost::asio;

struct DnsOptions {
    std::string servers;                       // "127.0.0.1:5353,..."; empty: the system's
    std::chrono::milliseconds timeout{2'000};  // for an answer; the second try waits for twice as long
};

struct DnsAnswer {
    std::vector<asio::ip::address> addresses;  // in the order of RFC 6724
    std::chrono::seconds lifetime{0};          // as its zone says; 0: from the hosts file
    std::string error;                         // when there are none
};

class DnsResolver final {
public:
    DnsResolver(asio::any_io_executor executor, DnsOptions options);
    ~DnsResolver();
    DnsResolver(const DnsResolver&) = delete;
    DnsResolver& operator=(const DnsResolver&) = delete;

    using Done = std::function<void(DnsAnswer)>;
    // `done` is called once, perhaps before this returns, unless the resolver ends before.
    void ask(const std::string& host, Done done);

    // Ends what is under way, with an error.
    void interrupt();

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace gatehouse::http
