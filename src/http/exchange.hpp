// SPDX-License-Identifier: Apache-2.0
// What the server does with a request and its answer, whichever version of HTTP they are in. No state, any thread.
#pragma once

#include "http/message.hpp"
#include "http/parser.hpp"
#include "http/server_context.hpp"

#include <exception>
#include <string>

namespace gatehouse::http {

class Problem;

// Fills what does not stand in the head, for the handler.
void begin_exchange(Request& request, BodyReader& body, const Peer& peer, bool assign_id);

// What is answered to a head that was refused.
Problem problem_of(ParseError error);

std::string describe_exception(const std::exception_ptr& error);

// Makes an answer with a status that is none a 500.
void check_status(Response& response, const Request& request);

bool has_no_body(int status, bool to_head);

// `chunked`: what to do about a stream of unknown length, which else ends with the connection.
Framing response_framing(const Response& response, bool to_head, bool chunked);

}  // namespace gatehouse::http
