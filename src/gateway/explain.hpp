// SPDX-License-Identifier: Apache-2.0
// What the gateway would do with a request, as JSON for people and programs. The decisions are the pipeline's own: it
// runs its steps on the request and sends nothing. Here is only told what came of them. Pure functions.
#pragma once

#include "base/json.hpp"
#include "gateway/passage.hpp"
#include "gateway/route_table.hpp"
#include "http/message.hpp"
#include "http/upstream.hpp"

#include <string_view>

namespace gatehouse::gateway {

// The request that {"method","url","token","headers":[[name,value]...]} describes; all but the first two may be
// missing. Without a Host field it has the one of the URL, or else of `public_url`. Throws Problem 400.
http::Request read_question(const json::object& question, std::string_view public_url);

// Each step, with what came of it (passed, refused, not reached) and what it looks at on that route.
json::array explain_steps(const Passage& passage, bool refused);

json::object explain_route(const Route& route);

// The routes nearest to the request that do not take it, at most five, each with the reason.
json::array explain_other_routes(const RouteTable& table, const RouteQuestion& question, const Route* taken);

// What the token says that was sent along, and whether it was verified. Null without one.
json::value explain_token(const http::Headers& headers, const Caller& caller);

// Where the request goes, as it arrives there.
json::object explain_forwarding(const http::Request& request, const Route& route);

// What the gateway answers by itself: the status, the code and detail of the problem, the fields that say how to go on.
json::object explain_answer(const http::Response& response);

}  // namespace gatehouse::gateway
