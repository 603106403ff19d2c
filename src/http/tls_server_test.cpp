// SPDX-License-Identifier: Apache-2.0
#include "http/tls_server.hpp"

#include "http/server.hpp"
#include "support/certificates.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"
#include "support/tls_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// The DNS names in the certificate that the server showed.
std::string shown_name(TestTlsClient& client)
{
    UniqueCertificate certificate(SSL_get1_peer_certificate(client.ssl()));
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_organizationName, name, sizeof name);
    return name;
}

class TlsServerTest : public ::testing::Test {
protected:
    std::shared_ptr<TlsServer> make_tls(TlsServerOptions options)
    {
        if (options.certificates.empty())
            options.certificates = {authority.issue("a", "DNS:a.example")};
        return std::make_shared<TlsServer>(std::move(options));
    }
    ServerOptions with_tls(TlsServerOptions options = {})
    {
        ServerOptions result = quick_options();
        result.tls = make_tls(std::move(options));
        return result;
    }

    TempDir directory;
    CertificateAuthority authority{directory.path()};
};

TEST_F(TlsServerTest, BothVersionsAreServedAndOlderOnesAreNot)
{
    TestServer server(echo, with_tls());
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TestTlsClient client(server.port(), {.version_min = version, .version_max = version});
        ASSERT_TRUE(client.handshake()) << version;
        EXPECT_EQ(client.ask(get_root).body, "GET / ");
        EXPECT_EQ(client.ask(get_root).body, "GET / ");
    }
    TestTlsClient old(server.port(), {.version_min = TLS1_VERSION, .version_max = TLS1_1_VERSION});
    EXPECT_FALSE(old.handshake());
}

TEST_F(TlsServerTest, Tls12CanBeSwitchedOff)
{
    TestServer server(echo, with_tls({.version_min = TlsVersion::tls13}));
    TestTlsClient old(server.port(), {.version_max = TLS1_2_VERSION});
    EXPECT_FALSE(old.handshake());
    TestTlsClient client(server.port());
    EXPECT_TRUE(client.handshake());
}

TEST_F(TlsServerTest, CiphersWithoutForwardSecrecyAreRefused)
{
    TestServer server(echo, with_tls());
    for (const char* cipher : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"}) {
        TestTlsClient client(server.port(), {.version_max = TLS1_2_VERSION});
        SSL_set_cipher_list(client.ssl(), cipher);
        EXPECT_FALSE(client.handshake()) << cipher;
    }
}

TEST_F(TlsServerTest, TheHandlerSeesTheScheme)
{
    auto handler = [](Request& request) { return ignore_body_as(request.scheme); };
    TestServer server(handler, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    EXPECT_EQ(client.ask(get_root).body, "https");
}

TEST_F(TlsServerTest, TheNameChoosesTheCertificateAndTheFirstIsForTheOthers)
{
    TestServer server(
        echo, with_tls({.certificates = {authority.issue("a", "DNS:a.example"), authority.issue("b", "DNS:B.example"),
                                         authority.issue("c", "DNS:c.example,DNS:*.c.example")}}));
    auto chosen = [&](const std::string& name) {
        TestTlsClient client(server.port(), {.server_name = name});
        return client.handshake() ? shown_name(client) : "none";
    };
    EXPECT_EQ(chosen("b.example"), "DNS:B.example");
    EXPECT_EQ(chosen("B.EXAMPLE"), "DNS:B.example");
    EXPECT_EQ(chosen("c.example"), "DNS:c.example,DNS:*.c.example");
    EXPECT_EQ(chosen("x.c.example"), "DNS:c.example,DNS:*.c.example");
    EXPECT_EQ(chosen("y.x.c.example"), "DNS:a.example");
    EXPECT_EQ(chosen("elsewhere.example"), "DNS:a.example");
    EXPECT_EQ(chosen(""), "DNS:a.example");
}

TEST_F(TlsServerTest, Http2IsChosenOnlyWhereItIsOffered)
{
    std::string both("\x02h2\x08http/1.1");
    for (bool http2 : {false, true}) {
        auto tls = make_tls({.http2 = http2});
        ServerOptions options = quick_options();
        options.tls = tls;
        TestServer server(echo, options);
        TestTlsClient client(server.port(), {.alpn = both});
        ASSERT_TRUE(client.handshake());
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(client.ssl(), &name, &size);
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), size), http2 ? "h2" : "http/1.1");
    }
}

