// SPDX-License-Identifier: Apache-2.0
// The client with services that speak TLS: whom it believes, and what it makes of those who break off.
#include "http/tls_client.hpp"

#include "http/client_fixture.hpp"
#include "http/server.hpp"
#include "http/tls_server.hpp"
#include "support/certificates.hpp"
#include "support/imposter_server.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"
#include "support/tls_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string last_ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const std::string unframed = "HTTP/1.1 200 OK\r\n\r\n";

class TlsClientTest : public testing::ClientFixture {
protected:
    // The imposters write with OpenSSL's own functions, to clients that have gone.
    TlsClientTest()
    {
        std::signal(SIGPIPE, SIG_IGN);
        target_ = "/";
    }

    std::shared_ptr<const TlsClient> trusting(TlsClientOptions options = {})
    {
        if (options.authorities.empty())
            options.authorities = authority_.file();
        return std::make_shared<TlsClient>(std::move(options));
    }

    std::string ask(std::uint16_t port, std::shared_ptr<const TlsClient> tls, std::string host = "127.0.0.1",
                    std::unique_ptr<BodyReader> body = std::make_unique<StringBody>())
    {
        Endpoint endpoint{
            .scheme = "https", .host = std::move(host), .port = port, .prefix = "", .tls = std::move(tls)};
        std::string method = body->length() == 0 ? "GET" : "POST";
        return ClientFixture::ask(std::move(endpoint), std::move(method), std::move(body)).body;
    }

    // What a failed handshake says.
    std::string refusal(std::uint16_t port, std::shared_ptr<const TlsClient> tls, std::string host = "127.0.0.1",
                        std::unique_ptr<BodyReader> body = std::make_unique<StringBody>())
    {
        try {
            return "answered " + ask(port, std::move(tls), std::move(host), std::move(body));
        } catch (const ConnectFailed& error) {
            EXPECT_EQ(error.kind(), ConnectFailed::Kind::handshake);
            return error.what();
        }
    }

    std::shared_ptr<TlsServer> serving(const std::string& names, std::chrono::seconds life = 1h)
    {
        return std::make_shared<TlsServer>(TlsServerOptions{.certificates = {authority_.issue("site", names, life)}});
    }
    static ServerOptions with(std::shared_ptr<TlsServer> tls)
    {
        ServerOptions options = quick_options();
        options.tls = std::move(tls);
        return options;
    }

    // Makes the handshake, then goes on.
    static ImposterServer::Script secured(TlsPeerSettings settings, std::function<void(TestTlsPeer&)> script)
    {
        return [settings = std::move(settings), script = std::move(script)](RawSocket& socket) {
            TestTlsPeer peer(socket, settings);
            ASSERT_TRUE(peer.handshake()) << take_tls_error();
            script(peer);
        };
    }
    // The same for a handshake that fails.
    static ImposterServer::Script refused(TlsPeerSettings settings)
    {
        return [settings = std::move(settings)](RawSocket& socket) {
            TestTlsPeer peer(socket, settings);
            EXPECT_FALSE(peer.handshake());
        };
    }

    TempDir directory_;
    CertificateAuthority authority_{directory_.path()};
};

TEST_F(TlsClientTest, RequestsAreSentAndTheConnectionIsUsedAgain)
{
    auto server_tls = serving("IP:127.0.0.1");
    TestServer server(echo, with(server_tls));
    auto tls = trusting();
    EXPECT_EQ(ask(server.port(), tls), "GET / ");
    EXPECT_EQ(ask(server.port(), tls), "GET / ");
    EXPECT_EQ(client_->idle_count(), 1U);
    EXPECT_EQ(server_tls->figures().full, 1U);
    EXPECT_EQ(server_tls->figures().resumed, 0U);
}

TEST_F(TlsClientTest, LargeBodiesGoBothWays)
{
    TestServer server(echo, with(serving("IP:127.0.0.1")));
    constexpr std::uint64_t size = 3'000'000;
    for (bool known : {true, false})
        EXPECT_EQ(ask(server.port(), trusting(), "127.0.0.1", std::make_unique<LongBody>(size, known)).size(),
                  size + 7);
}

