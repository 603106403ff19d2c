// SPDX-License-Identifier: Apache-2.0
#include "http/upstream.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "http/interruption.hpp"
#include "http/problem.hpp"
#include "http/tunnel.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstring>
#include <optional>

namespace gatehouse::http {

namespace {

// Those whose tries failed together do not come back together.
constexpr std::uint64_t pause_ms_max = 25;

bool is_refusal(int status) { return status >= 502 && status <= 504; }

std::vector<WeightedEndpoint> with_equal_weights(std::vector<Endpoint> endpoints)
{
    std::vector<WeightedEndpoint> weighted;
    for (Endpoint& endpoint : endpoints)
        weighted.push_back({std::move(endpoint), 1});
    return weighted;
}

UpstreamOptions options_for_role()
{
    UpstreamOptions options;
    options.retry.attempts = 0;
    options.ejection = {.failures = 1,
                        .time = std::chrono::seconds{2},
                        .time_max = std::chrono::seconds{2},
                        .answers = false,
                        .percent_max = 100,
                        .slow_start = std::chrono::seconds{0}};
    return options;
}

Task<void> pause_a_little(std::uint64_t random)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(random % pause_ms_max));
    co_await timer.async_wait(asio::as_tuple(asio::deferred));
}

RequestError error_of(UpstreamError::Kind kind)
{
    switch (kind) {
    case UpstreamError::Kind::timeout: return RequestError::timeout;
    case UpstreamError::Kind::malformed: return RequestError::malformed;
    case UpstreamError::Kind::closed: return RequestError::closed;
    }
    return RequestError::other;
}

// Counts an answer that streams as in progress until it was sent.
class Streaming final {
public:
    Streaming(std::shared_ptr<EndpointSet> set, std::size_t index) : set_(std::move(set)), index_(index) {}
    Streaming(const Streaming&) = delete;
    Streaming& operator=(const Streaming&) = delete;
    ~Streaming() { set_->leave(index_); }

private:
    std::shared_ptr<EndpointSet> set_;
    std::size_t index_;
};

// The same for a try; release() hands it on.
class Trying final {
public:
    Trying(EndpointSet& set, std::size_t index) : set_(&set), index_(index) {}
    Trying(const Trying&) = delete;
    Trying& operator=(const Trying&) = delete;
    ~Trying()
    {
        if (set_)
            set_->leave(index_);
    }
    void release() { set_ = nullptr; }

private:
    EndpointSet* set_;
    std::size_t index_;
};

}  // namespace

// What one I/O thread keeps.
struct Upstream::Thread {
    EndpointSet::Turns turns;
    RetryCredit credit;
};

// One request, from the first try to the last.
struct Upstream::Attempt {
    Request& request;
    Client& client;
    Thread& thread;
    Passing passing;
    SendLimits limits;
    EndpointSet::Tried tried = {};
    unsigned retries = 0;
    bool not_sent = false;  // the last try ended before anything was sent
    bool full = false;      // an endpoint that is fit has enough to do
    bool ended = false;     // by something that no other endpoint can change
    std::exception_ptr error = nullptr;
    std::optional<Response> response = std::nullopt;
};

Upstream::Upstream(std::string name, Handler handler) : name_(std::move(name)), handler_(std::move(handler)) {}

Upstream::Upstream(std::string name, std::vector<WeightedEndpoint> endpoints, UpstreamOptions options,
                   PerThread<Client>& clients)
    : name_(std::move(name)),
      endpoints_(std::make_shared<EndpointSet>(name_, std::move(endpoints), std::move(options))), clients_(&clients),
      metrics_(clients.at(0).metrics()), retry_floor_(std::make_unique<RetryFloor>())
{
    for (std::size_t i = 0; metrics_ && i < endpoints_->size(); ++i)
        metrics_servers_.push_back(metrics_->server(endpoints_->endpoint(i)));
    auto make = [this](std::size_t) {
        std::uint64_t seed = 0;
        std::memcpy(&seed, random_bytes(sizeof seed).data(), sizeof seed);
        auto thread = std::make_unique<Thread>();
        thread->turns = endpoints_->make_turns(seed);
        return thread;
    };
    threads_ = std::make_unique<PerThread<Thread>>(clients.size(), make);
}

Upstream::Upstream(std::string name, std::vector<Endpoint> endpoints, PerThread<Client>& clients)
    : Upstream(std::move(name), with_equal_weights(std::move(endpoints)), options_for_role(), clients)
{
    own_limits_ = false;
}

Upstream::~Upstream() = default;

Task<Response> Upstream::send(Request& request, Passing passing)
{
    return in_process() ? answer(handler_, request) : send_over_http(request, passing);
}

