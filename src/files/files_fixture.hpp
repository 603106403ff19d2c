// SPDX-License-Identifier: Apache-2.0
// For this folder's tests: the role on a local store in a directory of its own, called as the server calls it, with
// real tokens.
#pragma once

#include "files/files.hpp"

#include "base/id.hpp"
#include "base/json.hpp"
#include "http/problem.hpp"
#include "identity/revocation_fixture.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace gatehouse::files::testing {

// A body that arrives in pieces of `piece` bytes; after all of them it breaks off instead of ending, if `broken`.
class PiecewiseBody final : public http::BodyReader {
public:
    PiecewiseBody(std::string content, std::size_t piece, bool broken = false, bool length_known = true)
        : content_(std::move(content)), piece_(piece), broken_(broken), length_known_(length_known)
    {
    }
    Task<std::string_view> read() override
    {
        auto piece = std::string_view(content_).substr(at_, piece_);
        if (piece.empty() && broken_)
            throw http::BodyError(http::BodyError::Kind::closed);
        at_ += piece.size();
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override
    {
        return length_known_ ? std::optional<std::uint64_t>(content_.size()) : std::nullopt;
    }
    std::size_t taken() const { return at_; }

private:
    std::string content_;
    std::size_t piece_;
    bool broken_;
    bool length_known_;
    std::size_t at_ = 0;
};

struct Answer {
    int status = 0;
    http::Headers headers;
    std::string body;
    std::optional<std::uint64_t> announced_length;  // what Content-Length would say

    std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("")); }
    json::object object() const
    {
        auto value = parse_json(body);
        return value && value->is_object() ? value->get_object() : json::object{};
    }
    std::string code() const { return find_string(object(), "code").value_or(""); }
    std::string detail() const { return find_string(object(), "detail").value_or(""); }
    json::array items() const
    {
        json::object list = object();
        const json::value* items = list.if_contains("items");
        return items && items->is_array() ? items->get_array() : json::array{};
    }
    json::object item(std::size_t index) const { return items().at(index).as_object(); }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

class FilesFixture : public ::testing::Test {
protected:
    explicit FilesFixture(std::uint64_t upload_bytes_max = 1 << 20)
    {
        Config config;
        config.upload_bytes_max = upload_bytes_max;
        keys_.store(identity::KeySet::of({key_}));
        files_ = std::make_unique<Files>(config, needs(), "https://gate.example/");
        threads_.start();
    }
    ~FilesFixture() override
    {
        store_->stop();
        threads_.stop();
    }

    Files::Needs needs() { return {*store_, authenticators_, service_key_, clock_, metrics_}; }

    std::string token_for(const std::string& user, std::vector<std::string> permissions,
                          std::vector<std::string> roles = {}) const
    {
        identity::Claims claims;
        claims.issuer = "https://gate.example";
        claims.audience = "gatehouse";
        claims.subject = user;
        claims.username = "name-of-" + user.substr(user.size() - 4);
        claims.token_id = make_id();
        claims.session_id = make_id();
        claims.issued_at = to_unix_seconds(clock_.now());
        claims.expires_at = claims.issued_at + 600;
        claims.permissions = std::move(permissions);
        claims.roles = std::move(roles);
        return identity::sign_token(claims, key_);
    }
    std::string token_for(const std::string& user) const { return token_for(user, {"files:read", "files:write"}); }

    Answer call(const std::string& method, const std::string& target, const std::string& token,
                const Fields& fields = {}, http::BodyReader* body = nullptr)
    {
        http::StringBody nothing;
        http::Request request;
        request.head.method = method;
        request.head.target = target;
        request.request_id = "request-1";
        if (!token.empty())
            request.head.headers.add("authorization", "Bearer " + token);
        for (const auto& [name, value] : fields)
            request.head.headers.add(name, value);
        request.body = body ? body : &nothing;
        auto answer = asio::co_spawn(threads_.context(0), serve(request), asio::use_future);
        if (answer.wait_for(std::chrono::seconds{30}) != std::future_status::ready)
            throw std::runtime_error("the request was not answered in time");
        return answer.get();
    }
    Answer get(const std::string& target, const Fields& fields = {})
    {
        return call("GET", target, alice_token_, fields);
    }

    // Uploads a raw body as Alice.
    Answer upload(const std::string& content, const std::string& name = "note.txt")
    {
        http::StringBody body(content);
        return call("POST", "/upload?name=" + name, alice_token_, {}, &body);
    }
    std::string upload_id(const std::string& content, const std::string& name = "note.txt")
    {
        Answer answer = upload(content, name);
        EXPECT_EQ(answer.status, 201) << answer.body;
        return find_string(answer.item(0), "id").value_or("");
    }

    template <class T>
    T run(Task<T> task)
    {
        return asio::co_spawn(threads_.context(0), std::move(task), asio::use_future).get();
    }

    // The files below the store's directory: content, and what is on its way.
    std::size_t stored_content_count()
    {
        store_->stop();
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path() / "files"))
            count += entry.is_regular_file() ? 1 : 0;
        return count;
    }

    const std::string alice_ = make_id();
    const std::string bob_ = make_id();
    gatehouse::testing::TempDir directory_;
    identity::ServiceKey service_key_{Secret(std::string(32, 's'))};
    Clock clock_;
    Metrics metrics_;
    identity::SigningKey key_ = identity::SigningKey::generate(identity::Algorithm::eddsa);
    identity::KeySource keys_;
    identity::testing::KnownRevocations revocations_;
    const std::string alice_token_ = token_for(alice_);
    const std::string bob_token_ = token_for(bob_);
    IoThreads threads_{1};
    PerThread<identity::Authenticator> authenticators_{
        1, [this](std::size_t) {
            identity::TokenRules rules{.issuer = "https://gate.example", .audience = "gatehouse"};
            return std::make_unique<identity::Authenticator>(keys_, revocations_.list, rules, clock_);
        }};
    std::unique_ptr<FileStore> store_ =
        make_local_file_store(directory_.path() / "files", directory_.path() / "files.db");
    std::unique_ptr<Files> files_;

private:
    Task<Answer> serve(http::Request& request)
    {
        http::Response response = co_await http::answer(http::make_handler(files_->router()), request);
        Answer answer;
        answer.status = response.status;
        answer.headers = response.headers;
        answer.body = std::move(response.body);
        answer.announced_length = response.content_length;
        if (response.stream) {
            answer.announced_length = response.stream->length();
            while (true) {
                std::string_view piece = co_await response.stream->read();
                if (piece.empty())
                    break;
                answer.body.append(piece);
            }
        }
        co_return answer;
    }
};

}  // namespace gatehouse::files::testing
