// SPDX-License-Identifier: Apache-2.0
// The roles' router: whatever the target, a handler is given parameters that are single names, and those that it would
// be given by reading the template and the path side by side; of HEAD and GET the same handler.
#include "http/router.hpp"

#include "http/problem.hpp"
#include "http/url.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::http;

namespace {

Task<Response> respond()
{
    Response response;
    response.status = 299;
    co_return response;
}

const std::vector<std::string_view> paths{
    "/",    "/files",   "/files/{id}",       "/files/search", "/files/{id}/content", "/a/{x}/b/{y}",
    "/a/b", "/{first}", "/console/{rest...}"};

const Router& table()
{
    static const Router router = [] {
        std::vector<Route> routes;
        for (std::string_view path : paths)
            routes.push_back({"GET", path, [](Request&) { return respond(); }});
        return Router(std::move(routes));
    }();
    return router;
}

struct Outcome {
    int status = 0;
    std::string route;
    std::vector<std::string> parameters;
    bool operator==(const Outcome&) const = default;
};

Outcome ask(std::string_view method, std::string_view target)
{
    Request request;
    request.head.method = method;
    request.head.target = target;
    Outcome outcome;
    asio::io_context context;
    asio::co_spawn(context, table().handle(request), [&](std::exception_ptr error, Response response) {
        outcome.status = response.status;
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const Problem& problem) {
            outcome.status = problem.status();
        }
    });
    context.run();
    outcome.route = request.route;
    outcome.parameters = request.path_parameters;
    return outcome;
}

std::vector<std::string_view> split(std::string_view path)
{
    std::vector<std::string_view> segments;
    for (std::size_t begin = 1; begin <= path.size();) {
        auto end = std::min(path.find('/', begin), path.size());
        segments.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return segments;
}

bool is_name(const std::string& text)
{
    return !text.empty() && text.find('/') == std::string::npos && text != "." && text != "..";
}

// Segment by segment, with no regard to what it costs.
bool fits(std::string_view route, std::string_view path, const std::vector<std::string>& parameters)
{
    auto wanted = split(route);
    auto got = split(path);
    std::size_t used = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i].ends_with("...}")) {
            std::string rest;
            for (std::size_t j = i; j < got.size(); ++j)
                rest += (j == i ? "" : "/") + percent_decode(got[j]).value_or("");
            return used + 1 == parameters.size() && parameters[used] == rest;
        }
        if (i >= got.size())
            return false;
        if (!wanted[i].starts_with('{')) {
            if (wanted[i] != got[i])
                return false;
            continue;
        }
        if (used == parameters.size() || percent_decode(got[i]) != parameters[used] || !is_name(parameters[used]))
            return false;
        ++used;
    }
    return wanted.size() == got.size() && used == parameters.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string target = "/" + std::string(fuzz::to_text(data, size));
    auto outcome = ask("GET", target);
    auto path = std::string_view(target).substr(0, target.find('?'));
    GH_ASSERT(outcome.status == 299 || outcome.status == 404);
    if (outcome.status == 299)
        GH_ASSERT(std::ranges::find(paths, outcome.route) != paths.end() &&
                  fits(outcome.route, path, outcome.parameters));
    GH_ASSERT(ask("HEAD", target) == outcome);
    GH_ASSERT(ask("POST", target).status == (outcome.status == 299 ? 405 : 404));
    return 0;
}
