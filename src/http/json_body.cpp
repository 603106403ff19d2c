// SPDX-License-Identifier: Apache-2.0
#include "http/json_body.hpp"

#include "base/error.hpp"
#include "http/problem.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>

namespace gatehouse::http {

namespace {

// "application/json" or a type with the "+json" suffix, whatever parameters follow.
bool is_json_type(std::string_view content_type)
{
    auto type = tokens::trim(content_type.substr(0, content_type.find(';')));
    constexpr std::string_view suffix = "+json";
    return iequals(type, "application/json") ||
           (type.size() > suffix.size() && iequals(type.substr(type.size() - suffix.size()), suffix));
}

Problem too_large(std::size_t bytes_max)
{
    return Problem::too_large("body_too_large", fmt::format("The body may have at most {} bytes.", bytes_max));
}

}  // namespace

Task<std::string> read_body(Request& request, std::size_t bytes_max)
{
    auto length = request.body->length();
    if (length && *length > bytes_max)
        throw too_large(bytes_max);
    std::string body;
    if (length)
        body.reserve(static_cast<std::size_t>(*length));
    while (true) {
        auto piece = co_await request.body->read();
        if (piece.empty())
            co_return body;
        if (piece.size() > bytes_max - body.size())
            throw too_large(bytes_max);
        body += piece;
    }
}

Task<std::string> read_body(Response& response, std::size_t bytes_max)
{
    std::string body = std::move(response.body);
    while (response.stream) {
        auto piece = co_await response.stream->read();
        if (piece.empty())
            break;
        if (piece.size() > bytes_max - std::min(body.size(), bytes_max))
            throw Unavailable(fmt::format("a peer's answer has more than {} bytes", bytes_max));
        body += piece;
    }
    co_return body;
}

Task<json::object> read_json(Request& request, std::size_t bytes_max)
{
    if (request.head.headers.count("content-type") != 1 || !is_json_type(*request.head.headers.find("content-type")))
        throw Problem::unsupported_type("unsupported_media_type", "The content type must be application/json.");
    std::string body = co_await read_body(request, bytes_max);
    auto value = parse_json(body);
    if (!value)
        throw Problem::bad_request("invalid_json", value.error());
    if (!value->is_object())
        throw Problem::bad_request("invalid_json", "The body must be a JSON object.");
    co_return std::move(value->get_object());
}

Response json_response(const json::value& value, int status)
{
    Response response;
    response.status = status;
    response.headers.add("content-type", "application/json");
    response.body = json::serialize(value);
    return response;
}

}  // namespace gatehouse::http
