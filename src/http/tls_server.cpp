// SPDX-License-Identifier: Apache-2.0
#include "http/tls_server.hpp"

#include "base/error.hpp"
#include "http/tls_context.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <mutex>
#include <span>
#include <unordered_map>

namespace gatehouse::http {

namespace {

constexpr std::chrono::hours ticket_key_life{6};  // and then once more as long for reading
constexpr std::string_view session_context = "gatehouse";

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::chrono::system_clock::time_point expiry_of(X509* certificate)
{
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
        return {};
    return std::chrono::system_clock::from_time_t(::timegm(&time));
}

std::vector<std::string> names_of(X509* certificate)
{
    std::vector<std::string> names;
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS)
            continue;
        std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        std::ranges::transform(text, text.begin(), to_lower);
        names.push_back(std::move(text));
    }
    GENERAL_NAMES_free(all);
    return names;
}

CertificateInfo describe(SSL_CTX* context, const std::string& file)
{
    X509* certificate = SSL_CTX_get0_certificate(context);
    return {.file = file, .names = names_of(certificate), .expires = expiry_of(certificate)};
}

}  // namespace

CertificateInfo read_certificate(const CertificateFiles& files)
{
    UniqueSslContext context(SSL_CTX_new(TLS_server_method()));
    check_tls(context != nullptr, "make a context");
    use_certificate(context.get(), files);
    return describe(context.get(), files.certificate);
}

// The certificates of one moment, each with a context of its own.
struct TlsServer::Identities {
    std::vector<UniqueSslContext> contexts;
    std::vector<CertificateInfo> infos;
    std::unordered_map<std::string, SSL_CTX*> by_name;

    // Null when no certificate has the name. A wildcard stands for one label (RFC 9525 section 6.3).
    SSL_CTX* find(std::string name) const
    {
        std::ranges::transform(name, name.begin(), to_lower);
        auto found = by_name.find(name);
        std::size_t dot = name.find('.');
        if (found == by_name.end() && dot != std::string::npos)
            found = by_name.find("*" + name.substr(dot));
        return found == by_name.end() ? nullptr : found->second;
    }
};

// RFC 5077: what is in a ticket is for us alone. The current key seals; the one before is still read.
class TlsServer::TicketKeys final {
public:
    TicketKeys() : cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr))
    {
        check_tls(cipher_ != nullptr, "find a cipher for tickets");
        renew();
    }
    ~TicketKeys() { EVP_CIPHER_free(cipher_); }
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    // 1: sealed. -1: failed.
    int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac)
    {
        Key key = current();
        std::memcpy(name, key.name.data(), key.name.size());
        bool fine = RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_)) == 1 &&
                    EVP_EncryptInit_ex(cipher, cipher_, nullptr, key.secret.data(), iv) == 1 && set_mac(mac, key);
        return fine ? 1 : -1;
    }

    // 1: opened, 2: and to be sealed anew, 0: not one of ours.
    int open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac)
    {
        Key newest = current();
        Key key = newest;
        if (std::memcmp(name, key.name.data(), key.name.size()) != 0) {
            std::lock_guard lock(mutex_);
            key = previous_;
        }
        if (std::memcmp(name, key.name.data(), key.name.size()) != 0)
            return 0;
        if (EVP_DecryptInit_ex(cipher, cipher_, nullptr, key.secret.data(), iv) != 1 || !set_mac(mac, key))
            return -1;
        return key.name == newest.name ? 1 : 2;
    }

private:
    struct Key {
        std::array<unsigned char, 16> name{};
        std::array<unsigned char, 32> secret{};
        std::array<unsigned char, 32> mac{};
    };

    void renew()
    {
        previous_ = current_;
        for (std::span<unsigned char> part :
             {std::span<unsigned char>(current_.name), std::span<unsigned char>(current_.secret),
              std::span<unsigned char>(current_.mac)})
            check_tls(RAND_priv_bytes(part.data(), static_cast<int>(part.size())) == 1, "make a key for tickets");
        made_ = std::chrono::steady_clock::now();
    }

    Key current()
    {
        std::lock_guard lock(mutex_);
        if (std::chrono::steady_clock::now() - made_ > ticket_key_life)
            renew();
        return current_;
    }

    static bool set_mac(EVP_MAC_CTX* mac, Key& key)
    {
        char digest[] = "SHA256";
        OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
        return EVP_MAC_CTX_set_params(mac, parameters) == 1;
    }

    EVP_CIPHER* cipher_;
    std::mutex mutex_;
    Key current_;
    Key previous_;
    std::chrono::steady_clock::time_point made_;
};

