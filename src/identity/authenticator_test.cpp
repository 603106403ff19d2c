// SPDX-License-Identifier: Apache-2.0
#define COUNT_ALLOCATIONS_HERE
#include "identity/authenticator.hpp"

#include "http/problem.hpp"
#include "identity/revocation_fixture.hpp"
#include "identity/token_fixture.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse::identity {
namespace {

using testing::good_claims;
using testing::keys;

// The tests' moment, on a clock that can be moved.
struct AuthenticatorTest : ::testing::Test {
    AuthenticatorTest()
    {
        clock.advance(testing::now - clock.now());
        source.store(keys().set);
    }

    std::string token_of(std::string_view id)
    {
        Claims claims = good_claims();
        claims.token_id = id;
        return sign_token(claims, keys().eddsa);
    }
    http::Request request_with(std::string_view authorization)
    {
        http::Request request;
        request.head.headers.add("authorization", authorization);
        return request;
    }
    int status_of(const http::Request& request, std::string_view permission = {})
    {
        try {
            if (permission.empty())
                authenticator.require(request);
            else
                authenticator.require(request, permission);
            return 200;
        } catch (const http::Problem& problem) {
            auto response = problem.to_response("id");
            challenge = response.headers.find("www-authenticate").value_or("");
            return problem.status();
        }
    }

    Clock clock;
    KeySource source;
    testing::KnownRevocations revocations;
    Authenticator authenticator{source, revocations.list, testing::rules(), clock, 64};
    std::string challenge;
};

TEST_F(AuthenticatorTest, ARememberedTokenIsRefusedOnceItIsRevoked)
{
    source.store(KeySet::of({keys().eddsa}));
    std::string token = sign_token(good_claims(), keys().eddsa);
    ASSERT_TRUE(authenticator.verify(token).has_value());
    ASSERT_TRUE(authenticator.verify(token).has_value());
    revocations.add({{1, Revocation::Kind::session, "another", std::chrono::seconds{60}}});
    ASSERT_TRUE(authenticator.verify(token).has_value());
    revocations.add({{2, Revocation::Kind::session, good_claims().session_id, std::chrono::seconds{60}}});
    for (int i = 0; i < 2; ++i) {
        auto refused = authenticator.verify(token);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error(), TokenError::revoked);
    }
}

TEST_F(AuthenticatorTest, NothingIsVerifiedBeforeTheRevocationsAreKnown)
{
    source.store(KeySet::of({keys().eddsa}));
    RevocationList unknown;
    Authenticator early(source, unknown, testing::rules(), clock);
    EXPECT_THROW(early.verify(sign_token(good_claims(), keys().eddsa)), Unavailable);
}

TEST_F(AuthenticatorTest, VerifiesATokenOnceAndRemembersIt)
{
    std::string token = token_of("one");
    EXPECT_FALSE(authenticator.remembers(token));
    for (int i = 0; i < 3; ++i) {
        auto claims = authenticator.verify(token);
        ASSERT_TRUE(claims.has_value());
        EXPECT_EQ((*claims)->token_id, "one");
    }
    EXPECT_TRUE(authenticator.remembers(token));
    EXPECT_FALSE(authenticator.remembers(token_of("two")));
    EXPECT_EQ(authenticator.figures().misses, 1u);
    EXPECT_EQ(authenticator.figures().hits, 2u);
}

TEST_F(AuthenticatorTest, AllocatesNothingForATokenItRemembers)
{
    std::string token = token_of("one");
    ASSERT_TRUE(authenticator.verify(token).has_value());
    std::size_t before = gatehouse::testing::allocations;
    bool valid = authenticator.verify(token).has_value();
    EXPECT_EQ(gatehouse::testing::allocations, before);
    EXPECT_TRUE(valid);
}

TEST_F(AuthenticatorTest, RefusesARememberedTokenOnceItHasExpired)
{
    std::string token = token_of("one");
    ASSERT_TRUE(authenticator.verify(token).has_value());
    clock.advance(std::chrono::seconds{640});
    EXPECT_EQ(authenticator.verify(token).error(), TokenError::expired);
    EXPECT_EQ(authenticator.verify(token).error(), TokenError::expired);
}

TEST_F(AuthenticatorTest, ForgetsEverythingWhenTheKeysChange)
{
    std::string token = token_of("one");
    ASSERT_TRUE(authenticator.verify(token).has_value());
    source.store(KeySet::of({keys().es256}));
    EXPECT_EQ(authenticator.verify(token).error(), TokenError::unknown_key);
}

TEST_F(AuthenticatorTest, KeepsHeldClaimsAliveWhenTheTokenIsForgotten)
{
    auto claims = authenticator.verify(token_of("one")).value();
    source.store(KeySet{});
    EXPECT_FALSE(authenticator.verify(token_of("two")).has_value());
    EXPECT_EQ(claims->token_id, "one");
}