TEST_F(TlsClientTest, TheNameOfTheUrlIsAskedForAndAnAddressIsNot)
{
    struct Case {
        std::string host, server_name, names, asked;
    };
    for (const Case& test :
         {Case{"localhost", "", "DNS:localhost", "localhost"}, Case{"127.0.0.1", "", "IP:127.0.0.1", ""},
          Case{"127.0.0.1", "orders.shop.example", "DNS:*.shop.example", "orders.shop.example"},
          Case{"localhost", "192.0.2.1", "IP:192.0.2.1", ""}}) {
        std::string asked = "nothing", protocols;
        ImposterServer server({secured({authority_.issue("site", test.names)}, [&](TestTlsPeer& peer) {
            asked = peer.server_name();
            protocols = peer.offered_protocols();
            peer.read_until("\r\n\r\n");
            peer.send(last_ok);
            peer.wait_for_end();
        })});
        EXPECT_EQ(ask(server.port(), trusting({.authorities = "", .server_name = test.server_name, .identity = {}}),
                      test.host),
                  "ok");
        EXPECT_EQ(asked, test.asked);
        EXPECT_EQ(protocols, "\x08http/1.1");
    }
}

TEST_F(TlsClientTest, ACertificateForAnotherNameIsRefused)
{
    TestServer server(echo, with(serving("DNS:other.example,IP:192.0.2.1")));
    EXPECT_THAT(refusal(server.port(), trusting(), "localhost"),
                ::testing::AllOf(HasSubstr("TLS as localhost failed"), HasSubstr("hostname mismatch")));
    EXPECT_THAT(refusal(server.port(), trusting()),
                ::testing::AllOf(HasSubstr("TLS as 127.0.0.1 failed"), HasSubstr("IP address mismatch")));
    EXPECT_EQ(client_->idle_count(), 0U);
    EXPECT_EQ(ask(server.port(), trusting({.authorities = "", .server_name = "OTHER.example", .identity = {}})),
              "GET / ");
}

TEST_F(TlsClientTest, AnUnknownAuthorityIsRefused)
{
    CertificateAuthority other(directory_.path(), "other");
    TestServer server(echo, with(serving("IP:127.0.0.1")));
    EXPECT_THAT(refusal(server.port(), trusting({.authorities = other.file(), .server_name = "", .identity = {}})),
                HasSubstr("certificate verify failed: unable to get local issuer certificate"));
    EXPECT_THAT(refusal(server.port(), std::make_shared<TlsClient>(TlsClientOptions{})),
                HasSubstr("unable to get local issuer certificate"));
}

TEST_F(TlsClientTest, AnExpiredCertificateIsRefused)
{
    TestServer server(echo, with(serving("IP:127.0.0.1", -60s)));
    EXPECT_THAT(refusal(server.port(), trusting()), HasSubstr("certificate has expired"));
}

TEST_F(TlsClientTest, OldVersionsAreRefused)
{
    auto identity = authority_.issue("site", "IP:127.0.0.1");
    ImposterServer server({refused({.identity = identity, .client_authorities = "", .version_max = TLS1_1_VERSION}),
                           secured({.identity = identity, .client_authorities = "", .version_max = TLS1_2_VERSION},
                                   [](TestTlsPeer& peer) {
                                       peer.read_until("\r\n\r\n");
                                       peer.send(last_ok);
                                       peer.wait_for_end();
                                   })});
    EXPECT_THAT(refusal(server.port(), trusting()), HasSubstr("protocol version"));
    EXPECT_EQ(ask(server.port(), trusting()), "ok");
}

