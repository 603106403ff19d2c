// SPDX-License-Identifier: Apache-2.0
// One exchange after the other on a connection, in this order (the steps marked * wait):
//
//     lend or *connect (and *TLS)  ->  send head and *body  ->  *head of the answer  ->  small body*, or a stream  ->
//     keep or end
//
// While the body is sent the answer may come early: then the rest is not sent and the connection ends with this
// exchange.
#include "http/client.hpp"

#include "base/error.hpp"
#include "http/address_cache.hpp"
#include "http/body_piece.hpp"
#include "http/chunk_frame.hpp"
#include "http/connection_pool.hpp"
#include "http/http2_client.hpp"
#include "http/list.hpp"
#include "http/response_body.hpp"
#include "http/serializer.hpp"
#include "http/spare_headers.hpp"
#include "http/tls_stream.hpp"
#include "http/tunnel.hpp"
#include "http/websocket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace gatehouse::http {

namespace {

constexpr std::size_t whole_body_bytes_max = 16 * 1024;  // up to here the answer waits for its whole body
constexpr unsigned informational_max = 8;

// RFC 9110 section 8.6: methods that define no meaning for content send no length when there is none.
Framing framing_of(const Request& request)
{
    auto length = request.body->length();
    if (!length)
        return {Framing::Kind::chunked, 0};
    const std::string& method = request.head.method;
    if (*length == 0 && (method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS"))
        return {};
    return {Framing::Kind::length, *length};
}

// What a HEAD's answer or a 304 says about the body it leaves out.
std::optional<std::uint64_t> announced_length(const Headers& headers)
{
    auto text = headers.find("content-length");
    std::uint64_t length = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), length).ptr != text->data() + text->size())
        return std::nullopt;
    return length;
}

// Whether the answer is the change of the protocol that the request asks for. Anything else that calls itself so is
// refused by who calls this: what follows it could be taken for another request's answer.
bool is_switch(const Request& request, const ResponseHead& head)
{
    if (head.status != 101 || request.upgrade.empty())
        return false;
    bool named = false;
    for_each_element(head.headers, "connection",
                     [&](std::string_view element) { named = named || iequals(element, "upgrade"); });
    auto protocol = head.headers.find("upgrade");
    if (!named || !protocol || head.headers.count("upgrade") != 1 || !iequals(*protocol, request.upgrade))
        return false;
    if (request.upgrade != "websocket")
        return true;
    auto key = request.head.headers.find("sec-websocket-key");
    return key && head.headers.count("sec-websocket-accept") == 1 &&
           head.headers.find("sec-websocket-accept") == websocket_accept(*key);
}

std::uint64_t id_of(const TlsClient* tls) { return tls ? tls->id() : 0; }

// Whose connections may be used for each other's requests. It does not keep the TlsClient.
struct PoolKey {
    explicit PoolKey(const Endpoint& endpoint)
        : scheme(endpoint.scheme), host(endpoint.host), port(endpoint.port), protocol(endpoint.protocol),
          tls(id_of(endpoint.tls.get()))
    {
    }
    std::string scheme;
    std::string host;
    std::uint16_t port;
    Protocol protocol;
    std::uint64_t tls;
};

struct SamePool {
    using is_transparent = void;

    bool operator()(const PoolKey& a, const PoolKey& b) const
    {
        return a.port == b.port && a.host == b.host && a.scheme == b.scheme && a.protocol == b.protocol &&
               a.tls == b.tls;
    }
    bool operator()(const Endpoint& a, const PoolKey& b) const
    {
        return a.port == b.port && a.host == b.host && a.scheme == b.scheme && a.protocol == b.protocol &&
               id_of(a.tls.get()) == b.tls;
    }
    bool operator()(const PoolKey& a, const Endpoint& b) const { return (*this)(b, a); }

