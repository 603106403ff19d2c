// SPDX-License-Identifier: Apache-2.0
// Errors for clients: RFC 9457 problem details, the same from every role.
//
// A handler returns Problem::not_found("file_not_found", "...") (it converts to Response) or throws it; both say the
// same. `detail` is for the client; `cause` goes to the log only. The codes are one table, in problem.cpp.
#pragma once

#include "http/message.hpp"

#include <chrono>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct FieldError {
    std::string pointer;  // JSON Pointer, or the parameter's name
    std::string detail;
};

class Problem final : public std::exception {
public:
    static Problem bad_request(std::string_view code, std::string detail);       // 400
    static Problem unauthorized(std::string_view code, std::string detail);      // 401, WWW-Authenticate: Bearer
    static Problem forbidden(std::string_view code, std::string detail);         // 403
    static Problem not_found(std::string_view code, std::string detail);         // 404
    static Problem method_not_allowed(std::string allow);                        // 405, Allow
    static Problem conflict(std::string_view code, std::string detail);          // 409
    static Problem too_large(std::string_view code, std::string detail);         // 413
    static Problem unsupported_type(std::string_view code, std::string detail);  // 415
    static Problem range_not_satisfiable(std::uint64_t size);                    // 416, Content-Range: bytes */size
    static Problem invalid(std::vector<FieldError> errors);                      // 422 invalid_fields
    static Problem too_many(std::string_view code, std::string detail, std::chrono::seconds retry_after);  // 429
    static Problem internal(std::string cause);                                                            // 500
    static Problem bad_gateway(std::string cause);                                                         // 502
    static Problem unavailable(std::string cause, std::chrono::seconds retry_after);  // 503, Retry-After
    static Problem gateway_timeout(std::string cause);                                // 504
    static Problem of_status(int status, std::string_view code, std::string detail);  // for what the parsers refuse

    Problem& with_header(std::string_view name, std::string_view value);

    int status() const { return status_; }
    const std::string& code() const { return code_; }
    const std::string& cause() const { return cause_; }
    const char* what() const noexcept override { return detail_.c_str(); }

    // application/problem+json with type, title, status, detail, code, errors and instance (the request id).
    Response to_response(std::string_view request_id) const;
    operator Response() const { return to_response({}); }  // serve_problem() adds the instance

private:
    Problem(int status, std::string_view code, std::string detail);

    int status_;
    std::string code_;
    std::string detail_;
    std::string cause_;
    std::vector<FieldError> errors_;
    Headers headers_;
};

struct ProblemCode {
    std::string_view code;
    int status;
    std::string_view title;
};
// Every code that the program can answer, for docs/problems.md and the golden test.
std::span<const ProblemCode> problem_codes();

// Runs `handler` and turns what it throws into a problem: Problem as it is, BodyError 400/408/413, Unavailable 503 with
// Retry-After, anything else 500. Logs one line with the request id for each 5xx.
Task<Response> answer(const Handler& handler, Request& request);

// What answer() does with an exception.
Response answer_exception(const std::exception_ptr& error, const Request& request);

}  // namespace gatehouse::http
