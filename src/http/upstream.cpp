// SPDX-License-Identifier: Apache-2.0
#include "http/upstream.hpp"

#include "base/error.hpp"
#include "http/problem.hpp"

namespace gatehouse::http {

namespace {

constexpr std::chrono::nanoseconds away_time = std::chrono::seconds{2};

std::int64_t steady_ticks()
{
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Upstream::Upstream(std::string name, Handler handler) : name_(std::move(name)), handler_(std::move(handler)) {}

Upstream::Upstream(std::string name, std::vector<Endpoint> endpoints, PerThread<Client>& clients, bool preserve_host)
    : name_(std::move(name)), endpoints_(std::move(endpoints)), clients_(&clients), preserve_host_(preserve_host),
      turns_(std::make_unique<Turns>(endpoints_.size()))
{
    GH_ASSERT(!endpoints_.empty());
}

Task<Response> Upstream::send(Request& request)
{
    return in_process() ? answer(handler_, request) : send_over_http(request);
}

Task<Response> Upstream::send_over_http(Request& request)
{
    Client& client = clients_->local();
    std::size_t first = turns_->next.fetch_add(1, std::memory_order_relaxed);
    std::int64_t start = steady_ticks();
    std::exception_ptr error;
    // All that are not known to be away, then those that were when we began.
    for (std::size_t i = 0; i < 2 * endpoints_.size(); ++i) {
        std::size_t index = (first + i) % endpoints_.size();
        std::int64_t away_until = turns_->away_until[index].load(std::memory_order_relaxed);
        bool away = away_until > start;
        bool last_resort = i >= endpoints_.size();
        if (away != last_resort || away_until > start + away_time.count())
            continue;
        const Endpoint& endpoint = endpoints_[index];
        std::string host = endpoint.authority();
        if (preserve_host_)
            host = request.head.headers.find("host").value_or(host);
        try {
            co_return co_await client.send(endpoint, std::move(host), request);
        } catch (const BodyError&) {
            throw;
        } catch (const ConnectFailed&) {
            error = std::current_exception();
            turns_->away_until[index].store(steady_ticks() + away_time.count() + 1, std::memory_order_relaxed);
            continue;
        } catch (...) {
            error = std::current_exception();
        }
        break;
    }
    co_return answer_exception(error, request);
}

}  // namespace gatehouse::http
