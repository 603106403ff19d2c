// SPDX-License-Identifier: Apache-2.0
#include "gateway/recent_finder.hpp"

#include "base/waker.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <mutex>
#include <optional>

namespace gatehouse::gateway {

namespace {

constexpr std::chrono::seconds threads_answer_within{5};

}  // namespace

struct RecentFinder::Search {
    Search(std::string wanted, std::size_t threads, const asio::any_io_executor& executor)
        : id(std::move(wanted)), left(threads), waker(std::make_shared<Waker>(executor))
    {
    }

    std::string id;
    std::atomic<std::size_t> left;  // threads that have not answered
    std::shared_ptr<Waker> waker;
    std::mutex mutex;
    std::optional<RecentRequest> newest;
};

RecentFinder::RecentFinder(IoThreads& threads, PerThread<RecentRequests>& recent) : threads_(threads), recent_(recent)
{
}

std::vector<http::Route> RecentFinder::routes()
{
    return {{"GET", "/admin/requests/{id}", [this](http::Request& request) { return find(request); }}};
}

// GET /admin/requests/{id}: the route, user, status and steps of a recent request.
Task<http::Response> RecentFinder::find(http::Request& request)
{
    auto executor = co_await asio::this_coro::executor;
    auto search = std::make_shared<Search>(request.path_parameters[0], recent_.size(), executor);
    for (std::size_t i = 0; i < recent_.size(); ++i)
        asio::post(threads_.context(i), [this, i, search] { look(i, search); });
    co_await search->waker->wait(threads_answer_within);
    std::scoped_lock lock(search->mutex);
    if (!search->newest)
        co_return http::Problem::not_found("request_not_found", "No recent request had this id.");
    co_return http::json_response(to_json(*search->newest));
}

void RecentFinder::look(std::size_t thread, std::shared_ptr<Search> search)
{
    if (const RecentRequest* found = recent_.at(thread).find(search->id)) {
        std::scoped_lock lock(search->mutex);
        if (!search->newest || search->newest->at < found->at)
            search->newest = *found;
    }
    if (--search->left == 0)
        search->waker->wake();
}

}  // namespace gatehouse::gateway