    std::size_t operator()(const PoolKey& key) const { return hash(key.host, key.port, key.tls); }
    std::size_t operator()(const Endpoint& endpoint) const
    {
        return hash(endpoint.host, endpoint.port, id_of(endpoint.tls.get()));
    }

private:
    static std::size_t hash(const std::string& host, std::uint16_t port, std::uint64_t tls)
    {
        return std::hash<std::string>()(host) + port + (static_cast<std::size_t>(tls) << 16U);
    }
};

// A request on its way, with what has come of its answer.
struct Exchange {
    Request& request;
    SendLimits limits;
    Lease lease;
    Waiting waiting = {};
    ResponseHead head = {};
    HeadResult result = {};
    std::size_t scanned = 0;
    unsigned informational_count = 0;
    bool sent = false;       // the request, whole
    bool body_read = false;  // something of it; it cannot be sent again
    bool byte_received = false;

    Buffer& input() const { return lease->input; }
    StreamSocket& stream() const { return lease->stream; }
    bool answered() const { return result.state == HeadResult::State::complete; }
};

// The connection of a request after its answer 101.
class ClientTunnel final : public Tunnel {
public:
    ClientTunnel(std::shared_ptr<void> client, Lease lease) : client_(std::move(client)), lease_(std::move(lease)) {}
    StreamSocket& stream() override { return lease_->stream; }
    Buffer& input() override { return lease_->input; }

private:
    std::shared_ptr<void> client_;  // keeps the pools alive
    Lease lease_;
};

}  // namespace

class Client::Impl final : private ClientConnector {
public:
    Impl(asio::any_io_executor executor, const ClientOptions& options, std::shared_ptr<ClientMetrics> metrics)
        : executor_(std::move(executor)), options_(options), metrics_(std::move(metrics)), deadlines_(executor_),
          addresses_(executor_), http2_(executor_, options_, buffers_, deadlines_, *this)
    {
    }

    Task<Response> send(std::shared_ptr<Impl> self, Endpoint endpoint, std::string host, Request& request,
                        SendLimits limits);
    SendLimits limits() const
    {
        return {.connect = options_.connect_timeout,
                .first_byte = options_.first_byte_timeout,
                .idle = options_.body_timeout,
                .tunnel_idle = options_.tunnel_idle_timeout};
    }

    void close_idle()
    {
        addresses_.interrupt();
        for (auto& [endpoint, pool] : pools_)
            pool->close_idle();
        http2_.close_idle();
    }

    void close()
    {
        for (auto& [endpoint, pool] : pools_)
            pool->close();
        http2_.close();
    }

    std::size_t idle_count() const
    {
        std::size_t count = http2_.idle_count();
        for (const auto& [endpoint, pool] : pools_)
            count += pool->kept();
        return count;
    }

    const std::shared_ptr<ClientMetrics>& metrics() const { return metrics_; }

private:
    ConnectionPool& pool_of(const Endpoint& endpoint) override;
    Task<void> connect(ConnectionPool& pool, Lease& lease, std::shared_ptr<const TlsClient> tls,
                       SteadyTime deadline) override;
    Task<std::unique_ptr<ClientConnection>> connect_to(StreamSocket::Socket::endpoint_type address, std::string name,
                                                       SteadyTime deadline);
    Task<void> secure(ConnectionPool& pool, ClientConnection& connection, std::shared_ptr<const TlsClient> tls,
                      SteadyTime deadline);
    IoStatus send_head(Exchange& exchange, const Endpoint& endpoint, Gather& gather);
    Task<IoStatus> send_body(Exchange& exchange, const Endpoint& endpoint);
    IoStatus receive(Exchange& exchange);
    bool parse_head(Exchange& exchange);
    bool is_answered_early(Exchange& exchange);
    Response take_head(Exchange& exchange);
    bool take_body(Exchange& exchange, BodyDecoder& decoder, Response& response, std::shared_ptr<Impl>& self);
    std::shared_ptr<Tunnel> take_tunnel(Exchange& exchange, std::shared_ptr<Impl>& self);
    void append_head(const Request& request, const Endpoint& endpoint);
    [[noreturn]] void fail(const Exchange& exchange, const Endpoint& endpoint, IoStatus status);

