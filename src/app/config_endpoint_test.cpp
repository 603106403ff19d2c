// SPDX-License-Identifier: Apache-2.0
#include "app/config_endpoint.hpp"

#include <gtest/gtest.h>

namespace gatehouse::app {
namespace {

std::string redact(std::string_view text)
{
    auto config = parse_json(text);
    EXPECT_TRUE(config.has_value());
    redact_header_values(*config);
    return json::serialize(*config);
}

TEST(ConfigEndpoint, LeavesOutWhatRoutesSetForTheirServicesAndAskOfRequests)
{
    EXPECT_EQ(redact(R"({"gateway":{"routes":[{"path":"/a","headers":["X-Origin=secret","X-Any"],)"
                     R"("request_headers":{"remove":["Cookie"],"set":["X-Key: se:cret"],"add":["X-B: 1"]}}]}})"),
              R"({"gateway":{"routes":[{"path":"/a","headers":["X-Origin=[redacted]","X-Any"],)"
              R"("request_headers":{"remove":["Cookie"],"set":["X-Key: [redacted]"],"add":["X-B: [redacted]"]}}]}})");
}

TEST(ConfigEndpoint, LeavesTheRestAsItIs)
{
    std::string_view config = R"({"gateway":{"listen":"127.0.0.1:80","routes":[{"path":"/a=b",)"
                              R"("cors":{"headers":["Content-Type"]},"response_headers":{"set":["Server: x"]}}]}})";
    EXPECT_EQ(redact(config), config);
}

}  // namespace
}  // namespace gatehouse::app
