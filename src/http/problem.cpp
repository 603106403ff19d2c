// SPDX-License-Identifier: Apache-2.0
#include "http/problem.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "http/client.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::string_view media_type = "application/problem+json";

// Sorted by status. A code is a promise to clients: it may be added, never renamed.
constexpr ProblemCode codes[] = {
    {"bad_multipart", 400, "The multipart body is malformed"},
    {"body_incomplete", 400, "The request body ended early"},
    {"invalid_json", 400, "The request body is not valid JSON"},
    {"invalid_link", 400, "The link is not valid"},
    {"invalid_request", 400, "The request is not valid"},
    {"invalid_setup_token", 400, "The set-up link is not valid"},
    {"malformed_request", 400, "The request is not well-formed HTTP"},
    {"tls_required", 400, "This port speaks HTTPS"},
    {"invalid_refresh_token", 401, "The refresh token is not valid"},
    {"invalid_token", 401, "The access token is not valid"},
    {"otp_required", 401, "A one-time code is required"},
    {"session_ended", 401, "The session was ended"},
    {"unauthenticated", 401, "Authentication is required"},
    {"wrong_credentials", 401, "The user name or the password is wrong"},
    {"wrong_otp", 401, "The one-time code is wrong"},
    {"beyond_own_permissions", 403, "The permissions go beyond one's own"},
    {"cors_refused", 403, "Pages of this origin may not use this"},
    {"csrf_rejected", 403, "The request does not come from this site"},
    {"forward_auth_refused", 403, "The original request cannot be let through"},
    {"insufficient_scope", 403, "The permission for this is missing"},
    {"link_expired", 403, "The link is over"},
    {"link_invalid", 403, "The link is not valid"},
    {"link_withdrawn", 403, "The link was taken back"},
    {"registration_closed", 403, "Nobody can register here"},
    {"upload_joined", 403, "The upload is joined of others"},
    {"dead_letter_not_found", 404, "There is no such dead letter"},
    {"file_not_found", 404, "There is no such file"},
    {"mail_not_found", 404, "There is no such mail"},
    {"mails_not_kept", 404, "No mails are kept here"},
    {"not_found", 404, "There is nothing here"},
    {"request_not_found", 404, "No recent request has this id"},
    {"role_not_found", 404, "There is no such role"},
    {"session_not_found", 404, "There is no such session"},
    {"upload_not_found", 404, "There is no such upload"},
    {"user_not_found", 404, "There is no such user"},
    {"method_not_allowed", 405, "The method is not allowed here"},
    {"body_timeout", 408, "The request body arrived too slowly"},
    {"head_timeout", 408, "The request head arrived too slowly"},
    {"command_failed", 409, "The command cannot be carried out"},
    {"last_admin", 409, "The last administrator must stay one"},
    {"role_built_in", 409, "The role is built in"},
    {"role_exists", 409, "There is such a role already"},
    {"role_in_use", 409, "Somebody has the role"},
    {"setup_done", 409, "The set-up is done already"},
    {"too_many_roles", 409, "There are too many roles"},
    {"too_many_uploads", 409, "There are too many unfinished uploads"},
    {"totp_active", 409, "There is a second factor already"},
    {"upload_finished", 409, "The upload is finished"},
    {"upload_incomplete", 409, "A part of the upload is not complete"},
    {"upload_parts_taken", 409, "Another upload is joined of these parts"},
    {"user_exists", 409, "There is such a user already"},
    {"wrong_offset", 409, "The upload goes on at another offset"},
    {"tus_version", 412, "This version of tus is not supported"},
    {"body_too_large", 413, "The request body is too large"},
    {"file_too_large", 413, "The file is too large"},
    {"target_too_long", 414, "The request target is too long"},
    {"file_type_not_allowed", 415, "Files of this type are not accepted here"},
    {"unsupported_media_type", 415, "The content type is not supported here"},
    {"range_not_satisfiable", 416, "The range lies outside of the content"},
    {"invalid_fields", 422, "Some fields are not valid"},
    {"upload_locked", 423, "Another request writes to the upload"},
    {"websocket_version", 426, "This version of WebSocket is not supported"},
    {"too_many_attempts", 429, "Too many failed attempts"},
    {"too_many_streams", 429, "Too many event streams"},
    {"too_many_requests", 429, "Too many requests"},
    {"head_too_large", 431, "The request head is too large"},
    {"checksum_mismatch", 460, "The content is not what its checksum says"},
    {"internal_error", 500, "Internal error"},
    {"bad_gateway", 502, "The service behind this one failed"},
    {"unavailable", 503, "Unavailable for now"},
    {"overloaded", 503, "There is too much to do for now"},
    {"maintenance", 503, "Under maintenance"},
    {"revocations_stale", 503, "Access tokens cannot be checked for now"},
    {"upstream_timeout", 504, "The service behind this one did not answer in time"},
    {"unsupported_version", 505, "The HTTP version is not supported"},
    {"quota_exceeded", 507, "The quota is used up"},
};

