// SPDX-License-Identifier: Apache-2.0
// The addresses of host names, for the client of one I/O thread.
//
// The system's resolver blocks a thread of Asio's own and cannot be interrupted, so nobody waits for it directly: one
// question for each name at a time, whoever needs the answer waits for at most its own deadline, and an answer that has
// become old is still used while a new one is on its way.
#pragma once

#include "base/task.hpp"
#include "http/deadline.hpp"

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
    explicit AddressCache(asio::any_io_executor executor);
    AddressCache(const AddressCache&) = delete;
    AddressCache& operator=(const AddressCache&) = delete;

    // At least one. Throws Unavailable when there is none or the answer is late.
    Task<std::vector<asio::ip::tcp::endpoint>> find(std::string host, std::uint16_t port, SteadyTime deadline);

private:
    struct Entry;
    struct Waiter;

    void ask(const std::string& host, const std::shared_ptr<Entry>& entry);

    asio::any_io_executor executor_;
    asio::ip::tcp::resolver resolver_;
    std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace gatehouse::http