TEST_F(AuthenticatorTest, RemembersABoundedNumberAndStillAnswersRightly)
{
    std::vector<std::string> tokens;
    for (int i = 0; i < 300; ++i)
        tokens.push_back(token_of("t" + std::to_string(i)));
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 300; ++i)
            EXPECT_EQ(authenticator.verify(tokens[static_cast<std::size_t>(i)]).value()->token_id,
                      "t" + std::to_string(i));
    EXPECT_GE(authenticator.figures().misses, 600u - 64u);
}

TEST_F(AuthenticatorTest, TokensThatComeOncePushNoneOut)
{
    std::vector<std::string> in_use;
    for (int i = 0; authenticator.figures().tokens < 64; ++i) {
        std::string token = token_of("u" + std::to_string(i));
        ASSERT_TRUE(authenticator.verify(token).has_value());
        if (authenticator.remembers(token))
            in_use.push_back(token);
    }
    ASSERT_EQ(in_use.size(), 64u);
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(authenticator.verify(token_of("once" + std::to_string(i))).has_value());
    auto misses = authenticator.figures().misses;
    for (const std::string& token : in_use)
        ASSERT_TRUE(authenticator.verify(token).has_value());
    // A mark in 65,536 may be another token's.
    EXPECT_LE(authenticator.figures().misses - misses, 2u);
}

TEST_F(AuthenticatorTest, ATokenThatComesAgainGetsAPlaceWhereThereIsNone)
{
    for (int i = 0; authenticator.figures().tokens < 64; ++i)
        ASSERT_TRUE(authenticator.verify(token_of("u" + std::to_string(i))).has_value());
    std::string token = token_of("again");
    ASSERT_TRUE(authenticator.verify(token).has_value());
    EXPECT_FALSE(authenticator.remembers(token));
    ASSERT_TRUE(authenticator.verify(token).has_value());
    EXPECT_TRUE(authenticator.remembers(token));
    EXPECT_EQ(authenticator.figures().tokens, 64u);
}

TEST_F(AuthenticatorTest, DoesNotTakeAChangedTokenForARememberedOne)
{
    std::string token = token_of("one");
    ASSERT_TRUE(authenticator.verify(token).has_value());
    std::string other = token;
    other[other.size() - 10] = other[other.size() - 10] == 'A' ? 'B' : 'A';
    EXPECT_EQ(authenticator.verify(other).error(), TokenError::bad_signature);
    EXPECT_EQ(authenticator.verify(token + ".").error(), TokenError::malformed);
}

TEST_F(AuthenticatorTest, AnswersMissingCredentialsWithoutAnErrorCode)
{
    EXPECT_EQ(status_of(http::Request{}), 401);
    EXPECT_EQ(challenge, R"(Bearer realm="gatehouse")");
    EXPECT_EQ(status_of(request_with("Basic YWRhOng=")), 401);
    EXPECT_EQ(challenge, R"(Bearer realm="gatehouse")");
}

TEST_F(AuthenticatorTest, AnswersMalformedFieldsWith400)
{
    for (std::string_view field :
         {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Bearer ===", "Bearer a=b"})
        EXPECT_EQ(status_of(request_with(field)), 400) << field;
    EXPECT_NE(challenge.find("invalid_request"), challenge.npos);
    auto twice = request_with("Bearer " + token_of("one"));
    twice.head.headers.add("authorization", "Bearer " + token_of("two"));
    EXPECT_EQ(status_of(twice), 400);
}

TEST_F(AuthenticatorTest, AnswersBadTokensWithInvalidToken)
{
    EXPECT_EQ(status_of(request_with("Bearer e30.e30.e30")), 401);
    EXPECT_NE(challenge.find(R"(error="invalid_token")"), challenge.npos);
}

TEST_F(AuthenticatorTest, TakesTheSchemeInAnyCase)
{
    EXPECT_EQ(status_of(request_with("bearer " + token_of("one"))), 200);
    EXPECT_EQ(status_of(request_with("BEARER   " + token_of("one"))), 200);
    EXPECT_EQ(status_of(request_with("Bearerx " + token_of("one"))), 401);
}

TEST_F(AuthenticatorTest, AnswersAMissingPermissionWith403AndItsName)
{
    EXPECT_EQ(status_of(request_with("Bearer " + token_of("one")), "files:read"), 200);
    EXPECT_EQ(status_of(request_with("Bearer " + token_of("one")), "admin:users"), 403);
    EXPECT_EQ(challenge, R"(Bearer realm="gatehouse", error="insufficient_scope", scope="admin:users")");
}

TEST_F(AuthenticatorTest, EachThreadsSeesAKeyChangeMadeByAnother)
{
    std::string old_token = sign_token(good_claims(), keys().eddsa);
    std::string new_token = sign_token(good_claims(), keys().es256);
    std::atomic<bool> changed = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            Authenticator own(source, revocations.list, testing::rules(), clock, 64);
            while (!changed.load())
                own.verify(old_token);
            EXPECT_FALSE(own.verify(old_token).has_value());
            EXPECT_TRUE(own.verify(new_token).has_value());
        });
    source.store(KeySet::of({keys().es256}));
    changed.store(true);
    for (auto& thread : threads)
        thread.join();
}

}  // namespace
}  // namespace gatehouse::identity
