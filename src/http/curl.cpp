// SPDX-License-Identifier: Apache-2.0
#include "http/curl.hpp"

#include <mutex>
#include <stdexcept>

namespace gatehouse::http {

void start_curl()
{
    static std::once_flag once;
    auto start = [] {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl cannot be started");
    };
    std::call_once(once, start);
}

}  // namespace gatehouse::http
