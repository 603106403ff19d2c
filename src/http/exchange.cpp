// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.hpp"

#include "base/id.hpp"
#include "http/list.hpp"
#include "http/problem.hpp"

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t request_id_bytes_max = 64;

// The id under which the caller knows the request, where it sent a harmless one.
void assign_request_id(Request& request)
{
    auto harmless = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
               c == '.';
    };
    auto sent = request.head.headers.find("x-request-id");
    if (sent && !sent->empty() && sent->size() <= request_id_bytes_max && std::ranges::all_of(*sent, harmless))
        request.request_id = *sent;
    else
        request.request_id = make_id();
}

}  // namespace

void begin_exchange(Request& request, BodyReader& body, const Peer& peer, bool assign_id)
{
    request.body = &body;
    request.remote_address = peer.address;
    request.scheme = peer.scheme;
    request.path_parameters.clear();
    request.route = {};
    request.request_id.clear();
    request.upgrade.clear();
    request.takes_trailers = false;
    for_each_element(request.head.headers, "te", [&](std::string_view element) {
        request.takes_trailers = request.takes_trailers || iequals(element, "trailers");
    });
    request.companions = nullptr;
    request.body_holds.reset();
    if (assign_id)
        assign_request_id(request);
}

Problem problem_of(ParseError error)
{
    std::string detail(describe(error));
    switch (status_for(error)) {
    case 414: return Problem::of_status(414, "target_too_long", std::move(detail));
    case 431: return Problem::of_status(431, "head_too_large", std::move(detail));
    case 505: return Problem::of_status(505, "unsupported_version", std::move(detail));
    default: return Problem::bad_request("malformed_request", std::move(detail));
    }
}

std::string describe_exception(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an exception of an unknown type";
    }
}

void check_status(Response& response, const Request& request)
{
    if (response.status < 200 || response.status > 599)
        response =
            answer_exception(std::make_exception_ptr(Problem::internal("a handler's status is out of range")), request);
}

bool has_no_body(int status, bool to_head) { return status == 204 || status == 304 || to_head; }

Framing response_framing(const Response& response, bool to_head, bool chunked)
{
    if (response.status == 204)
        return {};
    if (to_head || response.status == 304) {
        std::optional<std::uint64_t> length = response.content_length;
        if (!length && response.stream)
            length = response.stream->length();
        if (!length && !response.stream && !response.body.empty())
            length = response.body.size();
        if (!length)
            return {};
        return {Framing::Kind::length, *length};
    }
    if (!response.stream)
        return {Framing::Kind::length, response.body.size()};
    if (auto length = response.stream->length())
        return {Framing::Kind::length, *length};
    return {chunked ? Framing::Kind::chunked : Framing::Kind::until_close, 0};
}

}  // namespace gatehouse::http