TEST_F(TlsClientTest, AServerWithoutTlsIsToldApart)
{
    ImposterServer server({[](RawSocket& peer) { peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"); }});
    EXPECT_THAT(refusal(server.port(), trusting()), HasSubstr("what the peer sent is not TLS"));
}

TEST_F(TlsClientTest, AHandshakeThatIsNotAnsweredEndsWithTheTimeForConnecting)
{
    options_.connect_timeout = 100ms;
    ImposterServer server({[](RawSocket& peer) { peer.read_to_end(); }});
    try {
        ask(server.port(), trusting());
        ADD_FAILURE() << "answered";
    } catch (const ConnectFailed& error) {
        EXPECT_EQ(error.kind(), ConnectFailed::Kind::unreachable);
        EXPECT_THAT(error.what(), HasSubstr("TLS timed out"));
    }
}

TEST_F(TlsClientTest, NothingGoesOutWithoutATlsClient)
{
    ImposterServer server({[](RawSocket&) { ADD_FAILURE() << "connected"; }});
    EXPECT_THROW(ask(server.port(), nullptr), ConnectFailed);
}

TEST_F(TlsClientTest, AServerMayAskForOurCertificate)
{
    CertificateAuthority clients(directory_.path(), "clients");
    CertificateAuthority others(directory_.path(), "others");
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsPeerSettings settings{.identity = authority_.issue("site", "IP:127.0.0.1"),
                                 .client_authorities = clients.file(),
                                 .version_max = version};
        ImposterServer server({refused(settings), refused(settings), secured(settings, [](TestTlsPeer& peer) {
                                   peer.read_until("\r\n\r\n");
                                   peer.send(last_ok);
                                   peer.wait_for_end();
                               })});
        EXPECT_THAT(refusal(server.port(), trusting()), HasSubstr("alert")) << version;
        auto with = [&](CertificateFiles identity) {
            return trusting({.authorities = "", .server_name = "", .identity = std::move(identity)});
        };
        EXPECT_THAT(refusal(server.port(), with(others.issue("stranger", "DNS:gateway"))), HasSubstr("alert"));
        EXPECT_EQ(ask(server.port(), with(clients.issue("gateway", "DNS:gateway"))), "ok");
    }
}

TEST_F(TlsClientTest, ABodyThatEndsWithTheConnectionMustEndRegularly)
{
    TlsPeerSettings settings{authority_.issue("site", "IP:127.0.0.1")};
    auto answers = [&](std::string text, bool regular) {
        return secured(settings, [text = std::move(text), regular](TestTlsPeer& peer) {
            peer.read_until("\r\n\r\n");
            peer.send(text);
            if (regular)
                peer.close_notify();
        });
    };
    ImposterServer server({answers(unframed + "whole", true), answers(unframed + "half", false), answers(ok, false),
                           answers("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\nhalf", true)});
    auto tls = trusting();
    EXPECT_EQ(ask(server.port(), tls), "whole");
    EXPECT_THROW(ask(server.port(), tls), UpstreamError);
    EXPECT_EQ(ask(server.port(), tls), "ok");
    EXPECT_THROW(ask(server.port(), tls), UpstreamError);
}

TEST_F(TlsClientTest, SessionsAreResumed)
{
    auto server_tls = serving("DNS:localhost");
    TestServer server(echo, with(server_tls));
    auto tls = trusting();
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(ask(server.port(), tls, "localhost"), "GET / ");
        client_->close_idle();
    }
    EXPECT_EQ(server_tls->figures().full, 1U);
    EXPECT_EQ(server_tls->figures().resumed, 3U);
}

TEST_F(TlsClientTest, SessionsOfTls12AreResumedMoreThanOnce)
{
    // As OpenSSL keeps them; the sessions of one peer cannot be resumed by another.
    UniqueSslContext context(SSL_CTX_new(TLS_server_method()));
    CertificateFiles files = authority_.issue("site", "IP:127.0.0.1");
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM), 1);
    std::atomic<int> resumed = 0;
    auto script = [&](RawSocket& socket) {
        UniqueSsl ssl(SSL_new(context.get()));
        SSL_set_fd(ssl.get(), socket.fd());
        ASSERT_EQ(SSL_accept(ssl.get()), 1) << take_tls_error();
        resumed += SSL_session_reused(ssl.get());
        char request[1024];
        ASSERT_GT(SSL_read(ssl.get(), request, sizeof request), 0);
        SSL_write(ssl.get(), last_ok.data(), static_cast<int>(last_ok.size()));
        SSL_shutdown(ssl.get());
    };
    ImposterServer server({script, script, script});
    auto tls = trusting();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask(server.port(), tls), "ok");
    EXPECT_EQ(resumed, 2);
}

