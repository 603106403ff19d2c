// SPDX-License-Identifier: Apache-2.0
#include "app/client_http.hpp"

#include "http/curl.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::app {

namespace {

constexpr std::size_t body_bytes_max = 1UL << 20U;
constexpr long connect_max_ms = 10'000;
constexpr long idle_max_seconds = 60;

struct Transfer {
    const HttpCall& call;
    CURL* handle;
    HttpReply reply;
    bool refused = false;  // by on_body
};

int status_of(CURL* handle)
{
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    std::string_view piece(data, size * count);
    int status = status_of(transfer.handle);
    if (transfer.call.on_body && (status == 200 || status == 206)) {
        transfer.refused = !transfer.call.on_body(status, piece);
        return transfer.refused ? 0 : piece.size();
    }
    if (transfer.reply.body.size() + piece.size() > body_bytes_max)
        return 0;
    transfer.reply.body.append(piece);
    return piece.size();
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user)
{
    auto& transfer = *static_cast<Transfer*>(user);
    std::string_view line(data, size * count);
    if (line.starts_with("HTTP/"))
        transfer.reply.headers.clear();  // of an interim answer
    auto colon = line.find(':');
    if (colon == std::string_view::npos)
        return line.size();
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
    transfer.reply.headers[name] = value;
    return line.size();
}

std::size_t give_bytes(char* buffer, std::size_t size, std::size_t count, void* user)
{
    try {
        return static_cast<Transfer*>(user)->call.read(buffer, size * count);
    } catch (const std::exception&) {
        return CURL_READFUNC_ABORT;
    }
}

int seek_bytes(void* user, curl_off_t offset, int origin)
{
    auto& transfer = *static_cast<Transfer*>(user);
    bool done = origin == SEEK_SET && transfer.call.seek && transfer.call.seek(static_cast<std::uint64_t>(offset));
    return done ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

int watch_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent)
{
    auto& transfer = *static_cast<Transfer*>(user);
    if (transfer.call.on_sent)
        transfer.call.on_sent(static_cast<std::uint64_t>(sent));
    return 0;
}

void set_body(CURL* handle, const HttpCall& call, Transfer& transfer)
{
    if (call.read) {
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call.size));
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_bytes);
        curl_easy_setopt(handle, CURLOPT_READDATA, &transfer);
        curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, seek_bytes);
        curl_easy_setopt(handle, CURLOPT_SEEKDATA, &transfer);
    } else if (!call.body.empty() || call.method == "POST") {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call.body.c_str());
    }
    if (call.method == "HEAD")
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call.method.c_str());
}

void set_options(CURL* handle, const HttpCall& call, Transfer& transfer)
{
    curl_easy_setopt(handle, CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!call.ca.empty())
        curl_easy_setopt(handle, CURLOPT_CAINFO, call.ca.c_str());
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_max_ms);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, idle_max_seconds);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(call.time_max.count()));
    if (call.direct)
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    set_body(handle, call, transfer);
}

HttpFailure::Kind kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return HttpFailure::Kind::connect;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR: return HttpFailure::Kind::certificate;
    default: return HttpFailure::Kind::broken;
    }
}

}  // namespace

HttpReply http_call(const HttpCall& call)
{
    http::start_curl();
    http::CurlHandle handle(curl_easy_init());
    if (!handle)
        throw HttpFailure(HttpFailure::Kind::broken, "no memory");
    Transfer transfer{call, handle.get(), {}};
    http::CurlList headers;
    for (const std::string& header : call.headers) {
        curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
        if (!longer)
            throw HttpFailure(HttpFailure::Kind::broken, "no memory");
        static_cast<void>(headers.release());
        headers.reset(longer);
    }
    set_options(handle.get(), call, transfer);
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
    CURLcode code = curl_easy_perform(handle.get());
    transfer.reply.status = status_of(handle.get());
    // A server may answer and close while we still send: that answer is what counts.
    bool answered = transfer.reply.status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
    if (code != CURLE_OK && !answered && !transfer.refused)
        throw HttpFailure(kind_of(code), curl_easy_strerror(code));
    return std::move(transfer.reply);
}

}  // namespace gatehouse::app
