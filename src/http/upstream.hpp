// SPDX-License-Identifier: Apache-2.0
// A service as its callers see it: a handler in this process, or endpoints reached over HTTP. The one seam between
// roles.
#pragma once

#include "base/io_threads.hpp"
#include "http/client.hpp"
#include "http/message.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

class Upstream final {
public:
    // In this process.
    Upstream(std::string name, Handler handler);
    // Over HTTP, round robin; an endpoint that cannot be connected to is skipped for the next, and for two seconds
    // asked only when no other is there. The peer sees its own address in the Host field, or with `preserve_host` what
    // the request says.
    Upstream(std::string name, std::vector<Endpoint> endpoints, PerThread<Client>& clients, bool preserve_host = false);

    const std::string& name() const { return name_; }
    bool in_process() const { return static_cast<bool>(handler_); }

    // Call on an I/O thread. In process it answers problems for what the handler throws; over HTTP a peer that is not
    // there or breaks off is answered 502, 503 or 504. BodyError for the request's own body is thrown.
    Task<Response> send(Request& request);

private:
    Task<Response> send_over_http(Request& request);

    // What the threads share: pointed to, so that an Upstream can be moved.
    struct Turns {
        explicit Turns(std::size_t endpoints) : away_until(endpoints) {}
        std::atomic<std::size_t> next{0};
        std::vector<std::atomic<std::int64_t>> away_until;  // of each endpoint, on the steady clock
    };

    std::string name_;
    Handler handler_;
    std::vector<Endpoint> endpoints_;
    PerThread<Client>* clients_ = nullptr;
    bool preserve_host_ = false;
    std::unique_ptr<Turns> turns_;
};

}  // namespace gatehouse::http
