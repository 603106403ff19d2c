// SPDX-License-Identifier: Apache-2.0
// The server's side of TLS: certificates, chosen by the name that a client asks for, and the rules of the handshake.
//
// TLS 1.2 and 1.3, forward secrecy and authenticated encryption only, no renegotiation, no compression, no early data.
// Sessions are resumed by tickets, whose keys live in memory alone and change every few hours; another process cannot
// read them, its clients make a full handshake. Any thread; outlives its connections.
#pragma once

#include "http/tls_objects.hpp"
#include "http/tls_options.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace gatehouse::http {

class TlsServer final {
public:
    // Throws as read_certificate().
    explicit TlsServer(TlsServerOptions options);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    // Reads `certificates` and uses them for connections from now on. Throws as read_certificate(); then those from
    // before stay in force. From one thread at a time.
    void reload(std::vector<CertificateFiles> certificates);
    void reload();  // the same files again

    std::vector<CertificateInfo> certificates() const;

    // For one connection.
    UniqueSsl accept() const;

    struct Figures {
        std::atomic<std::uint64_t> full{0};     // handshakes
        std::atomic<std::uint64_t> resumed{0};  // likewise, by a ticket
        std::atomic<std::uint64_t> failed{0};
    };
    Figures& figures() { return figures_; }

private:
    struct Identities;
    class TicketKeys;
    friend struct TlsServerCallbacks;

    std::shared_ptr<const Identities> load(const std::vector<CertificateFiles>& certificates);
    UniqueSslContext make_context(const CertificateFiles& files);

    TlsServerOptions options_;
    std::unique_ptr<TicketKeys> tickets_;
    std::atomic<std::shared_ptr<const Identities>> identities_;
    Figures figures_;
};

}  // namespace gatehouse::http
