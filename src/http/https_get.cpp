// SPDX-License-Identifier: Apache-2.0
#include "http/https_get.hpp"

#include "base/error.hpp"
#include "http/curl.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::http {

namespace {

struct Download {
    const HttpsGet& wanted;
    std::string body;
    bool too_large = false;
};

std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& download = *static_cast<Download*>(user);
    std::size_t bytes = size * count;
    download.too_large = download.body.size() + bytes > download.wanted.bytes_max;
    if (download.too_large)
        return 0;
    download.body.append(data, bytes);
    return bytes;
}

int watch_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    const auto* interrupted = static_cast<Download*>(user)->wanted.interrupted;
    return interrupted && interrupted->load() ? 1 : 0;
}

bool is_this_host(const std::string& host)
{
    return host == "localhost" || host == "::1" || host == "[::1]" ||
           (host.starts_with("127.") &&
            std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; }));
}

void set_options(CURL* handle, Download& download)
{
    const HttpsGet& wanted = download.wanted;
    curl_easy_setopt(handle, CURLOPT_URL, wanted.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!wanted.ca.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, wanted.ca.c_str());
        curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    }
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(wanted.time_max.count()));
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &download);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &download);
}

}  // namespace

std::string https_get(const HttpsGet& wanted)
{
    if (!is_fetchable_url(wanted.url))
        throw Unavailable(fmt::format("{}: must be https://, or http:// to this host", wanted.url));
    start_curl();
    CurlHandle handle(curl_easy_init());
    if (!handle)
        throw Unavailable("libcurl: no memory");
    Download download{wanted, {}};
    set_options(handle.get(), download);
    CURLcode code = curl_easy_perform(handle.get());
    if (download.too_large)
        throw Unavailable(fmt::format("{}: answered more than {} bytes", wanted.url, wanted.bytes_max));
    if (code != CURLE_OK)
        throw Unavailable(fmt::format("{}: {}", wanted.url, curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        throw Unavailable(fmt::format("{}: answered {}", wanted.url, status));
    return std::move(download.body);
}

bool is_fetchable_url(const std::string& url)
{
    if (url.find_first_of("@#\\ \t\r\n") != std::string::npos)
        return false;
    auto endpoint = parse_endpoint(url.substr(0, url.find('?')));
    return endpoint && (endpoint->scheme == "https" || (endpoint->scheme == "http" && is_this_host(endpoint->host)));
}

}  // namespace gatehouse::http
