// SPDX-License-Identifier: Apache-2.0
#include "http/recorded_handler.hpp"

#include "http/problem.hpp"
#include "http/recorded_body.hpp"

#include <string>
#include <unordered_map>

namespace gatehouse::http {

namespace {

// Outlives the requests, as a handler does.
struct RecordedRoutes {
    Handler handler;
    ServerMetrics& metrics;
    std::unordered_map<std::string_view, std::size_t> numbers;  // by template

    std::size_t number_of(std::string_view route) const
    {
        auto found = numbers.find(route);
        return found == numbers.end() ? 0 : found->second;
    }
};

struct Record {
    ServerMetrics::Active active;
    std::size_t route = 0;
    int status = 0;
    std::uint64_t request_bytes = 0;

    void tell(std::uint64_t response_bytes, bool /*complete*/)
    {
        active.count(route, status, request_bytes, response_bytes);
    }
};

Task<Response> answer_recorded(std::shared_ptr<const RecordedRoutes> routes, Request& request)
{
    Record record;
    record.active = routes->metrics.begin(request);
    Response response = co_await answer(routes->handler, request);
    record.route = routes->number_of(request.route);
    record.status = response.status;
    record.request_bytes = request.body->length().value_or(0);
    record_response(response, request.head.method == "HEAD", std::move(record));
    co_return response;
}

}  // namespace

Handler make_recorded_handler(const Router& router, ServerMetrics& metrics, Handler handler)
{
    auto routes = std::make_shared<RecordedRoutes>(RecordedRoutes{std::move(handler), metrics, {}});
    for (const Route& route : router.routes())
        routes->numbers.emplace(route.path, metrics.route(std::string(route.path)));
    return [routes = std::shared_ptr<const RecordedRoutes>(std::move(routes))](Request& request) {
        return answer_recorded(routes, request);
    };
}

}  // namespace gatehouse::http
