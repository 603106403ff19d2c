// SPDX-License-Identifier: Apache-2.0
#include "http/public_side.hpp"

#include "http/server.hpp"
#include "support/certificates.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_dir.hpp"
#include "support/test_server.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {
namespace {

using namespace gatehouse::testing;

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string
    header_of_192_0_2_7("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C\xC0\x00\x02\x07\x7F\x00\x00\x01\x30\x39\x01\xBB", 28);
const std::string header_of_the_proxy("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);

Task<Response> tell_address(Request& request) { co_return text_response(request.remote_address); }

ServerOptions with_side(std::vector<std::string> trusted, bool proxy_protocol, std::size_t limit = 0)
{
    ServerOptions options = quick_options();
    options.public_side = std::make_shared<PublicSide>();
    options.public_side->set_trusted_proxies(AddressRanges(trusted));
    options.public_side->proxy_protocol = proxy_protocol;
    if (limit > 0)
        options.public_side->limit = std::make_unique<AddressLimit>(limit);
    return options;
}

TEST(PublicSide, ProxiesCanBecomeTrustedWhileTheServerRuns)
{
    ServerOptions options = with_side({"192.0.2.1"}, true);
    auto side = options.public_side;
    TestServer server(tell_address, std::move(options));
    EXPECT_EQ(RawSocket::connect(server.port()).ask(get_root).body, "127.0.0.1");
    side->set_trusted_proxies(AddressRanges({"127.0.0.0/8"}));
    RawSocket client = RawSocket::connect(server.port());
    client.send(header_of_192_0_2_7);
    EXPECT_EQ(client.ask(get_root).body, "192.0.2.7");
}

TEST(PublicSide, TheSourceOfAProxyHeaderIsThePeer)
{
    TestServer server(tell_address, with_side({"127.0.0.1"}, true));
    RawSocket client = RawSocket::connect(server.port());
    client.send(header_of_192_0_2_7);
    EXPECT_EQ(client.ask(get_root).body, "192.0.2.7");
    EXPECT_EQ(client.ask(get_root).body, "192.0.2.7");
    RawSocket check = RawSocket::connect(server.port());
    EXPECT_EQ(check.ask(header_of_the_proxy + std::string(get_root)).body, "127.0.0.1");
}

TEST(PublicSide, AProxyHeaderStandsInFrontOfTls)
{
    TempDir directory;
    CertificateAuthority authority(directory.path());
    ServerOptions options = with_side({"127.0.0.1"}, true);
    options.tls =
        std::make_shared<TlsServer>(TlsServerOptions{.certificates = {authority.issue("a", "DNS:a.example")}});
    TestServer server(tell_address, options);
    RawSocket socket = RawSocket::connect(server.port());
    socket.send(header_of_192_0_2_7);
    UniqueSslContext context(SSL_CTX_new(TLS_client_method()));
    UniqueSsl ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), socket.fd());
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    SSL_write(ssl.get(), get_root.data(), static_cast<int>(get_root.size()));
    std::string answer(4096, '\0');
    int size = SSL_read(ssl.get(), answer.data(), static_cast<int>(answer.size()));
    ASSERT_GT(size, 0);
    answer.resize(static_cast<std::size_t>(size));
    EXPECT_TRUE(answer.ends_with("192.0.2.7")) << answer;
}

TEST(PublicSide, ATrustedProxyWithoutAHeaderIsClosed)
{
    ServerOptions options = with_side({"127.0.0.1"}, true);
    TestServer server(tell_address, options);
    RawSocket client = RawSocket::connect(server.port());
    client.send(get_root);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(options.public_side->refused_proxy_headers.load(), 1U);
}

TEST(PublicSide, AHeaderFromAnybodyElseIsNoRequest)
{
    TestServer server(tell_address, with_side({"10.0.0.0/8"}, true));
    RawSocket client = RawSocket::connect(server.port());
    EXPECT_EQ(client.ask(header_of_192_0_2_7 + std::string(get_root)).status, 400);
    RawSocket direct = RawSocket::connect(server.port());
    EXPECT_EQ(direct.ask(get_root).body, "127.0.0.1");
}

TEST(PublicSide, ConnectionsBeyondTheLimitAreClosedUntilOneEnds)
{
    ServerOptions options = with_side({}, false, 2);
    TestServer server(tell_address, options);
    RawSocket first = RawSocket::connect(server.port());
    RawSocket second = RawSocket::connect(server.port());
    EXPECT_EQ(first.ask(get_root).status, 200);
    EXPECT_EQ(second.ask(get_root).status, 200);
    EXPECT_EQ(RawSocket::connect(server.port()).read_to_end(), "");
    EXPECT_EQ(options.public_side->limit->refused(), 1U);
    first.close();
    ASSERT_TRUE(server.wait_for_connections(1));
    EXPECT_EQ(RawSocket::connect(server.port()).ask(get_root).status, 200);
}

TEST(PublicSide, ATrustedProxyHasNoLimitButItsClientsHave)
{
    TestServer server(tell_address, with_side({"127.0.0.1"}, true, 1));
    RawSocket probe = RawSocket::connect(server.port());
    RawSocket other_probe = RawSocket::connect(server.port());
    EXPECT_EQ(probe.ask(header_of_the_proxy + std::string(get_root)).status, 200);
    EXPECT_EQ(other_probe.ask(header_of_the_proxy + std::string(get_root)).status, 200);
    RawSocket client = RawSocket::connect(server.port());
    EXPECT_EQ(client.ask(header_of_192_0_2_7 + std::string(get_root)).status, 200);
    RawSocket again = RawSocket::connect(server.port());
    again.send(header_of_192_0_2_7);
    EXPECT_EQ(again.read_to_end(), "");
}

TEST(PublicSide, DrainingDoesNotWaitForAHeader)
{
    auto server = std::make_unique<TestServer>(tell_address, with_side({"127.0.0.1"}, true));
    RawSocket silent = RawSocket::connect(server->port());
    ASSERT_TRUE(server->wait_for_connections(1));
    auto began = std::chrono::steady_clock::now();
    server->server().drain(std::chrono::milliseconds{10'000});
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{2});
}

}  // namespace
}  // namespace gatehouse::http
