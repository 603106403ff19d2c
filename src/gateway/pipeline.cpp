// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline.hpp"

#include "gateway/explain.hpp"
#include "gateway/fields.hpp"
#include "gateway/forward_auth.hpp"
#include "gateway/forwarded_body.hpp"
#include "gateway/held_body.hpp"
#include "gateway/path.hpp"
#include "gateway/revocable_body.hpp"
#include "gateway/trace.hpp"
#include "gateway/upgrade.hpp"
#include "http/url.hpp"
#include "identity/bearer.hpp"
#include "identity/identity_fields.hpp"
#include "identity/session_cookie.hpp"

#include <fmt/format.h>

namespace gatehouse::gateway {

using http::Problem;

namespace {

// Bodies that come in more than one piece.
constexpr std::uint64_t long_body_bytes = 64 * 1024;

// The token of a request that was let in.
std::string bearer_of(const http::Request& request)
{
    return std::string(identity::find_bearer_token(request.head.headers).value_or(""));
}

// What it costs the client when this is turned away (overload.hpp).
Work work_of(const http::Request& request, const Passage& passage)
{
    const Route& route = *passage.route;
    std::string_view method = request.head.method;
    if (!passage.caller && !(route.own_role && (route.name == "/refresh" || route.name == "/logout")))
        return route.own_role && method == "POST" ? Work::login : Work::anonymous;
    bool repeatable =
        method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
    return repeatable ? Work::repeatable : Work::other;
}

// Whom the upstream keeps at one endpoint, if it does.
http::Passing passing_of(const http::Request& request, const Passage& passage)
{
    const Route& route = *passage.route;
    http::Passing passing{.preserve_host = route.preserve_host};
    if (route.balance == http::Balance::hash_user && passage.caller)
        passing.affinity = http::affinity_of(passage.caller->subject);
    else if (route.balance == http::Balance::hash_user || route.balance == http::Balance::hash_address)
        passing.affinity = http::affinity_of(request.remote_address);
    return passing;
}

RouteQuestion question_of(const http::Request& request, const RouteTable& table)
{
    RouteQuestion question{request.head.method, request.path()};
    question.headers = &request.head.headers;
    if (table.has_hosts())
        question.host = request.head.headers.find("host").value_or("");
    return question;
}

bool changes_state(std::string_view method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }

}  // namespace

Pipeline::Pipeline(const Config& config, RouteTable& routes, RouteTable& asked_routes,
                   PerThread<identity::Authenticator>& authenticators, Issuers& issuers,
                   const identity::RevocationList& revocations, StaleRevocations& stale_revocations,
                   const identity::ServiceKey& service_key, PerThread<Overload>& overload,
                   PerThread<RecentRequests>& recent, http::ServerMetrics& metrics, Tracer* tracer)
    : config_(config), routes_(routes), asked_routes_(asked_routes), authenticators_(authenticators), issuers_(issuers),
      revocations_(revocations), stale_revocations_(stale_revocations), service_key_(service_key), overload_(overload),
      recent_(recent), trusted_proxies_(config.trusted_proxies), https_only_(config),
      recorder_(config, routes, metrics, tracer),
      threads_(authenticators.size(), [](std::size_t) { return std::make_unique<PerThreadState>(); })
{
}

Task<http::Response> Pipeline::handle(http::Request& request, boost::local_shared_ptr<const void> holds)
{
    Passage passage;
    trusted_proxies_.apply(request);
    Overload::Request in_progress(overload_.local(), config_.overload);
    recorder_.begin(request, passage);
    passage.ticket = remember(request);

    // An exception (the client's body broke off, a bug) becomes a problem here, so that it is logged and counted too.
    std::exception_ptr error;
    http::Response response;
    try {
        response = co_await pass(request, passage);
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        response = http::answer_exception(error, request);
    add_policy_fields(passage, response);
    https_only_.mark(request, response);
    remember_end(passage, response);
    recorder_.end(request, passage, response);
    if (response.stream)
        response.stream = std::make_unique<HeldBody>(std::move(response.stream), std::move(holds));
    co_return response;
}

RecentRequests::Ticket Pipeline::remember(const http::Request& request)
{
    // Each thread keeps its part.
    return recent_.local().begin(request, (config_.recent_requests + recent_.size() - 1) / recent_.size());
}

void Pipeline::remember_end(const Passage& passage, const http::Response& response)
{
    RecentRequest* recent = recent_.local().at(passage.ticket);
    if (!recent)
        return;
    recent->took = std::chrono::steady_clock::now() - passage.active.began();
    recent->step = passage.step;
    recent->status = response.status;
    recent->problem = find_problem_code(response);
    if (passage.caller)
        recent->user = passage.caller->subject;
    if (!passage.route)
        return;
    recent->route = passage.route->name;
    if (passage.step == Step::upstream)
        recent->upstream = passage.route->upstream->name();
}

Task<json::object> Pipeline::explain(http::Request& request)
{
    Passage passage;
    passage.dry_run = true;
    bool is_path = !normalize_target(request).has_value();
    const http::RequestHead asked = request.head;
    std::string unknown;
    http::Response response;
    try {
        response = co_await pass(request, passage);
    } catch (const std::exception& error) {
        unknown = error.what();
    }
    bool forwarded = unknown.empty() && passage.step == Step::upstream;

    http::Request before;
    before.head = asked;
    json::object object;
    object["request"] = json::object{
        {"method", asked.method}, {"target", asked.target}, {"host", asked.headers.find("host").value_or("")}};
    object["steps"] = explain_steps(passage, !forwarded && response.status >= 400);
    object["route"] = passage.route ? json::value(explain_route(*passage.route)) : json::value(nullptr);
    object["other_routes"] =
        is_path ? explain_other_routes(routes_, question_of(before, routes_), passage.route) : json::array();
    object["token"] = explain_token(asked.headers, passage.caller);
    object["forwarded"] = forwarded ? json::value(explain_forwarding(request, *passage.route)) : json::value(nullptr);
    object["answer"] = forwarded || !unknown.empty() ? json::value(nullptr) : json::value(explain_answer(response));
    object["unknown"] = unknown.empty() ? json::value(nullptr) : json::value(json::string(unknown));
    co_return object;
}

// The order, and why:
// - The path gets its one form first: everything below decides by it, and the service sees that form.
// - A browser sends a preflight without credentials, so it is answered before anybody must log in; it tells nothing but
//   what the configuration says.
// - Maintenance and the limits of addresses and routes come before the token, whose verification costs the most.
// - Whom overload turns away depends on who it is, and takes nothing from a user's limit.
// - The limit of users needs the user. It comes before the permission: who lacks it is limited too.
// - Nothing of the request goes on before it is allowed to; only then is it rewritten.
Task<http::Response> Pipeline::pass(http::Request& request, Passage& passage)
{
    auto wrong_target = normalize_target(request);
    if (is_forward_auth_path(request.path()))
        co_return co_await answer_forward_auth(request, passage);
    passage.step = Step::https;
    if (auto elsewhere = https_only_.redirect(request))
        co_return std::move(*elsewhere);
    passage.step = Step::path;
    if (wrong_target)
        co_return wrong_target->to_response(request.request_id);
    passage.step = Step::preflight;
    if (auto answer = answer_preflight(request, passage))
        co_return std::move(*answer);
    passage.step = Step::route;
    if (auto problem = find_route(request, passage))
        co_return problem->to_response(request.request_id);
    passage.step = Step::maintenance;
    if (passage.route->maintenance)
        co_return passage.route->maintenance->answer(request.request_id);
    passage.step = Step::rate_limit;
    if (auto problem = limit_rate(request, passage, false))
        co_return problem->to_response(request.request_id);
    passage.step = Step::upgrade;
    if (auto problem = admit_upgrade(request, *passage.route))
        co_return problem->to_response(request.request_id);
    passage.step = Step::authentication;
    if (auto problem = authenticate(request, passage))
        co_return problem->to_response(request.request_id);
    passage.step = Step::overload;
    if (auto problem = shed(request, passage))
        co_return problem->to_response(request.request_id);
    passage.step = Step::user_rate_limit;
    if (auto problem = limit_rate(request, passage, true))
        co_return problem->to_response(request.request_id);
    passage.step = Step::permission;
    if (auto problem = authorize(passage))
        co_return problem->to_response(request.request_id);
    passage.step = Step::revocation;
    if (may_be_revoked(passage))
        if (auto problem = co_await stale_revocations_.check(passage.route->revocation_stale, bearer_of(request)))
            co_return problem->to_response(request.request_id);
    passage.step = Step::body;
    if (auto problem = check_body(request, *passage.route))
        co_return problem->to_response(request.request_id);
    passage.step = Step::upstream;
    rewrite(request, passage);
    if (passage.dry_run)
        co_return http::Response();

    http::BodyReader* whole = request.body;
    std::optional<ForwardedBody> here;
    forward_body(request, passage, here);
    Tracer::Span call = begin_call_span(passage.span, request, *passage.route->upstream);
    // So does the wait for the answer.
    std::optional<RevocationWatch> watch;
    std::optional<SessionWatch> session;
    if (passage.caller)
        session.emplace(request.interruption, watch.emplace(revocations_, passage.caller));
    http::Response response = co_await passage.route->upstream->send(request, passing_of(request, passage));
    end_call_span(call, response);
    request.body = whole;
    passage.request_bytes = whole->length().value_or(here ? here->bytes() : 0);
    session.reset();
    if (passage.caller && response.stream)
        response.stream =
            std::make_unique<RevocableStream>(std::move(response.stream), std::move(*watch), request.interruption);
    if (passage.caller && response.tunnel)
        end_with_session(*response.tunnel, revocations_, passage.caller);

    rewrite_answer(request, passage, response);
    co_return response;
}

// A body of unknown length is measured as it passes; the others were checked by what they announce. A long one ends
// with its session. Where it may go on beside the answer it does not end with this coroutine.
void Pipeline::forward_body(http::Request& request, Passage& passage, std::optional<ForwardedBody>& here) const
{
    auto length = request.body->length();
    bool is_long = length.value_or(long_body_bytes) >= long_body_bytes;
    bool beside = request.companions && length != 0;
    if (!beside && length && !(is_long && passage.caller))
        return;
    std::optional<RevocationWatch> watch;
    if (passage.caller && is_long)
        watch.emplace(revocations_, passage.caller);
    if (!beside) {
        request.body = &here.emplace(*request.body, passage.route->body_bytes_max, std::move(watch));
        return;
    }
    auto body = std::make_shared<ForwardedBody>(*request.body, passage.route->body_bytes_max, std::move(watch));
    request.body = body.get();
    request.body_holds = body;
    passage.body_beside = std::move(body);
}

Task<http::Response> Pipeline::answer_forward_auth(http::Request& question, Passage& passage)
{
    Route token_only;  // anybody with a good token
    token_only.revocation_stale = config_.revocation_stale;
    std::optional<OriginalRequest> original;
    std::optional<Problem> problem;
    try {
        original = find_original_request(question, asked_routes_.has_hosts());
    } catch (const Problem& refusal) {
        problem = refusal;
    }
    // From here on it is the original request that is judged.
    const Route* asked = &token_only;
    if (original) {
        question.head.method = original->method;
        question.head.target = original->target;
        RouteQuestion asks = question_of(question, asked_routes_);
        asks.host = original->host;
        asked = asked_routes_.match(asks).route;
    }
    if (!problem && !asked)
        problem = refuse_forward_auth("No configured route takes this method and path.");
    if (!problem) {
        passage.route = asked;
        problem = authenticate(question, passage);
        if (!problem)
            problem = authorize(passage);
        if (!problem && may_be_revoked(passage))
            problem = co_await stale_revocations_.check(asked->revocation_stale, bearer_of(question));
    }
    // For the figures and the log it is the question that was answered.
    passage.route = routes_.match("GET", "/validate").route;
    // Proxies know 401 and 403.
    if (problem && problem->status() == 400)
        problem = identity::invalid_token(identity::TokenError::malformed);
    if (problem)
        co_return problem->to_response(question.request_id);

    http::Response response;
    response.headers.set("cache-control", "no-store");
    if (passage.caller)
        identity::set_identity_fields(response.headers, *passage.caller);
    else  // said to be empty, so that a proxy overwrites what the client says
        identity::set_identity_fields(response.headers, identity::Claims{});
    if (!original && passage.caller) {
        response.headers.set("content-type", "application/json");
        response.body = json::serialize(identity::to_json(*passage.caller));
    }
    co_return response;
}

std::optional<Problem> Pipeline::normalize_target(http::Request& request) const
{
    if (request.head.target == "*" || is_normal_path(request.path()))
        return std::nullopt;
    auto path = normalize_path(request.path());
    if (!path)
        return Problem::bad_request("invalid_request", "The path has dot segments, empty segments, or an encoding "
                                                       "that services read in different ways.");
    std::string_view query = request.query();
    request.head.target = query.empty() ? *path : fmt::format("{}?{}", *path, query);
    return std::nullopt;
}

std::optional<Problem> Pipeline::find_route(const http::Request& request, Passage& passage) const
{
    if (request.head.target == "*")
        return Problem::not_found("not_found", "There is nothing at *.");
    RouteTable::Match match = routes_.match(question_of(request, routes_));
    if (match.route) {
        passage.route = match.route;
        if (match.route->cors)
            passage.origin = request.head.headers.find("origin").value_or("");
        return std::nullopt;
    }
    if (!match.allow.empty())
        return Problem::method_not_allowed(std::move(match.allow));
    return Problem::not_found("not_found", "There is nothing at this path.");
}

// A preflight asks about a request to come, so it belongs to the route that would take that one. It carries none of its
// header fields: routes that ask for some do not match. Where the route has no CORS policy it is an OPTIONS request.
std::optional<http::Response> Pipeline::answer_preflight(const http::Request& request, Passage& passage) const
{
    auto method = find_preflight_method(request.head);
    if (!method)
        return std::nullopt;
    RouteQuestion question = question_of(request, routes_);
    question.method = *method;
    const Route* route = routes_.match(question).route;
    if (!route || !route->cors)
        return std::nullopt;
    passage.route = route;
    passage.preflight = true;
    return route->cors->answer_preflight(request);
}

std::optional<Problem> Pipeline::limit_rate(const http::Request& request, Passage& passage, bool of_users) const
{
    const RateLimit* limit = passage.route->rate_limit;
    if (!limit || limit->counts_users() != of_users || passage.dry_run)
        return std::nullopt;
    std::string_view user = passage.caller ? std::string_view(passage.caller->subject) : std::string_view();
    passage.counted = limit->count(user, request.remote_address, passage.active.began());
    if (passage.counted->allowed)
        return std::nullopt;
    return RateLimit::refuse(*passage.counted);
}

std::optional<Problem> Pipeline::authenticate(http::Request& request, Passage& passage) const
{
    const Route& route = *passage.route;
    if (route.authentication == Authentication::none)
        return std::nullopt;
    if (route.takes_links && http::find_query_parameter(request.query(), "signature")) {
        passage.by_link = true;
        return std::nullopt;
    }

    auto credentials = identity::find_bearer_token(request.head.headers);
    if (!credentials)
        return Problem::bad_request("invalid_request", "The Authorization field is malformed.");
    std::string cookie_token;
    std::string_view token = *credentials;
    if (token.empty()) {
        cookie_token = identity::find_cookie(request.head.headers, identity::access_cookie).value_or("");
        token = cookie_token;
        // A cookie comes along by itself, from other sites' pages too.
        bool acts = changes_state(request.head.method) || !request.upgrade.empty();
        if (!token.empty() && acts && !identity::is_same_origin(request))
            return Problem::forbidden("csrf_rejected", "A request with the session cookie that changes something must "
                                                       "come from Gatehouse's own pages.");
    }
    if (token.empty()) {
        if (route.authentication == Authentication::optional)
            return std::nullopt;
        return identity::unauthenticated();
    }
    auto claims = verify(token, route);
    if (!claims)
        return identity::invalid_token(claims.error());
    passage.caller = std::move(*claims);
    if (!cookie_token.empty())
        request.head.headers.set("authorization", "Bearer " + cookie_token);
    return std::nullopt;
}

// With the keys of the issuer that it names. Our own roles know our own users only, and would refuse the others.
Result<Caller, identity::TokenError> Pipeline::verify(std::string_view token, const Route& route) const
{
    identity::Authenticator& ours = authenticators_.local();
    if (issuers_.empty() || ours.remembers(token))
        return ours.verify(token);
    identity::Authenticator* theirs = issuers_.find(token);
    if (!theirs)
        return ours.verify(token);
    if (!route.external_callers)
        return std::unexpected(identity::TokenError::wrong_issuer);
    return theirs->verify(token);
}

// By now it is known whose request it is. A session that is refreshed or ended belongs to a user, too.
std::optional<Problem> Pipeline::shed(const http::Request& request, const Passage& passage) const
{
    Overload& overload = overload_.local();
    if (!overload.any())
        return std::nullopt;
    return overload.check(work_of(request, passage));
}

std::optional<Problem> Pipeline::authorize(const Passage& passage) const
{
    const std::string& permission = passage.route->permission;
    if (permission.empty() || passage.by_link || (passage.caller && passage.caller->may(permission)))
        return std::nullopt;
    if (!passage.caller)
        return identity::unauthenticated();
    return identity::insufficient_scope(permission);
}

// Whether the list of revocations is too old to say. Those of other issuers are in none.
bool Pipeline::may_be_revoked(const Passage& passage) const
{
    return passage.caller && !passage.caller->is_external() && stale_revocations_.now();
}

std::optional<Problem> Pipeline::check_body(const http::Request& request, const Route& route) const
{
    auto length = request.body->length();
    if (length && *length > route.body_bytes_max)
        return Problem::too_large("body_too_large",
                                  fmt::format("The body may have at most {} bytes here.", route.body_bytes_max));
    return std::nullopt;
}

void Pipeline::rewrite(http::Request& request, Passage& passage)
{
    const Route& route = *passage.route;
    if (route.compression)
        passage.coding = choose_coding(request.head.headers);
    rewrite_request_fields(request, route, passage.caller.get(), threads_.local().scratch);
    if (route.own_role)
        service_key_.sign_forwarded(request);
    if (route.rewrite)
        route.rewrite->apply(request.head.target);
    if (!route.request_edits.empty())
        route.request_edits.apply(request.head.headers);
}

void Pipeline::rewrite_answer(const http::Request& request, const Passage& passage, http::Response& response)
{
    const Route& route = *passage.route;
    rewrite_response_fields(response.headers);
    if (!route.response_edits.empty())
        route.response_edits.apply(response.headers);
    if (route.compression)
        route.compression->apply(response, request.head.method, passage.coding);
}

// Of every answer of a route, refusals too.
void Pipeline::add_policy_fields(const Passage& passage, http::Response& response)
{
    const Route* route = passage.route;
    if (!route || passage.preflight)
        return;
    if (route->cors)
        route->cors->set_fields(response.headers, passage.origin);
    if (route->rate_limit)
        route->rate_limit->set_fields(response.headers, passage.counted ? &*passage.counted : nullptr);
}

}  // namespace gatehouse::gateway