// What OpenSSL calls during a handshake.
struct TlsServerCallbacks {
    static int choose_certificate(SSL* ssl, int*, void* argument)
    {
        const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (!name)
            return SSL_TLSEXT_ERR_NOACK;
        auto identities = static_cast<TlsServer*>(argument)->identities_.load();
        SSL_CTX* context = identities->find(name);
        if (context)
            SSL_set_SSL_CTX(ssl, context);
        return context ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
    }

    static int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                               unsigned in_size, void* argument)
    {
        static constexpr std::string_view names[] = {"h2", "http/1.1", "http/1.0"};
        bool http2 = static_cast<TlsServer*>(argument)->options_.http2;
        for (std::string_view name : names) {
            if (name == "h2" && !http2)
                continue;
            for (unsigned at = 0; at < in_size; at += 1U + in[at]) {
                if (std::string_view(reinterpret_cast<const char*>(in + at + 1), in[at]) == name) {
                    *out = in + at + 1;
                    *out_size = in[at];
                    return SSL_TLSEXT_ERR_OK;
                }
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 section 3.2: no_application_protocol
    }

    static int use_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                              EVP_MAC_CTX* mac, int sealing)
    {
        auto& server = *static_cast<TlsServer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        try {
            if (sealing)
                return server.tickets_->seal(name, iv, cipher, mac);
            int opened = server.tickets_->open(name, iv, cipher, mac);
            // Clients use a ticket of TLS 1.3 once (RFC 8446 appendix C.4), so they get a new one for it.
            return opened == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : opened;
        } catch (const std::exception&) {
            return -1;
        }
    }
};

TlsServer::TlsServer(TlsServerOptions options)
    : options_(std::move(options)), tickets_(std::make_unique<TicketKeys>()), identities_(load(options_.certificates))
{
}

TlsServer::~TlsServer() = default;

void TlsServer::reload(std::vector<CertificateFiles> certificates)
{
    identities_.store(load(certificates));
    options_.certificates = std::move(certificates);
}

void TlsServer::reload() { identities_.store(load(options_.certificates)); }

std::vector<CertificateInfo> TlsServer::certificates() const { return identities_.load()->infos; }

UniqueSsl TlsServer::accept() const
{
    UniqueSsl ssl(SSL_new(identities_.load()->contexts.front().get()));
    check_tls(ssl != nullptr, "make a connection");
    SSL_set_accept_state(ssl.get());
    return ssl;
}

std::shared_ptr<const TlsServer::Identities> TlsServer::load(const std::vector<CertificateFiles>& certificates)
{
    GH_ASSERT(!certificates.empty());
    auto identities = std::make_shared<Identities>();
    for (const CertificateFiles& files : certificates) {
        UniqueSslContext context = make_context(files);
        CertificateInfo info = describe(context.get(), files.certificate);
        for (const std::string& name : info.names)
            identities->by_name.emplace(name, context.get());
        identities->infos.push_back(std::move(info));
        identities->contexts.push_back(std::move(context));
    }
    return identities;
}

UniqueSslContext TlsServer::make_context(const CertificateFiles& files)
{
    int version = options_.version_min == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    UniqueSslContext made = make_tls_context(TLS_server_method(), version);
    SSL_CTX* context = made.get();
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_timeout(context, std::chrono::seconds(ticket_key_life).count());
    SSL_CTX_set_num_tickets(context, 1);
    check_tls(SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_context.data()),
                                             static_cast<unsigned>(session_context.size())) == 1,
              "name its sessions");
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TlsServerCallbacks::use_ticket_key);
    SSL_CTX_set_tlsext_servername_callback(context, TlsServerCallbacks::choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, this);
    SSL_CTX_set_alpn_select_cb(context, TlsServerCallbacks::choose_protocol, this);
    use_certificate(context, files);
    return made;
}

}  // namespace gatehouse::http