    asio::any_io_executor executor_;
    ClientOptions options_;
    std::shared_ptr<ClientMetrics> metrics_;  // or null
    BufferPool buffers_;
    Deadlines deadlines_;
    AddressCache addresses_;
    std::string output_;  // scratch for one message's head
    std::unordered_map<PoolKey, std::unique_ptr<ConnectionPool>, SamePool, SamePool> pools_;
    Http2Client http2_;
};

Task<Response> Client::Impl::send(std::shared_ptr<Impl> self, Endpoint endpoint, std::string host, Request& request,
                                  SendLimits limits)
{
    if (endpoint.protocol == Protocol::http2 && endpoint.scheme == "https")
        throw ConnectFailed(endpoint.authority() + ": HTTP/2 is spoken without TLS alone");
    if (endpoint.protocol == Protocol::http2)
        co_return co_await http2_.send(std::move(self), std::move(endpoint), std::move(host), request, limits);
    ConnectionPool& pool = pool_of(endpoint);
    request.head.headers.set("host", host);
    request.head.headers.remove("expect");  // the body is sent without waiting; our own server asks its client for it
    for (bool again = false;; again = true) {
        Exchange exchange{.request = request, .limits = limits, .lease = pool.lend(again)};
        bool kept = exchange.lease.connected();
        if (!kept)
            co_await connect(pool, exchange.lease, endpoint.tls, std::min(limits.end, coarse_now() + limits.connect));
        if (limits.end != SteadyTime::max())
            exchange.stream().set_final_deadline(limits.end);
        exchange.head.headers = SpareHeaders::take();
        exchange.waiting = Waiting(request.interruption, exchange.stream());
        exchange.waiting.require();

        IoStatus status = IoStatus::done;
        if (request.body->length() == 0) {
            Gather gather;
            status = send_head(exchange, endpoint, gather);
            if (status == IoStatus::would_block) {
                std::string head = std::move(output_);
                status = co_await exchange.stream().write(gather, limits.idle);
            }
            exchange.sent = status == IoStatus::done;
        } else {
            status = co_await send_body(exchange, endpoint);
        }

        // A peer that takes no more may have said why before it closed, so its answer is looked for in that case too.
        SteadyTime deadline = coarse_now() + limits.first_byte;
        while (status != IoStatus::expired && !exchange.answered()) {
            bool must_wait =
                (exchange.sent || status == IoStatus::would_block) && !exchange.stream().has_buffered_input();
            if (must_wait) {
                exchange.stream().set_deadline(deadline);
                auto result = co_await exchange.stream().readable();
                status = exchange.stream().waited(result);
                if (status != IoStatus::done)
                    break;
            }
            status = receive(exchange);
            if (status == IoStatus::closed)
                break;
            parse_head(exchange);
        }
        if (!exchange.answered()) {
            bool repeatable = kept && !again && status == IoStatus::closed && !exchange.byte_received &&
                              !exchange.body_read && is_idempotent(request.head.method);
            if (repeatable)
                continue;
            fail(exchange, endpoint, status);
        }

        Response response = take_head(exchange);
        if (response.status == 101) {
            response.tunnel = take_tunnel(exchange, self);
            co_return response;
        }
        BodyDecoder decoder(exchange.result.framing, options_.parser);
        while (!take_body(exchange, decoder, response, self)) {
            status = co_await exchange.stream().read(exchange.input(), buffers_, BufferPool::large_bytes, limits.idle);
            if (status != IoStatus::done)
                fail(exchange, endpoint, status);
        }
        co_return response;
    }
}