const ProblemCode* find_code(std::string_view code)
{
    const auto* found = std::ranges::find(codes, code, &ProblemCode::code);
    return found == std::end(codes) ? nullptr : found;
}

Problem of_body_error(const BodyError& error)
{
    using Kind = BodyError::Kind;
    switch (error.kind()) {
    case Kind::closed: return Problem::bad_request("body_incomplete", "The connection ended before the body did.");
    case Kind::too_large: return Problem::too_large("body_too_large", "The body is larger than this server accepts.");
    case Kind::malformed: return Problem::bad_request("malformed_request", "The framing of the body is malformed.");
    case Kind::too_slow: return Problem::of_status(408, "body_timeout", "The body did not arrive in time.");
    case Kind::revoked: return Problem::unauthorized("session_ended", "The session was ended meanwhile: log in again.");
    }
    return Problem::internal("a BodyError of an unknown kind");
}

Problem of_exception(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const Problem& problem) {
        return problem;
    } catch (const BodyError& error) {
        return of_body_error(error);
    } catch (const ConnectFailed& error) {
        // Waiting does not help against a certificate.
        return error.kind() == ConnectFailed::Kind::handshake ? Problem::bad_gateway(error.what())
                                                              : Problem::unavailable(error.what(), error.retry_after());
    } catch (const Unavailable& error) {
        return Problem::unavailable(error.what(), error.retry_after());
    } catch (const UpstreamError& error) {
        return error.kind() == UpstreamError::Kind::timeout ? Problem::gateway_timeout(error.what())
                                                            : Problem::bad_gateway(error.what());
    } catch (const boost::system::system_error& error) {
        // The server cuts requests short when it stops.
        if (error.code() == asio::error::operation_aborted)
            return Problem::unavailable("the request was cancelled", std::chrono::seconds{1});
        return Problem::internal(error.what());
    } catch (const std::exception& error) {
        return Problem::internal(error.what());
    } catch (...) {
        return Problem::internal("an exception of an unknown type");
    }
}

// Completes a problem that a handler returned as a Response, when no request id was at hand.
void add_instance(Response& response, std::string_view request_id)
{
    if (request_id.empty() || response.stream || response.headers.find("content-type") != media_type)
        return;
    // Inside strings the quotes would be escaped, so this finds the member alone. A problem passes through here twice
    // when one role calls another in the same process.
    if (response.body.find("\"instance\":") != std::string::npos || !response.body.ends_with('}'))
        return;
    response.body.pop_back();
    response.body += ",\"instance\":";
    response.body += json::serialize(json::string(request_id));
    response.body += '}';
}

void log_cause(Response& response, const Request& request)
{
    if (response.cause.empty())
        return;
    if (response.status >= 500) {
        log::error("http", "request failed",
                   {{"request_id", request.request_id},
                    {"route", request.route},
                    {"method", request.head.method},
                    {"status", response.status},
                    {"cause", response.cause}});
    }
    response.cause.clear();
}

}  // namespace

std::span<const ProblemCode> problem_codes() { return codes; }

Problem::Problem(int status, std::string_view code, std::string detail)
    : status_(status), code_(code), detail_(std::move(detail))
{
    GH_ASSERT(find_code(code) != nullptr);
}

Problem Problem::bad_request(std::string_view code, std::string detail) { return {400, code, std::move(detail)}; }

Problem Problem::unauthorized(std::string_view code, std::string detail)
{
    Problem problem(401, code, std::move(detail));
    // RFC 6750 section 3.1: no error code where there were no credentials at all.
    problem.headers_.add("www-authenticate", code == "invalid_token"
                                                 ? R"(Bearer realm="gatehouse", error="invalid_token")"
                                                 : R"(Bearer realm="gatehouse")");
    return problem;
}

