// SPDX-License-Identifier: Apache-2.0
// The addresses of host names, for the client of one I/O thread.
//
// One question for each name at a time; whoever needs the answer waits for at most its own deadline, and an answer that
// has become old is still used while a new one is on its way, and for some minutes when none comes.
#pragma once

#include "base/task.hpp"
#include "http/deadline.hpp"
#include "http/dns_resolver.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse::http {

class AddressCache final {
public:
    explicit AddressCache(asio::any_io_executor executor, DnsOptions options = {});
    AddressCache(const AddressCache&) = delete;
    AddressCache& operator=(const AddressCache&) = delete;

    // At least one; of several each is the first in its turn. Throws Unavailable when there is none or the answer is
    // late.
    Task<std::vector<asio::ip::tcp::endpoint>> find(std::string host, std::uint16_t port, SteadyTime deadline);

    // Ends what is under way.
    void interrupt() { resolver_.interrupt(); }

private:
    struct Entry;
    struct Waiter;

    void ask(const std::string& host, const std::shared_ptr<Entry>& entry);

    asio::any_io_executor executor_;
    DnsResolver resolver_;
    std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace gatehouse::http