TEST_F(TlsClientTest, NothingIsSharedBetweenThoseWhoTrustOthers)
{
    auto server_tls = serving("IP:127.0.0.1");
    TestServer server(echo, with(server_tls));
    auto tls = trusting();
    EXPECT_EQ(ask(server.port(), tls), "GET / ");
    CertificateAuthority other(directory_.path(), "other");
    EXPECT_THAT(refusal(server.port(), trusting({.authorities = other.file(), .server_name = "", .identity = {}})),
                HasSubstr("certificate verify failed"));
    EXPECT_THAT(refusal(server.port(), trusting({.authorities = "", .server_name = "other.example", .identity = {}})),
                HasSubstr("hostname mismatch"));
    EXPECT_EQ(client_->idle_count(), 1U);
    EXPECT_EQ(ask(server.port(), trusting()), "GET / ");
    EXPECT_EQ(server_tls->figures().full, 2U);
    EXPECT_EQ(server_tls->figures().resumed, 0U);
}

TEST_F(TlsClientTest, ConnectionsOfSettingsThatAreNotUsedAnyMoreAreClosed)
{
    TestServer server(echo, with(serving("IP:127.0.0.1")));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(ask(server.port(), trusting()), "GET / ");
    EXPECT_EQ(client_->idle_count(), 1U);
}

TEST_F(TlsClientTest, FilesThatCannotBeUsedAreNamed)
{
    auto problem = [&](TlsClientOptions options) -> std::string {
        try {
            TlsClient client(std::move(options));
            return "none";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    };
    std::string broken = (directory_.path() / "broken.pem").string();
    std::ofstream(broken) << "no certificate\n";
    CertificateFiles a = authority_.issue("a", "DNS:a"), b = authority_.issue("b", "DNS:b");
    EXPECT_EQ(problem({.authorities = "/nowhere.pem", .server_name = "", .identity = {}}),
              "the authorities file /nowhere.pem does not exist");
    EXPECT_THAT(problem({.authorities = broken, .server_name = "", .identity = {}}),
                HasSubstr("the authorities file " + broken + " cannot be used"));
    EXPECT_THAT(problem({.authorities = a.key, .server_name = "", .identity = {}}),
                HasSubstr("the authorities file " + a.key));
    EXPECT_EQ(problem({.authorities = "", .server_name = "", .identity = {a.certificate, b.key}}),
              "the key file " + b.key + " does not belong to the certificate file " + a.certificate);
}

TEST_F(TlsClientTest, TheFingerprintChangesWithTheFiles)
{
    TlsClientOptions options{.authorities = authority_.file(), .server_name = "", .identity = {}};
    std::string before = TlsClient::fingerprint_of(options);
    EXPECT_EQ(TlsClient(options).fingerprint(), before);
    CertificateAuthority again(directory_.path());
    EXPECT_NE(TlsClient::fingerprint_of(options), before);
}

TEST(TlsSessionsTest, WhatCannotBeResumedIsNotOffered)
{
    TlsSessions sessions;
    EXPECT_EQ(sessions.take(), nullptr);
    sessions.verified();
    for (std::size_t i = 0; i < 2 * TlsSessions::kept_max; ++i)
        sessions.keep(UniqueSslSession(SSL_SESSION_new()));
    EXPECT_EQ(sessions.take(), nullptr);
}

}  // namespace
}  // namespace gatehouse::http
