// SPDX-License-Identifier: Apache-2.0
#include "http/json_body.hpp"

#include "http/problem.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

// Pieces of a body whose length is not known beforehand.
class Pieces final : public BodyReader {
public:
    explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
    Task<std::string_view> read() override
    {
        co_return next_ < pieces_.size() ? std::string_view(pieces_[next_++]) : std::string_view{};
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    std::size_t read_count() const { return next_; }

private:
    std::vector<std::string> pieces_;
    std::size_t next_ = 0;
};

// "" when it is well, else status and code.
std::string read_error(std::string_view type, std::string text, std::size_t bytes_max = 100)
{
    StringBody body(std::move(text));
    Request request;
    request.body = &body;
    if (!type.empty())
        request.head.headers.add("content-type", type);
    try {
        testing::run_task(read_json(request, bytes_max));
        return "";
    } catch (const Problem& problem) {
        return std::to_string(problem.status()) + ' ' + problem.code();
    }
}

}  // namespace

TEST(ReadJson, TakesJsonObjectsOnly)
{
    EXPECT_EQ(read_error("application/json", R"({"a":1})"), "");
    EXPECT_EQ(read_error("Application/JSON; charset=utf-8", "{}"), "");
    EXPECT_EQ(read_error("application/merge-patch+json", "{}"), "");
    EXPECT_EQ(read_error("", "{}"), "415 unsupported_media_type");
    EXPECT_EQ(read_error("text/plain", "{}"), "415 unsupported_media_type");
    EXPECT_EQ(read_error("application/jsonx", "{}"), "415 unsupported_media_type");
    EXPECT_EQ(read_error("+json", "{}"), "415 unsupported_media_type");
    EXPECT_EQ(read_error("application/json", ""), "400 invalid_json");
    EXPECT_EQ(read_error("application/json", "[1]"), "400 invalid_json");
    EXPECT_EQ(read_error("application/json", "{"), "400 invalid_json");
    EXPECT_EQ(read_error("application/json", R"({"a":1,"a":2})"), "400 invalid_json");
    EXPECT_EQ(read_error("application/json", "{" + std::string(100, ' ') + "}"), "413 body_too_large");
}

TEST(ReadBody, StopsAtItsLimit)
{
    Pieces small({"ab", "cd"});
    Request request;
    request.body = &small;
    EXPECT_EQ(testing::run_task(read_body(request, 4)), "abcd");

    Pieces large({"ab", "cd", "ef", "gh"});
    request.body = &large;
    EXPECT_THROW(testing::run_task(read_body(request, 3)), Problem);
    EXPECT_EQ(large.read_count(), 2U);

    StringBody announced("abcd");
    request.body = &announced;
    EXPECT_THROW(testing::run_task(read_body(request, 3)), Problem);
    EXPECT_EQ(testing::run_task(announced.read()), "abcd");  // not even begun
}

TEST(JsonResponse, HasTypeAndBody)
{
    auto response = json_response(json::object{{"a", 1}}, 201);
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(response.headers.find("content-type"), "application/json");
    EXPECT_EQ(response.body, R"({"a":1})");
}

}  // namespace gatehouse::http
