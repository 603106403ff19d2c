// SPDX-License-Identifier: Apache-2.0
#include "identity/key_fetcher.hpp"

#include "base/error.hpp"
#include "identity/authenticator.hpp"
#include "identity/revocation_fixture.hpp"
#include "identity/token_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace gatehouse::identity {
namespace {

using namespace std::chrono_literals;
using testing::good_claims;
using testing::keys;

// An auth that answers as told, and a fetcher in a hurry.
class KeyFetcherTest : public ::testing::Test {
protected:
    KeyFetcherTest() { clock_.advance(testing::now - clock_.now()); }
    ~KeyFetcherTest() override
    {
        end_.emit(asio::cancellation_type::terminal);
        context_.run();
    }

    void start()
    {
        asio::co_spawn(context_, fetcher_.run(), asio::bind_cancellation_slot(end_.slot(), asio::detached));
    }

    template <class Condition>
    bool wait_until(Condition condition)
    {
        auto end = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < end)
            context_.run_one_for(10ms);
        return condition();
    }

    void serve(const std::vector<SigningKey>& served) { body_ = json::serialize(to_jwks(served)); }

    Task<http::Response> answer(http::Request& request)
    {
        EXPECT_EQ(request.head.target, "/.well-known/jwks.json");
        ++asked_;
        http::Response response;
        response.status = status_;
        response.body = body_;
        co_return response;
    }

    Result<std::shared_ptr<const Claims>, TokenError> verify(const SigningKey& key)
    {
        return authenticator_.verify(sign_token(good_claims(), key));
    }

    asio::io_context context_;
    asio::cancellation_signal end_;
    Clock clock_;
    int status_ = 200;
    int asked_ = 0;
    std::string body_;
    http::Upstream auth_{"auth", [this](http::Request& request) { return answer(request); }};
    KeySource source_;
    KeyFetcher fetcher_{auth_, source_, {.refresh = 1h, .cool_down = 50ms, .backoff_max = 10ms}};
    testing::KnownRevocations revocations_;
    Authenticator authenticator_{source_, revocations_.list, testing::rules(), clock_};
};

TEST_F(KeyFetcherTest, FetchesAtTheStartAndWhatWasVerifiedBeforeIsUnavailableNotWrong)
{
    serve({keys().eddsa});
    EXPECT_THROW(verify(keys().eddsa), Unavailable);
    start();
    ASSERT_TRUE(wait_until([&] { return source_.generation() > 0; }));
    EXPECT_TRUE(verify(keys().eddsa));
}

TEST_F(KeyFetcherTest, TriesAgainUntilAuthAnswers)
{
    status_ = 503;
    start();
    ASSERT_TRUE(wait_until([&] { return asked_ > 2; }));
    status_ = 200;
    body_ = "{";
    ASSERT_TRUE(wait_until([&] { return asked_ > 4; }));
    body_ = R"({"keys":[]})";
    ASSERT_TRUE(wait_until([&] { return asked_ > 6; }));
    EXPECT_EQ(source_.generation(), 0U);
    serve({keys().eddsa});
    EXPECT_TRUE(wait_until([&] { return source_.generation() == 1; }));
}

TEST_F(KeyFetcherTest, AnUnknownKeyIsLookedForAtOnceButNotMoreOftenThanTheCoolDownAllows)
{
    serve({keys().eddsa});
    start();
    ASSERT_TRUE(wait_until([&] { return source_.generation() == 1; }));
    serve({keys().es256, keys().eddsa});
    EXPECT_EQ(verify(keys().es256).error(), TokenError::unknown_key);
    ASSERT_TRUE(wait_until([&] { return source_.generation() == 2; }));
    EXPECT_TRUE(verify(keys().es256));

    int before = asked_;
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(verify(keys().rs256).error(), TokenError::unknown_key);
        context_.run_one_for(1ms);
    }
    auto fetches_max = (std::chrono::steady_clock::now() - begin) / 50ms + 1;
    EXPECT_LE(asked_ - before, fetches_max);
    EXPECT_GT(asked_, before);
}

TEST_F(KeyFetcherTest, KeepsItsKeysWhileAuthIsAwayAndItsMemoryWhileTheyAreTheSame)
{
    serve({keys().eddsa});
    start();
    ASSERT_TRUE(wait_until([&] { return source_.generation() == 1; }));
    int before = asked_;
    source_.report_unknown_key();
    ASSERT_TRUE(wait_until([&] { return asked_ > before; }));
    EXPECT_EQ(source_.generation(), 1U);
    status_ = 503;
    source_.report_unknown_key();
    ASSERT_TRUE(wait_until([&] { return asked_ > before + 2; }));
    EXPECT_EQ(source_.generation(), 1U);
    EXPECT_TRUE(verify(keys().eddsa));
}

}  // namespace
}  // namespace gatehouse::identity
