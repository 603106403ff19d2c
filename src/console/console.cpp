// SPDX-License-Identifier: Apache-2.0
#include "console/console.hpp"

#include "console/pages.hpp"
#include "console/sessions.hpp"

#include "http/problem.hpp"

namespace gatehouse::console {

class Console::Impl final {
public:
    explicit Impl(http::Upstream& auth) : sessions_(auth), router_(routes()), routed_(http::make_handler(router_)) {}

    Task<http::Response> handle(http::Request& request)
    {
        http::Response response = co_await http::answer(routed_, request);
        add_security_fields(response.headers);
        co_return response;
    }

private:
    std::vector<http::Route> routes()
    {
        using http::Request;
        return {
            {"GET", "/openapi.json", [this](Request& request) { return document(request); }},
            {"GET", "/", [this](Request& request) { return redirect(request); }},
            {"GET", "/console", [this](Request& request) { return redirect(request); }},
            {"GET", "/console/{view...}", [this](Request& request) { return page(request); }},
            {"GET", "/console/assets/{name}", [this](Request& request) { return asset(request); }},
            {"GET", "/console/session", [this](Request& request) { return unstored(sessions_.show(request)); }},
            {"POST", "/console/session", [this](Request& request) { return unstored(sessions_.log_in(request)); }},
            {"POST", "/console/session/refresh",
             [this](Request& request) { return unstored(sessions_.refresh(request)); }},
            {"DELETE", "/console/session", [this](Request& request) { return unstored(sessions_.log_out(request)); }},
        };
    }

    // GET /: the console is where a browser wants to go.
    Task<http::Response> redirect(http::Request&)
    {
        http::Response response;
        response.status = 303;
        response.headers.add("location", "/console/");
        response.headers.add("cache-control", "no-cache");
        co_return response;
    }

    // GET /openapi.json: what there is to ask for.
    Task<http::Response> document(http::Request& request) { co_return openapi_response(request); }

    // GET /console/{view...}: the page itself finds out which view it is.
    Task<http::Response> page(http::Request& request) { co_return page_response(request); }

    // GET /console/assets/{name}: a script, style or picture of the page.
    Task<http::Response> asset(http::Request& request)
    {
        co_return asset_response(request, request.path_parameters.at(0));
    }

    // An answer about a session is of use once.
    Task<http::Response> unstored(Task<http::Response> answer)
    {
        http::Response response = co_await std::move(answer);
        response.headers.set("cache-control", "no-store");
        co_return response;
    }

    Sessions sessions_;
    http::Router router_;
    http::Handler routed_;
};

Console::Console(http::Upstream& auth) : impl_(std::make_unique<Impl>(auth)) {}

Console::~Console() = default;

http::Handler Console::handler()
{
    return [impl = impl_.get()](http::Request& request) { return impl->handle(request); };
}

}  // namespace gatehouse::console
