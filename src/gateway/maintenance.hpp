// SPDX-License-Identifier: Apache-2.0
// A route whose service is down on purpose: everybody is told so, and when to come again. Made at start, read-only
// after that: any thread.
#pragma once

#include "gateway/config.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"

#include <string_view>

namespace gatehouse::gateway {

class Maintenance final {
public:
    explicit Maintenance(const MaintenanceConfig& config) : config_(config) {}

    http::Response answer(std::string_view request_id) const
    {
        std::string detail = config_.message.empty() ? "This is under maintenance. Try again later." : config_.message;
        http::Response response = http::Problem::of_status(503, "maintenance", std::move(detail))
                                      .with_header("retry-after", std::to_string(config_.retry_after.count()))
                                      .to_response(request_id);
        response.cause.clear();  // it is meant so: no error for the log
        return response;
    }

private:
    MaintenanceConfig config_;
};

}  // namespace gatehouse::gateway
