// SPDX-License-Identifier: Apache-2.0
// For this folder's tests of the client: one request through it, and the answer with its whole body.
#pragma once

#include "http/client.hpp"

#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gatehouse::http::testing {

struct Answer {
    int status = 0;
    Headers headers;
    Headers trailers;
    std::string body;
    bool streamed = false;
    std::optional<std::uint64_t> content_length;
};

class ClientFixture : public ::testing::Test {
protected:
    Answer ask(Endpoint endpoint, std::string method = "GET", std::unique_ptr<BodyReader> body = nullptr)
    {
        return gatehouse::testing::run_task(context_,
                                            ask_task(std::move(endpoint), std::move(method), std::move(body)));
    }

    Task<Answer> ask_task(Endpoint endpoint, std::string method, std::unique_ptr<BodyReader> body)
    {
        if (!client_)
            client_.emplace(context_.get_executor(), options_);
        if (!body)
            body = std::make_unique<StringBody>();
        Request request;
        request.head.method = std::move(method);
        request.head.target = target_;
        request.body = body.get();
        Response response = co_await client_->send(endpoint, endpoint.authority(), request);
        Answer answer{.status = response.status,
                      .headers = response.headers,
                      .trailers = {},
                      .body = response.body,
                      .streamed = response.stream != nullptr,
                      .content_length = response.content_length};
        while (response.stream) {
            std::string_view piece = co_await response.stream->read();
            if (piece.empty()) {
                if (const Headers* trailers = response.stream->trailers())
                    answer.trailers = *trailers;
                break;
            }
            answer.body += piece;
        }
        co_return answer;
    }

    std::string target_ = "/t?q=1";
    ClientOptions options_;
    asio::io_context context_;
    std::optional<Client> client_;
};

}  // namespace gatehouse::http::testing