ConnectionPool& Client::Impl::pool_of(const Endpoint& endpoint)
{
    auto found = pools_.find(endpoint);
    if (found != pools_.end())
        return *found->second;
    std::erase_if(pools_, [](const auto& entry) { return entry.second->is_abandoned(); });
    auto figures = metrics_ ? metrics_->add_pool(endpoint) : std::make_shared<ConnectionFigures>();
    auto pool = std::make_unique<ConnectionPool>(endpoint, options_, std::move(figures));
    return *pools_.emplace(PoolKey(endpoint), std::move(pool)).first->second;
}

Task<void> Client::Impl::connect(ConnectionPool& pool, Lease& lease, std::shared_ptr<const TlsClient> tls,
                                 SteadyTime deadline)
{
    const Endpoint& endpoint = pool.endpoint();
    if (endpoint.scheme == "unix") {
        asio::local::stream_protocol::endpoint address(endpoint.host);
        auto connection = co_await connect_to(address, "unix:" + endpoint.host, deadline);
        lease.connect(std::move(connection));
        co_return;
    }
    if (endpoint.scheme == "https" && !tls)  // a mistake of ours, and none that may lead to a connection without it
        throw ConnectFailed(endpoint.authority() + " is https://, but nothing says whom to trust");

    std::vector<asio::ip::tcp::endpoint> addresses;
    ConnectFailed problem(endpoint.host + " has no address");
    try {
        addresses = co_await addresses_.find(endpoint.host, endpoint.port, deadline);
    } catch (const Unavailable& error) {
        throw ConnectFailed(error.what());
    }
    for (const asio::ip::tcp::endpoint& address : addresses) {
        try {
            auto connection = co_await connect_to(address, endpoint.authority(), deadline);
            boost::system::error_code ignored;
            connection->stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
            if (tls)
                co_await secure(pool, *connection, tls, deadline);
            lease.connect(std::move(connection));
            co_return;
        } catch (const ConnectFailed& error) {
            problem = error;
        }
    }
    throw ConnectFailed(problem.what(), problem.kind());
}

Task<std::unique_ptr<ClientConnection>> Client::Impl::connect_to(StreamSocket::Socket::endpoint_type address,
                                                                 std::string name, SteadyTime deadline)
{
    auto connection = std::make_unique<ClientConnection>(StreamSocket::Socket(executor_), deadlines_);
    StreamSocket& stream = connection->stream;
    stream.set_deadline(deadline);
    auto result = co_await stream.socket().async_connect(address, asio::as_tuple(asio::deferred));
    if (stream.waited(result) == IoStatus::expired)
        throw ConnectFailed("cannot connect to " + name + ": timed out");
    if (std::get<0>(result))
        throw ConnectFailed("cannot connect to " + name + ": " + std::get<0>(result).message());
    co_return connection;
}

// The handshake.
Task<void> Client::Impl::secure(ConnectionPool& pool, ClientConnection& connection,
                                std::shared_ptr<const TlsClient> tls, SteadyTime deadline)
{
    StreamSocket& stream = connection.stream;
    TlsSessions& sessions = pool.sessions();
    std::string host = pool.endpoint().host;
    auto made = std::make_unique<TlsStream>(tls->connect(host, sessions), stream.socket().native_handle());
    TlsStream& secured = *made;
    stream.set_tls(std::move(made));
    IoStatus status = co_await stream.handshake(deadline);
    if (status == IoStatus::expired)
        throw ConnectFailed("cannot connect to " + pool.endpoint().authority() + ": TLS timed out");
    if (status != IoStatus::done) {
        sessions.forget();
        throw ConnectFailed("cannot connect to " + pool.endpoint().authority() + ": TLS as " + tls->name_for(host) +
                                " failed: " + secured.failure(),
                            ConnectFailed::Kind::handshake);
    }
    if (SSL_session_reused(secured.ssl()) != 1)
        sessions.verified();
}

void Client::Impl::append_head(const Request& request, const Endpoint& endpoint)
{
    output_.clear();
    if (endpoint.prefix.empty()) {
        append_request_head(output_, request.head, framing_of(request), true, request.upgrade);
        return;
    }
    RequestHead head = request.head;
    head.target.insert(0, endpoint.prefix);
    append_request_head(output_, head, framing_of(request), true, request.upgrade);
}

