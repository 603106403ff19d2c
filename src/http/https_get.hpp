// SPDX-License-Identifier: Apache-2.0
// A small document from another organization's server, over HTTPS with its certificate verified, by libcurl. Blocks:
// run it on a BlockingPool. Any thread; one call for each thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

namespace gatehouse::http {

struct HttpsGet {
    std::string url;  // https://, or http:// to this host alone
    std::string ca;   // file with certificate authorities; empty: the system's
    std::size_t bytes_max = 256U << 10U;
    std::chrono::milliseconds time_max{10'000};
    const std::atomic<bool>* interrupted = nullptr;  // ends the call when it becomes true
};

// The body of a 200; redirects are not followed. Throws Unavailable for everything else.
std::string https_get(const HttpsGet& wanted);

// https:// with a host and no user, or http:// to localhost, 127.x.x.x or [::1].
bool is_fetchable_url(const std::string& url);

}  // namespace gatehouse::http