TEST_F(TlsServerTest, AClientThatSpeaksNoneOfOurProtocolsIsRefused)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port(), {.alpn = std::string("\x03"
                                                             "foo")});
    EXPECT_FALSE(client.handshake());
}

TEST_F(TlsServerTest, ASessionIsResumedByItsTicketAlsoAfterAReload)
{
    auto tls = make_tls({});
    ServerOptions options = quick_options();
    options.tls = tls;
    TestServer server(echo, options);
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TestTlsClient first(server.port(), {.version_min = version, .version_max = version});
        ASSERT_TRUE(first.handshake());
        first.ask(get_root);
        UniqueSslSession session(SSL_get1_session(first.ssl()));
        tls->reload();
        TestTlsClient second(server.port(), {.version_min = version, .version_max = version, .session = session.get()});
        ASSERT_TRUE(second.handshake());
        EXPECT_EQ(second.ask(get_root).body, "GET / ");
        EXPECT_EQ(SSL_session_reused(second.ssl()), 1) << version;
    }
    EXPECT_EQ(tls->figures().full.load(), 2U);
    EXPECT_EQ(tls->figures().resumed.load(), 2U);
}

TEST_F(TlsServerTest, ARenewedCertificateIsUsedWithoutDisturbingOpenConnections)
{
    auto tls = make_tls({.certificates = {authority.issue("site", "DNS:old.example")}});
    ServerOptions options = quick_options();
    options.tls = tls;
    TestServer server(echo, options);
    TestTlsClient open(server.port());
    ASSERT_TRUE(open.handshake());
    EXPECT_EQ(shown_name(open), "DNS:old.example");
    authority.issue("site", "DNS:new.example");
    tls->reload();
    EXPECT_THAT(tls->certificates().at(0).names, ElementsAre("new.example"));
    TestTlsClient next(server.port());
    ASSERT_TRUE(next.handshake());
    EXPECT_EQ(shown_name(next), "DNS:new.example");
    EXPECT_EQ(open.ask(get_root).body, "GET / ");
}

TEST_F(TlsServerTest, AWrongNewFileLeavesTheOldCertificateInForceAndSaysWhy)
{
    CertificateFiles files = authority.issue("site", "DNS:a.example");
    auto tls = make_tls({.certificates = {files}});
    ServerOptions options = quick_options();
    options.tls = tls;
    TestServer server(echo, options);

    auto failure = [&] {
        try {
            tls->reload();
            return std::string();
        } catch (const std::runtime_error& error) {
            return std::string(error.what());
        }
    };
    CertificateFiles other = authority.issue("other", "DNS:b.example");
    std::filesystem::copy_file(other.key, files.key, std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(failure(), "the key file " + files.key + " does not belong to the certificate file " + files.certificate);
    std::ofstream(files.certificate) << "no PEM";
    EXPECT_THAT(failure(), HasSubstr("the certificate file " + files.certificate + " cannot be used: "));
    std::filesystem::remove(files.certificate);
    EXPECT_EQ(failure(), "the certificate file " + files.certificate + " does not exist");

    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    EXPECT_EQ(shown_name(client), "DNS:a.example");
}

TEST_F(TlsServerTest, ASlowHandshakeIsCut)
{
    ServerOptions options = with_tls();
    options.handshake_timeout = std::chrono::milliseconds{200};
    TestServer server(echo, options);
    RawSocket silent = RawSocket::connect(server.port());
    RawSocket slow = RawSocket::connect(server.port());
    slow.send("\x16\x03\x01");
    EXPECT_EQ(silent.read_to_end(), "");
    EXPECT_EQ(slow.read_to_end(), "");
    EXPECT_EQ(options.tls->figures().failed.load(), 2U);
}

TEST_F(TlsServerTest, PlainHttpIsToldToUseHttps)
{
    TestServer server(echo, with_tls());
    RawSocket client = RawSocket::connect(server.port());
    RawResponse response = client.ask(get_root);
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body, HasSubstr("\"tls_required\""));
    client.close();
    RawSocket garbage = RawSocket::connect(server.port());
    garbage.send("\x05\x01\x02 what is this\r\n\r\n");
    garbage.read_to_end();
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST_F(TlsServerTest, TheEndIsAnnouncedAfterARegularAnswerAlone)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), HasSubstr("\r\n\r\nGET / "));
    EXPECT_TRUE(client.closed_cleanly());

    auto breaks = [](Request&) -> Task<Response> {
        co_return stream_response(std::make_unique<PiecesBody>(std::vector<std::string>{"one"}, std::nullopt, true));
    };
    TestServer breaking(breaks, with_tls());
    TestTlsClient http10(breaking.port());
    ASSERT_TRUE(http10.handshake());
    http10.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    http10.read_to_end();
    EXPECT_FALSE(http10.closed_cleanly());
}

