// SPDX-License-Identifier: Apache-2.0
#include "http/problem.hpp"

#include "base/json.hpp"
#include "http/client.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse::http {

namespace {

json::object body_of(const Response& response)
{
    auto value = parse_json(response.body);
    EXPECT_TRUE(value.has_value()) << response.body;
    return value ? value->as_object() : json::object{};
}

// What answer() makes of a handler that throws this.
template <class Error>
Response answer_to(Error error)
{
    Request request;
    request.request_id = "id-1";
    Handler handler = [&error](Request&) -> Task<Response> { throw error; };
    return testing::run_task(answer(handler, request));
}

std::string code_of(const Response& response) { return find_string(body_of(response), "code").value_or(""); }

}  // namespace

TEST(Problem, SaysWhatRfc9457Wants)
{
    auto response = Problem::not_found("file_not_found", "There is no file \"7\".").to_response("id-7");
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.headers.find("content-type"), "application/problem+json");
    EXPECT_EQ(response.headers.find("cache-control"), "no-store");
    EXPECT_EQ(response.body,
              R"({"type":"urn:gatehouse:problem:file_not_found","title":"There is no such file",)"
              R"("status":404,"detail":"There is no file \"7\".","code":"file_not_found","instance":"id-7"})");
}

TEST(Problem, NamesEachBadField)
{
    auto response = Problem::invalid({{"/username", "is missing"}, {"/email", "is not an address"}}).to_response("");
    EXPECT_EQ(response.status, 422);
    auto body = body_of(response);
    ASSERT_EQ(body["errors"].as_array().size(), 2U);
    EXPECT_EQ(body["errors"].as_array()[1].as_object()["pointer"], "/email");
    EXPECT_FALSE(body.contains("instance"));
}

TEST(Problem, CarriesTheFieldsThatItsStatusNeeds)
{
    auto header = [](const Problem& problem, std::string_view name) {
        return std::string(problem.to_response("").headers.find(name).value_or("-"));
    };
    EXPECT_EQ(header(Problem::unauthorized("unauthenticated", ""), "www-authenticate"), "Bearer realm=\"gatehouse\"");
    EXPECT_EQ(header(Problem::unauthorized("invalid_token", ""), "www-authenticate"),
              "Bearer realm=\"gatehouse\", error=\"invalid_token\"");
    EXPECT_EQ(header(Problem::forbidden("insufficient_scope", ""), "www-authenticate"),
              "Bearer realm=\"gatehouse\", error=\"insufficient_scope\"");
    EXPECT_EQ(header(Problem::forbidden("csrf_rejected", ""), "www-authenticate"), "-");
    EXPECT_EQ(header(Problem::method_not_allowed("GET, HEAD"), "allow"), "GET, HEAD");
    EXPECT_EQ(header(Problem::range_not_satisfiable(10), "content-range"), "bytes */10");
    EXPECT_EQ(header(Problem::unavailable("", std::chrono::seconds{3}), "retry-after"), "3");
    EXPECT_EQ(header(Problem::unavailable("", std::chrono::seconds{0}), "retry-after"), "1");
    EXPECT_EQ(header(Problem::conflict("user_exists", "").with_header("X-A", "b"), "x-a"), "b");
}

TEST(Problem, NeverShowsItsCause)
{
    for (const auto& problem :
         {Problem::internal("secret"), Problem::bad_gateway("secret"), Problem::gateway_timeout("secret"),
          Problem::unavailable("secret", std::chrono::seconds{1})}) {
        auto response = problem.to_response("id");
        EXPECT_EQ(response.body.find("secret"), std::string::npos);
        EXPECT_EQ(response.cause, "secret");
    }
}

TEST(ProblemDeathTest, AnUnknownCodeAborts)
{
    EXPECT_DEATH(Problem::not_found("no_such_code", ""), "broken invariant");
}

TEST(ProblemCodes, AreUniqueAndSortedByStatus)
{
    std::set<std::string_view> seen;
    int status = 400;
    for (const ProblemCode& code : problem_codes()) {
        EXPECT_TRUE(seen.insert(code.code).second) << code.code;
        EXPECT_GE(code.status, status) << code.code;
        EXPECT_FALSE(code.title.empty()) << code.code;
        EXPECT_FALSE(reason_phrase(code.status).empty()) << code.code;
        status = code.status;
    }
}

TEST(Answer, MapsWhatAHandlerThrows)
{
    using Kind = BodyError::Kind;
    struct Expected {
        Response response;
        int status;
        std::string_view code;
    };
    std::vector<Expected> cases;
    cases.push_back({answer_to(Problem::conflict("user_exists", "x")), 409, "user_exists"});
    cases.push_back({answer_to(BodyError(Kind::closed)), 400, "body_incomplete"});
    cases.push_back({answer_to(BodyError(Kind::malformed)), 400, "malformed_request"});
    cases.push_back({answer_to(BodyError(Kind::too_slow)), 408, "body_timeout"});
    cases.push_back({answer_to(BodyError(Kind::too_large)), 413, "body_too_large"});
    cases.push_back({answer_to(Unavailable("database", std::chrono::seconds{7})), 503, "unavailable"});
    cases.push_back({answer_to(UpstreamError(UpstreamError::Kind::timeout, "late")), 504, "upstream_timeout"});
    cases.push_back({answer_to(UpstreamError(UpstreamError::Kind::closed, "cut")), 502, "bad_gateway"});
    cases.push_back({answer_to(UpstreamError(UpstreamError::Kind::malformed, "junk")), 502, "bad_gateway"});
    cases.push_back({answer_to(std::runtime_error("bug")), 500, "internal_error"});
    cases.push_back({answer_to(42), 500, "internal_error"});
    for (const Expected& expected : cases) {
        EXPECT_EQ(expected.response.status, expected.status) << expected.code;
        EXPECT_EQ(code_of(expected.response), expected.code);
        EXPECT_EQ(find_string(body_of(expected.response), "instance"), "id-1") << expected.code;
        EXPECT_EQ(expected.response.cause, "") << expected.code;
    }
    EXPECT_EQ(cases[5].response.headers.find("retry-after"), "7");
}

TEST(Answer, AddsTheInstanceToAReturnedProblemOnce)
{
    Request request;
    request.request_id = "id-\"2\"";
    Handler handler = [](Request&) -> Task<Response> {
        co_return Problem::not_found("not_found", "a detail that says \"instance\": nothing");
    };
    Handler outer = [&handler](Request& inner) { return answer(handler, inner); };
    auto response = testing::run_task(answer(outer, request));
    EXPECT_EQ(find_string(body_of(response), "instance"), "id-\"2\"");
}

TEST(Answer, LeavesOtherResponsesAlone)
{
    Request request;
    request.request_id = "id-3";
    Handler handler = [](Request&) -> Task<Response> {
        Response response;
        response.headers.add("content-type", "application/json");
        response.body = "{}";
        co_return response;
    };
    auto response = testing::run_task(answer(handler, request));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "{}");
}

}  // namespace gatehouse::http
