// SPDX-License-Identifier: Apache-2.0
// The client's side of TLS: whom it trusts, who it says it is, and the sessions that it resumes.
//
// TLS 1.2 and 1.3 as the server's side (tls_context.hpp), HTTP/1.1 by ALPN. The peer's certificate is always verified,
// with the name or the address that was asked for; there is no way around that.
#pragma once

#include "http/tls_objects.hpp"
#include "http/tls_options.hpp"
#include "http/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::http {

// What can be resumed at one server. Belongs to the connections made with it and outlives them; one thread.
//
// A resumed session stands on an earlier verification. So nothing is resumed an hour after the last one, nor when the
// certificate has expired meanwhile.
class TlsSessions final {
public:
    static constexpr std::chrono::minutes life{60};
    static constexpr std::size_t kept_max = 8;

    TlsSessions() = default;
    TlsSessions(const TlsSessions&) = delete;
    TlsSessions& operator=(const TlsSessions&) = delete;

    // For one connection; null when a full handshake must be made. A session of TLS 1.3 is used once.
    UniqueSslSession take();
    void keep(UniqueSslSession session);
    void verified() { verified_at_ = std::chrono::steady_clock::now(); }
    void forget() { kept_.clear(); }

private:
    std::vector<UniqueSslSession> kept_;  // the newest last
    std::chrono::steady_clock::time_point verified_at_;
};

// Does not change: any thread. What is in the files was read when it was made.
class TlsClient final {
public:
    // Throws std::runtime_error, one sentence that names the file.
    explicit TlsClient(TlsClientOptions options);
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    // For one connection to `host`, an address or a name.
    UniqueSsl connect(const std::string& host, TlsSessions& sessions) const;
    // What the certificate must be valid for.
    std::string name_for(const std::string& host) const;

    // Two with the same one trust the same authorities and show the same certificate, unless a file was changed while
    // one of them read it.
    const std::string& fingerprint() const { return fingerprint_; }
    // No other in this process has it.
    std::uint64_t id() const { return id_; }

    static std::string fingerprint_of(const TlsClientOptions& options);

private:
    TlsClientOptions options_;
    std::string fingerprint_;
    std::uint64_t id_;
    UniqueSslContext context_;
};

// The endpoint, with a TlsClient of its own where it is https://. Throws as TlsClient.
Endpoint secured(Endpoint endpoint, const TlsClientOptions& options);

}  // namespace gatehouse::http
