// SPDX-License-Identifier: Apache-2.0
// The first and the last thing that happens to a request in the gateway: its id and trace are chosen and what is to be
// remembered of it is put aside; at the end it is counted and logged. Any I/O thread.
#pragma once

#include "gateway/config.hpp"
#include "gateway/passage.hpp"
#include "gateway/request_metrics.hpp"
#include "http/message.hpp"

namespace gatehouse::gateway {

class RequestRecorder final {
public:
    // All outlive it.
    RequestRecorder(const Config& config, const RouteTable& routes, Metrics& metrics)
        : config_(config), metrics_(routes, metrics)
    {
    }

    void begin(http::Request& request, Passage& passage) const;

    // A body that is a stream is logged when it has been sent: the response's stream is replaced by one that does.
    void end(const http::Request& request, Passage& passage, http::Response& response);

private:
    const Config& config_;
    RequestMetrics metrics_;
};

}  // namespace gatehouse::gateway
