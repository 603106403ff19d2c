// SPDX-License-Identifier: Apache-2.0
#include "http/http2_client.hpp"

#include "http/http2_client_stream.hpp"
#include "http/replay_body.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <optional>

namespace gatehouse::http {

namespace {

constexpr std::size_t whole_body_bytes_max = 16 * 1024;  // up to here the answer waits for its whole body
constexpr unsigned tries_max = 3;

bool same_place(const Endpoint& a, const Endpoint& b)
{
    return a.port == b.port && a.host == b.host && a.scheme == b.scheme;
}

bool has_no_content(const Request& request, int status)
{
    return request.head.method == "HEAD" || status == 204 || status == 304;
}

}  // namespace

// The connections to one endpoint, and who waits for room on one.
class Http2Client::Place final : public Http2ClientConnection::Owner {
public:
    Place(Endpoint of, ConnectionPool& of_pool, std::size_t streams_max)
        : endpoint(std::move(of)), pool(of_pool), streams_expected(streams_max)
    {
    }

    struct Making {
        std::optional<std::string> error;
    };

    Connection find_room()
    {
        // Ending one takes it out of the list.
        for (std::size_t i = 0; i < connections.size(); ++i) {
            Connection connection = connections[i];
            if (connection->has_room())
                return connection;
        }
        return nullptr;
    }

    // Until something has changed here, or the time has come.
    Task<void> wait(asio::any_io_executor executor, SteadyTime deadline)
    {
        asio::steady_timer timer(std::move(executor), deadline);
        struct Waiter {
            std::vector<asio::steady_timer*>& list;
            asio::steady_timer* timer;
            Waiter(std::vector<asio::steady_timer*>& of, asio::steady_timer* one) : list(of), timer(one)
            {
                list.push_back(timer);
            }
            ~Waiter() { std::erase(list, timer); }
            Waiter(const Waiter&) = delete;
            Waiter& operator=(const Waiter&) = delete;
        } waiter(waiting, &timer);
        co_await timer.async_wait(asio::as_tuple(asio::deferred));
    }

    void wake()
    {
        for (asio::steady_timer* timer : waiting)
            timer->cancel();
    }

    void changed(Http2ClientConnection& connection) override
    {
        if (connection.ended())
            std::erase_if(connections, [&](const Connection& item) { return item.get() == &connection; });
        wake();
    }

    Endpoint endpoint;
    ConnectionPool& pool;
    std::size_t streams_expected;  // on a new connection
    std::vector<Connection> connections;
    std::vector<std::shared_ptr<Making>> making;
    std::vector<asio::steady_timer*> waiting;
};

// One request; what is left of its stream is abandoned, unless its answer has taken it.
class Http2Client::Sending final {
public:
    Sending(Request& of, const SendLimits& within) : request(of), limits(within) {}
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;
    ~Sending() { abandon(); }

    void abandon()
    {
        if (stream)
            std::exchange(stream, nullptr)->abandon();
    }

    // Whether a request that the peer has not looked at can be sent again: not while more of its body is waited for.
    bool can_repeat() const { return !body || !body->begun() || body->can_rewind(); }

    // The request could go elsewhere, as long as nothing of its body was taken here. Throws UpstreamError.
    void require_whole_body(const std::string& problem) const
    {
        if (body && body->begun())
            throw UpstreamError(UpstreamError::Kind::closed, problem);
    }

    // Throws BodyError.
    void require_interest() const
    {
        if (request.interruption && request.interruption->fired())
            throw BodyError(*request.interruption->fired());
    }