IoStatus Client::Impl::send_head(Exchange& exchange, const Endpoint& endpoint, Gather& gather)
{
    append_head(exchange.request, endpoint);
    gather.add(output_);
    return exchange.stream().write_now(gather);
}

// Ends with `done` when everything was sent, `would_block` when the answer is there already.
Task<IoStatus> Client::Impl::send_body(Exchange& exchange, const Endpoint& endpoint)
{
    BodyReader& body = *exchange.request.body;
    std::string_view piece;
    try {
        piece = co_await body.read();
    } catch (...) {
        exchange.lease.keep();  // nothing was sent yet
        throw;
    }
    exchange.body_read = true;
    append_head(exchange.request, endpoint);
    std::string head = std::move(output_);
    ChunkFrame frame;
    Framing framing = framing_of(exchange.request);
    std::uint64_t remaining = framing.length;
    bool known = framing.kind == Framing::Kind::length;
    for (bool first = true;; first = false) {
        if (known && (piece.size() > remaining || (piece.empty() && remaining > 0)))
            throw BodyError(BodyError::Kind::malformed);
        remaining -= known ? piece.size() : 0;
        Gather gather;
        if (first)
            gather.add(head);
        if (known)
            gather.add(piece);
        else
            frame.add(gather, piece);
        bool last = known ? remaining == 0 : piece.empty();
        for (;;) {
            IoStatus status = co_await exchange.stream().write_or_readable(gather, exchange.limits.idle);
            if (status == IoStatus::would_block && !is_answered_early(exchange))
                continue;
            if (status != IoStatus::done)
                co_return status;
            break;
        }
        if (last) {
            exchange.sent = true;
            co_return IoStatus::done;
        }
        piece = co_await body.read();
        if (exchange.stream().peek() != IoStatus::would_block && is_answered_early(exchange))
            co_return IoStatus::would_block;
    }
}

// Whether the final answer, or the connection's end, came before the request was sent whole.
bool Client::Impl::is_answered_early(Exchange& exchange)
{
    return receive(exchange) == IoStatus::closed || parse_head(exchange);
}

// Adds what has come to the connection's buffer.
IoStatus Client::Impl::receive(Exchange& exchange)
{
    Buffer& input = exchange.input();
    input.make_room(buffers_, std::max(BufferPool::large_bytes, input.view().size() + 1));
    IoStatus status = exchange.stream().read_now(input);
    exchange.byte_received = exchange.byte_received || status == IoStatus::done;
    if (input.empty())
        input = Buffer();
    return status;
}

bool Client::Impl::parse_head(Exchange& exchange)
{
    while (!exchange.input().empty()) {
        exchange.result = parse_response_head(exchange.input().view(), exchange.scanned, options_.parser,
                                              exchange.request.head.method, exchange.head);
        if (exchange.result.state == HeadResult::State::incomplete)
            return false;
        if (exchange.result.state == HeadResult::State::invalid)
            throw UpstreamError(UpstreamError::Kind::malformed,
                                "the upstream's answer is malformed: " + std::string(describe(exchange.result.error)));
        exchange.input().consume(exchange.result.consumed);
        exchange.scanned = 0;
        if (exchange.head.status >= 200 || is_switch(exchange.request, exchange.head))
            return true;
        // RFC 9110 section 15.2: any number of these may come first; 101 was not asked for.
        exchange.result.state = HeadResult::State::incomplete;
        if (exchange.head.status == 101 || ++exchange.informational_count > informational_max)
            throw UpstreamError(UpstreamError::Kind::malformed, "the upstream's interim answers make no sense");
    }
    return false;
}

Response Client::Impl::take_head(Exchange& exchange)
{
    Response response;
    response.status = exchange.head.status;
    response.headers = std::move(exchange.head.headers);
    if (exchange.request.head.method == "HEAD" || response.status == 304)
        response.content_length = announced_length(response.headers);
    return response;
}