Problem Problem::forbidden(std::string_view code, std::string detail)
{
    Problem problem(403, code, std::move(detail));
    if (code == "insufficient_scope")
        problem.headers_.add("www-authenticate", R"(Bearer realm="gatehouse", error="insufficient_scope")");
    return problem;
}

Problem Problem::not_found(std::string_view code, std::string detail) { return {404, code, std::move(detail)}; }

Problem Problem::method_not_allowed(std::string allow)
{
    Problem problem(405, "method_not_allowed", "Allowed are: " + allow + ".");
    problem.headers_.add("allow", allow);
    return problem;
}

Problem Problem::conflict(std::string_view code, std::string detail) { return {409, code, std::move(detail)}; }
Problem Problem::too_large(std::string_view code, std::string detail) { return {413, code, std::move(detail)}; }
Problem Problem::unsupported_type(std::string_view code, std::string detail) { return {415, code, std::move(detail)}; }

Problem Problem::range_not_satisfiable(std::uint64_t size)
{
    Problem problem(416, "range_not_satisfiable", fmt::format("The content has {} bytes.", size));
    problem.headers_.add("content-range", fmt::format("bytes */{}", size));
    return problem;
}

Problem Problem::invalid(std::vector<FieldError> errors)
{
    Problem problem(422, "invalid_fields", "The member \"errors\" names each of them.");
    problem.errors_ = std::move(errors);
    return problem;
}

Problem Problem::internal(std::string cause)
{
    Problem problem(500, "internal_error", "Something went wrong here. The instance names this request in the log.");
    problem.cause_ = std::move(cause);
    return problem;
}

Problem Problem::bad_gateway(std::string cause)
{
    Problem problem(502, "bad_gateway", "The service that should have answered this gave no usable answer.");
    problem.cause_ = std::move(cause);
    return problem;
}

Problem Problem::too_many(std::string_view code, std::string detail, std::chrono::seconds retry_after)
{
    Problem problem(429, code, std::move(detail));
    problem.headers_.add("retry-after", std::to_string(std::max<std::int64_t>(retry_after.count(), 1)));
    return problem;
}

Problem Problem::unavailable(std::string cause, std::chrono::seconds retry_after)
{
    Problem problem(503, "unavailable", "This cannot be served right now. Try again a little later.");
    problem.cause_ = std::move(cause);
    problem.headers_.add("retry-after", std::to_string(std::max<std::int64_t>(retry_after.count(), 1)));
    return problem;
}

Problem Problem::gateway_timeout(std::string cause)
{
    Problem problem(504, "upstream_timeout", "The service that should have answered this did not do so in time.");
    problem.cause_ = std::move(cause);
    return problem;
}

Problem Problem::of_status(int status, std::string_view code, std::string detail)
{
    return {status, code, std::move(detail)};
}

Problem& Problem::with_header(std::string_view name, std::string_view value)
{
    headers_.set(name, value);
    return *this;
}

Response Problem::to_response(std::string_view request_id) const
{
    json::object body;
    body["type"] = "urn:gatehouse:problem:" + code_;
    body["title"] = find_code(code_)->title;
    body["status"] = status_;
    body["detail"] = detail_;
    body["code"] = code_;
    if (!errors_.empty()) {
        json::array& errors = body["errors"].emplace_array();
        for (const FieldError& error : errors_)
            errors.push_back(json::object{{"pointer", error.pointer}, {"detail", error.detail}});
    }
    if (!request_id.empty())
        body["instance"] = request_id;

    Response response;
    response.status = status_;
    response.headers = headers_;
    response.headers.set("content-type", media_type);
    response.headers.set("cache-control", "no-store");
    response.body = json::serialize(body);
    const bool is_ours = status_ >= 500 && status_ != 507;  // a quota that is used up is no failure
    if (is_ours)
        response.cause = cause_.empty() ? detail_ : cause_;
    return response;
}

Response answer_exception(const std::exception_ptr& error, const Request& request)
{
    Response response = of_exception(error).to_response(request.request_id);
    log_cause(response, request);
    return response;
}

Task<Response> answer(const Handler& handler, Request& request)
{
    Response response;
    std::exception_ptr error;
    try {
        response = co_await handler(request);
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        co_return answer_exception(error, request);
    add_instance(response, request.request_id);
    log_cause(response, request);
    co_return response;
}

}  // namespace gatehouse::http
