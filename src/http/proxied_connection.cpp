// SPDX-License-Identifier: Apache-2.0
#include "http/proxied_connection.hpp"

#include "http/proxy_header.hpp"

#include <array>

namespace gatehouse::http {

namespace {

// A proxy sends it together with the connection.
constexpr std::chrono::milliseconds header_time{5'000};

}  // namespace

Task<std::optional<std::string>> ProxiedConnection::find_source()
{
    SteadyTime deadline = coarse_now() + header_time;
    std::array<char, ProxyHeader::bytes_max> bytes;
    std::size_t received = 0;
    ProxyHeader header;
    while (header.state == ProxyHeader::State::incomplete) {
        std::size_t size = 0;
        IoStatus status = stream_.read_now(std::span(bytes).subspan(received, header.size - received), size);
        if (status == IoStatus::would_block) {
            stream_.set_deadline(deadline);
            auto result = co_await stream_.readable();
            status = stream_.waited(result);
        }
        if (status != IoStatus::done)
            co_return std::nullopt;
        received += size;
        header = parse_proxy_header({bytes.data(), received});
    }
    if (header.state == ProxyHeader::State::invalid)
        co_return std::nullopt;
    co_return std::move(header.source);
}

}  // namespace gatehouse::http
