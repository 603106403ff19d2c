// SPDX-License-Identifier: Apache-2.0
#include "http/upstream.hpp"

#include "base/error.hpp"
#include "http/problem.hpp"

namespace gatehouse::http {

Upstream::Upstream(std::string name, Handler handler) : name_(std::move(name)), handler_(std::move(handler)) {}

Upstream::Upstream(std::string name, std::vector<Endpoint> endpoints, PerThread<Client>& clients, bool preserve_host)
    : name_(std::move(name)), endpoints_(std::move(endpoints)), clients_(&clients), preserve_host_(preserve_host),
      next_(std::make_unique<std::atomic<std::size_t>>(0))
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
    std::size_t start = next_->fetch_add(1, std::memory_order_relaxed);
    std::exception_ptr error;
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
        const Endpoint& endpoint = endpoints_[(start + i) % endpoints_.size()];
        std::string host = endpoint.authority();
        if (preserve_host_)
            host = request.head.headers.find("host").value_or(host);
        try {
            co_return co_await client.send(endpoint, std::move(host), request);
        } catch (const BodyError&) {
            throw;
        } catch (const ConnectFailed&) {
            error = std::current_exception();
            continue;
        } catch (...) {
            error = std::current_exception();
        }
        break;
    }
    co_return answer_exception(error, request);
}

}  // namespace gatehouse::http
