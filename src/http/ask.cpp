// SPDX-License-Identifier: Apache-2.0
#include "http/ask.hpp"

#include "base/id.hpp"
#include "http/json_body.hpp"

#include <utility>

namespace gatehouse::http {

Task<Answer> ask(Upstream& upstream, std::string target, Headers headers, std::size_t bytes_max)
{
    StringBody empty;
    Request request;
    request.head.method = "GET";
    request.head.target = std::move(target);
    request.head.headers = std::move(headers);
    request.body = &empty;
    request.request_id = make_id();
    Response response = co_await upstream.send(request);
    Answer answer{response.status, {}};
    answer.body = co_await read_body(response, bytes_max);
    co_return answer;
}

}  // namespace gatehouse::http