TEST_F(TlsServerTest, HeadAndSmallBodyLeaveInOneRecord)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    client.send(get_root);
    EXPECT_THAT(client.read_some(), ::testing::EndsWith("\r\n\r\nGET / "));
}

TEST_F(TlsServerTest, PipelinedRequestsThatCameInOneRecordAreAllAnswered)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    std::string all;
    for (int i = 0; i < 400; ++i)
        all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.send(all);
    for (int i = 0; i < 400; ++i)
        ASSERT_EQ(client.read_response().body, "POST /" + std::to_string(i) + " abc");
}

TEST_F(TlsServerTest, ARequestInManySmallRecordsIsOneRequest)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    for (char c : std::string("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nslow"))
        client.send({&c, 1});
    EXPECT_EQ(client.read_response().body, "POST /x slow");
}

TEST_F(TlsServerTest, ALongBodyArrivesWhole)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    std::string body(3'000'000, 'b');
    for (std::size_t i = 0; i < body.size(); i += 1000)
        body[i] = static_cast<char>('a' + i / 1000 % 26);
    for (int i = 0; i < 3; ++i) {
        std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        client.send(head);
        client.send(body);
        ASSERT_EQ(client.read_response().body, "POST /x " + body);
    }
}

Task<Response> long_answer(Request&) { co_return stream_response(std::make_unique<LongBody>(20'000'000, true)); }

TEST_F(TlsServerTest, AClientThatReadsLateStillGetsAll)
{
    TestServer server(long_answer, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    client.send(get_root);
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    EXPECT_EQ(client.read_response().body, std::string(20'000'000, 'x'));
    EXPECT_EQ(client.ask(get_root).status, 200);
}

TEST_F(TlsServerTest, RenegotiationIsRefused)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port(), {.version_max = TLS1_2_VERSION});
    ASSERT_TRUE(client.handshake());
    SSL_renegotiate(client.ssl());
    EXPECT_LE(SSL_do_handshake(client.ssl()), 0);
}

TEST_F(TlsServerTest, NewKeysAreTakenAndAFloodOfThemEndsTheConnection)
{
    TestServer server(echo, with_tls());
    TestTlsClient client(server.port());
    ASSERT_TRUE(client.handshake());
    for (int i = 0; i < 5; ++i)
        SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), SSL_do_handshake(client.ssl());
    EXPECT_EQ(client.ask(get_root).status, 200);
    std::signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 5000 && server.server().connection_count() > 0; ++i) {
        if (SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(client.ssl()) != 1)
            break;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    EXPECT_TRUE(server.wait_for_connections(0));
}

TEST_F(TlsServerTest, DrainingClosesIdleConnectionsAndHandshakesAtOnce)
{
    auto server = std::make_unique<TestServer>(echo, with_tls());
    TestTlsClient idle(server->port());
    ASSERT_TRUE(idle.handshake());
    idle.ask(get_root);
    RawSocket silent = RawSocket::connect(server->port());
    ASSERT_TRUE(server->wait_for_connections(2));
    auto began = std::chrono::steady_clock::now();
    server->server().drain(std::chrono::milliseconds{10'000});
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{2});
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_TRUE(idle.closed_cleanly());
}

TEST_F(TlsServerTest, AnExpiredCertificateCanStillBeReadAndSaysSo)
{
    CertificateInfo info = read_certificate(authority.issue("late", "DNS:late.example", std::chrono::hours{-1}));
    EXPECT_LT(info.expires, std::chrono::system_clock::now());
    EXPECT_THAT(info.names, ElementsAre("late.example"));
}

}  // namespace
}  // namespace gatehouse::http