std::shared_ptr<Tunnel> Client::Impl::take_tunnel(Exchange& exchange, std::shared_ptr<Impl>& self)
{
    auto tunnel = std::make_shared<ClientTunnel>(std::move(self), std::move(exchange.lease));
    tunnel->protocol = exchange.request.upgrade;
    tunnel->idle_timeout = exchange.limits.tunnel_idle;
    return tunnel;
}

// Puts the body into the response, as a string where it is small or there already, else as a stream. False when a small
// one is still to come.
bool Client::Impl::take_body(Exchange& exchange, BodyDecoder& decoder, Response& response, std::shared_ptr<Impl>& self)
{
    const Framing& framing = exchange.result.framing;
    bool small = framing.kind == Framing::Kind::length && framing.length <= whole_body_bytes_max;
    BodyPiece piece = take_body_piece(exchange.input(), decoder);
    if (piece.error != ParseError::none)
        throw UpstreamError(UpstreamError::Kind::malformed, "the framing of the upstream's answer is broken");
    bool reusable = exchange.sent && exchange.result.keep_alive;
    if (!small && !decoder.done()) {
        response.stream = std::make_unique<ResponseBody>(ResponseBody::Source{.client = std::move(self),
                                                                              .buffers = buffers_,
                                                                              .lease = std::move(exchange.lease),
                                                                              .decoder = decoder,
                                                                              .first = piece.data,
                                                                              .reusable = reusable,
                                                                              .timeout = exchange.limits.idle,
                                                                              .waiting = std::move(exchange.waiting)});
        return true;
    }
    if (small && response.body.empty())
        response.body.reserve(framing.length);
    response.body.append(piece.data);
    if (!decoder.done())
        return false;
    if (reusable && exchange.input().empty())
        exchange.lease.keep();
    else
        exchange.lease.end();
    return true;
}

void Client::Impl::fail(const Exchange& exchange, const Endpoint& endpoint, IoStatus status)
{
    exchange.waiting.require();
    if (status == IoStatus::expired)
        throw UpstreamError(UpstreamError::Kind::timeout, endpoint.authority() + " did not answer in time");
    const TlsStream* tls = exchange.stream().tls();
    // In TLS 1.3 a server judges our certificate when our side of the handshake is done. It has read nothing else.
    if (tls && tls->is_refused() && !exchange.byte_received) {
        std::string what = endpoint.authority() + " refused the TLS connection: " + tls->failure();
        if (!exchange.body_read)
            throw ConnectFailed(what, ConnectFailed::Kind::handshake);
        throw UpstreamError(UpstreamError::Kind::closed, what);
    }
    throw UpstreamError(UpstreamError::Kind::closed,
                        endpoint.authority() + (exchange.byte_received ? " closed the connection within its answer"
                                                                       : " closed the connection without an answer"));
}

Client::Client(asio::any_io_executor executor, ClientOptions options, std::shared_ptr<ClientMetrics> metrics)
    : impl_(std::make_shared<Impl>(std::move(executor), options, std::move(metrics)))
{
}

Client::~Client() { impl_->close(); }

Task<Response> Client::send(Endpoint endpoint, std::string host, Request& request)
{
    return impl_->send(impl_, std::move(endpoint), std::move(host), request, impl_->limits());
}

Task<Response> Client::send(Endpoint endpoint, std::string host, Request& request, SendLimits limits)
{
    return impl_->send(impl_, std::move(endpoint), std::move(host), request, limits);
}

bool is_idempotent(std::string_view method)
{
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
           method == "TRACE";
}

SendLimits Client::limits() const { return impl_->limits(); }
void Client::close_idle() { impl_->close_idle(); }
std::size_t Client::idle_count() const { return impl_->idle_count(); }
const std::shared_ptr<ClientMetrics>& Client::metrics() const { return impl_->metrics(); }

}  // namespace gatehouse::http
