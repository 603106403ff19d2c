// SPDX-License-Identifier: Apache-2.0
// The first and the last thing that happens to a request in the gateway: its id and trace are chosen and what is to be
// remembered of it is put aside; when its answer is complete, or broken off, it is counted, logged and its span ended.
// Any I/O thread.
#pragma once

#include "gateway/config.hpp"
#include "gateway/passage.hpp"
#include "http/message.hpp"
#include "http/server_metrics.hpp"

#include <cstddef>
#include <vector>

namespace gatehouse::gateway {

class RequestRecorder final {
public:
    // All outlive it, and the answers that are streams.
    RequestRecorder(const Config& config, const RouteTable& routes, http::ServerMetrics& metrics,
                    Tracer* tracer);  // or nullptr: no spans

    void begin(http::Request& request, Passage& passage) const;

    // A response that is a stream gets another one, which is recorded when it has been sent.
    void end(const http::Request& request, Passage& passage, http::Response& response) const;

private:
    std::size_t number_of(const Route* route) const;

    const Config& config_;
    http::ServerMetrics& metrics_;
    Tracer* tracer_;
    std::vector<std::size_t> numbers_;  // in the metrics, by Route::index
};

}  // namespace gatehouse::gateway