Task<Response> Upstream::send_over_http(Request& request, Passing passing)
{
    EndpointSet& endpoints = *endpoints_;
    const UpstreamOptions& options = endpoints.options();
    if (options.requests_max != 0 && endpoints.in_progress() >= options.requests_max)
        co_return answer_exception(
            std::make_exception_ptr(Unavailable(name_ + " has as many requests in progress as it may")), request);

    Client& client = clients_->local();
    SendLimits limits = client.limits();
    if (own_limits_) {
        limits = {.connect = options.limits.connect,
                  .first_byte = options.limits.first_byte,
                  .idle = options.limits.idle,
                  .tunnel_idle = options.limits.tunnel_idle};
        if (options.limits.total.count() != 0)
            limits.end = coarse_now() + options.limits.total;
    }
    Attempt attempt{
        .request = request, .client = client, .thread = threads_->local(), .passing = passing, .limits = limits};
    attempt.thread.credit.earn(options.retry);
    for (;;) {
        auto index = endpoints.choose(attempt.thread.turns, passing.affinity, attempt.tried, coarse_now());
        // What the fit ones have no room for is not for those that are out.
        if (!index || (attempt.full && !endpoints.fit(*index, coarse_now())))
            break;
        attempt.tried.set(*index);
        if (!endpoints.enter(*index)) {
            attempt.full = true;
            if (!attempt.error)
                attempt.error = std::make_exception_ptr(
                    Unavailable(name_ + " has as many requests in progress at each endpoint as it may"));
            continue;
        }
        co_await try_endpoint(attempt, *index);
        if (attempt.not_sent && coarse_now() < limits.end)
            continue;
        if (!may_retry(attempt))
            break;
        ++attempt.retries;
        attempt.response.reset();
        co_await pause_a_little(attempt.thread.turns.random++);
    }
    if (attempt.response)
        co_return std::move(*attempt.response);
    co_return answer_exception(attempt.error, request);
}

// Leaves the answer, or what became of it, in `attempt`.
Task<void> Upstream::try_endpoint(Attempt& attempt, std::size_t index)
{
    EndpointSet& endpoints = *endpoints_;
    Trying trying(endpoints, index);
    std::string host = endpoints.authority(index);
    if (attempt.passing.preserve_host)
        host = attempt.request.head.headers.find("host").value_or(host);
    attempt.not_sent = false;
    auto began = metrics_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    auto count = [&](int status, RequestError error) {
        if (metrics_)
            metrics_->count(metrics_servers_[index], known_method(attempt.request.head.method), status, error, began);
    };
    RequestError what = RequestError::none;
    try {
        attempt.response =
            co_await attempt.client.send(endpoints.endpoint(index), std::move(host), attempt.request, attempt.limits);
    } catch (const BodyError&) {
        count(0, RequestError::cancelled);
        throw;  // the client's doing
    } catch (const ConnectFailed& error) {
        attempt.error = std::current_exception();
        attempt.not_sent = true;
        what = RequestError::connect;
        endpoints.failed(index, error.what(), coarse_now());
    } catch (const TooManyConnections&) {
        attempt.error = std::current_exception();
        attempt.not_sent = true;
        what = RequestError::too_many_connections;
    } catch (const UpstreamError& error) {
        attempt.error = std::current_exception();
        what = error_of(error.kind());
        if (endpoints.options().ejection.answers)
            endpoints.failed(index, error.what(), coarse_now());
    } catch (...) {
        attempt.error = std::current_exception();
        attempt.ended = true;
        what = RequestError::other;
    }
    count(attempt.response ? attempt.response->status : 0, what);
    if (!attempt.response)
        co_return;
    if (is_refusal(attempt.response->status) && endpoints.options().ejection.answers)
        endpoints.failed(index, "answered " + std::to_string(attempt.response->status), coarse_now());
    else
        endpoints.succeeded(index);
    if (attempt.response->stream || attempt.response->tunnel) {
        attempt.response->holds = std::make_shared<Streaming>(endpoints_, index);
        trying.release();
    }
}

bool Upstream::may_retry(const Attempt& attempt) const
{
    const RetryOptions& options = endpoints_->options().retry;
    bool failed = attempt.response ? options.refusals && is_refusal(attempt.response->status) : true;
    if (!failed || attempt.ended || attempt.retries >= options.attempts ||
        !is_idempotent(attempt.request.head.method) || attempt.request.body->length() != 0 ||
        coarse_now() >= attempt.limits.end)
        return false;
    if (!endpoints_->any_fit(attempt.tried, coarse_now()))
        return false;
    return attempt.thread.credit.take() || retry_floor_->take(options, coarse_now());
}

}  // namespace gatehouse::http