    Request& request;
    SendLimits limits;
    std::string target;
    Connection connection;
    std::shared_ptr<Http2ClientStream> stream;
    std::shared_ptr<ReplayBody> body;  // null: there is none
};

Http2Client::Http2Client(asio::any_io_executor executor, const ClientOptions& options, BufferPool& buffers,
                         Deadlines& deadlines, ClientConnector& connector)
    : executor_(std::move(executor)), shared_{buffers, deadlines, options, {}}, connector_(connector)
{
    shared_.limits.streams_max = options.streams_max;
}

Http2Client::~Http2Client() = default;

Http2Client::Place& Http2Client::place_of(const Endpoint& endpoint)
{
    auto found =
        std::ranges::find_if(places_, [&](const auto& place) { return same_place(place->endpoint, endpoint); });
    if (found != places_.end())
        return **found;
    places_.push_back(std::make_unique<Place>(endpoint, connector_.pool_of(endpoint), shared_.limits.streams_max));
    return *places_.back();
}

Task<Response> Http2Client::send(std::shared_ptr<void> client, Endpoint endpoint, std::string host, Request& request,
                                 SendLimits limits)
{
    Place& place = place_of(endpoint);
    request.head.headers.set("host", host);
    request.head.headers.remove("expect");
    Sending sending(request, limits);
    sending.target = endpoint.prefix + request.head.target;
    bool again = false;
    for (unsigned tries = 1;; ++tries) {
        sending.require_interest();
        SteadyTime deadline = std::min(limits.end, coarse_now() + limits.connect);
        try {
            sending.connection = co_await obtain(client, place, deadline);
        } catch (const Unavailable& error) {
            sending.require_whole_body(error.what());
            throw;
        }
        co_await attempt(sending);
        if (!sending.stream) {
            if (tries < tries_max)
                continue;
            sending.require_whole_body("the upstream takes no more requests");
            throw ConnectFailed(endpoint.authority() + " takes no more requests");
        }
        Http2ClientStream& stream = *sending.stream;
        if (stream.head_complete)
            break;
        if (stream.refused() && sending.can_repeat()) {
            if (tries == tries_max) {
                sending.require_whole_body("the upstream refused the request");
                throw ConnectFailed(endpoint.authority() + " refused the request");
            }
        } else if (!again && stream.connection_lost() && request.body->length() == 0 &&
                   is_idempotent(request.head.method)) {
            again = true;
        } else {
            stream.fail();
        }
        co_await stream.wait_for_upload();
        if (sending.body)
            sending.body->rewind();
        sending.abandon();
    }
    if (sending.body)
        sending.body->forget();
    Response response = co_await take_answer(std::exchange(sending.stream, nullptr), request);
    co_return response;
}

// Leaves a stream whose head has come or will not, or none.
Task<void> Http2Client::attempt(Sending& sending)
{
    Request& request = sending.request;
    Connection connection = std::move(sending.connection);
    bool with_body = request.body->length() != 0;
    auto stream = std::make_shared<Http2ClientStream>(connection, sending.limits, request.interruption);
    if (!connection->open(stream, request, sending.target, with_body))
        co_return;
    sending.stream = stream;
    if (with_body && !sending.body)
        sending.body = std::make_shared<ReplayBody>(*request.body, request.body_holds);
    if (with_body && request.companions) {
        if (!request.companions->start(stream->send_body(*sending.body, sending.body, false)))
            throw Unavailable("too many requests are being sent");
        stream->expect_upload();
    } else if (with_body) {
        co_await stream->send_body(*sending.body, sending.body, true);
    }
    co_await stream->wait_for_head();
}

Task<Response> Http2Client::take_answer(std::shared_ptr<Http2ClientStream> stream, const Request& request)
{
    auto body = std::make_unique<Http2ClientBody>(stream);
    Response response;
    response.status = stream->head.status;
    response.headers = std::move(stream->head.headers);
    if (has_no_content(request, response.status))
        response.content_length = stream->content_length;
    bool empty = has_no_content(request, response.status) || stream->content_length == 0;
    bool small = stream->content_length.value_or(whole_body_bytes_max + 1) <= whole_body_bytes_max;
    if (small && !empty) {
        co_await stream->wait_for_end();
        if (!stream->input_ended)
            stream->fail();
    }
    bool whole = stream->input_ended && stream->waiting_bytes() <= whole_body_bytes_max;
    if (whole && body->trailers()->size() == 0)
        response.body = stream->take_waiting();
    else
        response.stream = std::move(body);
    co_return response;
}

Task<Http2Client::Connection> Http2Client::obtain(std::shared_ptr<void> client, Place& place, SteadyTime deadline)
{
    for (;;) {
        if (Connection connection = place.find_room())
            co_return connection;
        if (coarse_now() >= deadline)
            throw TooManyConnections("no connection to " + place.endpoint.authority() + " has room in time");
        // Those under way have room for so many.
        if (place.making.size() * place.streams_expected <= place.waiting.size()) {
            co_await connect(client, place, deadline);
            continue;
        }
        std::shared_ptr<Place::Making> making = place.making.back();
        co_await place.wait(executor_, deadline);
        if (making->error)
            throw ConnectFailed(*making->error);
    }
}

// Adds a connection that is ready.
Task<void> Http2Client::connect(std::shared_ptr<void> client, Place& place, SteadyTime deadline)
{
    struct Making {
        Place& place;
        std::shared_ptr<Place::Making> making = std::make_shared<Place::Making>();
        explicit Making(Place& of) : place(of) { place.making.push_back(making); }
        ~Making()
        {
            std::erase(place.making, making);
            place.wake();
        }
        Making(const Making&) = delete;
        Making& operator=(const Making&) = delete;
    } making(place);

    std::string name = place.endpoint.authority();
    try {
        Lease lease = place.pool.lend(true);
        co_await connector_.connect(place.pool, lease, nullptr, deadline);
        auto connection = std::make_shared<Http2ClientConnection>(client, place, shared_, std::move(lease));
        connection->start();
        while (!connection->ready() && !connection->ended() && coarse_now() < deadline)
            co_await place.wait(executor_, deadline);
        std::string problem;
        if (!connection->ready())
            problem = connection->ended() ? name + " does not speak HTTP/2" : name + " did not greet in time";
        else if (connection->streams_max() == 0)
            problem = name + " takes no requests";
        if (!problem.empty()) {
            connection->end();
            throw ConnectFailed(problem);
        }
        place.streams_expected = connection->streams_max();
        if (closed_)
            connection->retire();
        place.connections.push_back(std::move(connection));
    } catch (const Unavailable& error) {
        making.making->error = error.what();
        throw;
    }
}

void Http2Client::close_idle()
{
    for (const auto& place : places_)
        for (const Connection& connection : std::vector<Connection>(place->connections))
            if (connection->streams() == 0)
                connection->end();
}

void Http2Client::close()
{
    closed_ = true;
    close_idle();
    for (const auto& place : places_)
        for (const Connection& connection : std::exchange(place->connections, {}))
            connection->retire();
}

std::size_t Http2Client::idle_count() const
{
    std::size_t count = 0;
    for (const auto& place : places_)
        count += static_cast<std::size_t>(std::ranges::count_if(
            place->connections, [](const Connection& connection) { return connection->streams() == 0; }));
    return count;
}

}  // namespace gatehouse::http
