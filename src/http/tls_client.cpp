// SPDX-License-Identifier: Apache-2.0
#include "http/tls_client.hpp"

#include "base/sha256.hpp"
#include "http/tls_context.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace gatehouse::http {

namespace {

constexpr std::string_view protocols = "\x08http/1.1";

std::uint64_t next_id()
{
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

bool is_address(const std::string& name)
{
    boost::system::error_code error;
    boost::asio::ip::make_address(name, error);
    return !error;
}

// A file that cannot be read is told about by who uses it.
void add_file(Sha256& digest, const std::string& file)
{
    digest.update(file);
    digest.update(std::string_view("\0", 1));
    std::ifstream stream(file, std::ios::binary);
    std::array<char, 16 * 1024> piece{};
    while (stream.read(piece.data(), piece.size()) || stream.gcount() > 0)
        digest.update(std::string_view(piece.data(), static_cast<std::size_t>(stream.gcount())));
    digest.update(std::string_view("\0", 1));
}

// As OpenSSL finds it.
std::string system_authorities()
{
    const char* named = std::getenv(X509_get_default_cert_file_env());
    return named ? named : X509_get_default_cert_file();
}

// OpenSSL has a session that can be resumed, by a ticket that came with or after the handshake.
int on_session(SSL* ssl, SSL_SESSION* session)
{
    static_cast<TlsSessions*>(SSL_get_app_data(ssl))->keep(UniqueSslSession(session));
    return 1;  // it is ours now
}

UniqueSslContext make_context(const TlsClientOptions& options)
{
    UniqueSslContext made = make_tls_context(TLS_client_method(), TLS1_2_VERSION);
    SSL_CTX* context = made.get();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (options.authorities.empty()) {
        check_tls(SSL_CTX_set_default_verify_paths(context) == 1, "find the system's authorities");
    } else {
        use_authorities(context, options.authorities);
        // What is named there is trusted, whoever vouches for it in turn.
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    }
    if (!options.identity.certificate.empty())
        use_certificate(context, options.identity);
    check_tls(SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                                      static_cast<unsigned>(protocols.size())) == 0,
              "offer HTTP/1.1");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    ERR_clear_error();
    return made;
}

}  // namespace

UniqueSslSession TlsSessions::take()
{
    if (std::chrono::steady_clock::now() - verified_at_ >= life)
        forget();
    while (!kept_.empty()) {
        UniqueSslSession session = std::move(kept_.back());
        kept_.pop_back();
        X509* peer = SSL_SESSION_get0_peer(session.get());
        if (SSL_SESSION_is_resumable(session.get()) != 1 || !peer ||
            X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
            continue;
        if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION && SSL_SESSION_up_ref(session.get()) == 1)
            kept_.emplace_back(session.get());
        return session;
    }
    return nullptr;
}

void TlsSessions::keep(UniqueSslSession session)
{
    if (kept_.size() == kept_max)
        kept_.erase(kept_.begin());
    kept_.push_back(std::move(session));
}

TlsClient::TlsClient(TlsClientOptions options)
    : options_(std::move(options)), fingerprint_(fingerprint_of(options_)), id_(next_id()),
      context_(make_context(options_))
{
}

UniqueSsl TlsClient::connect(const std::string& host, TlsSessions& sessions) const
{
    std::string name = name_for(host);
    ERR_clear_error();
    UniqueSsl made(SSL_new(context_.get()));
    SSL* ssl = made.get();
    check_tls(ssl != nullptr, "make a connection");
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_address(name))
        check_tls(X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1, "verify the address");
    else
        check_tls(X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size()) == 1 &&
                      SSL_set_tlsext_host_name(ssl, name.c_str()) == 1,
                  "verify the name");
    SSL_set_app_data(ssl, &sessions);
    if (auto session = sessions.take())
        check_tls(SSL_set_session(ssl, session.get()) == 1, "resume a session");
    SSL_set_connect_state(ssl);
    return made;
}

std::string TlsClient::name_for(const std::string& host) const
{
    std::string name = options_.server_name.empty() ? host : options_.server_name;
    if (name.ends_with('.'))  // of DNS, not of the name
        name.pop_back();
    return name;
}

std::string TlsClient::fingerprint_of(const TlsClientOptions& options)
{
    Sha256 digest;
    add_file(digest, options.authorities.empty() ? system_authorities() : options.authorities);
    add_file(digest, options.identity.certificate);
    add_file(digest, options.identity.key);
    return digest.finish();
}

Endpoint secured(Endpoint endpoint, const TlsClientOptions& options)
{
    if (endpoint.scheme == "https")
        endpoint.tls = std::make_shared<TlsClient>(options);
    return endpoint;
}

}  // namespace gatehouse::http
