// SPDX-License-Identifier: Apache-2.0
// libcurl, which speaks HTTPS and SMTP for us: its only way into the program.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace gatehouse::http {

// Once for the process, however often it is called; any thread. Throws std::runtime_error.
void start_curl();

struct FreeCurl {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, FreeCurl>;
using CurlList = std::unique_ptr<curl_slist, FreeCurl>;

}  // namespace gatehouse::http
