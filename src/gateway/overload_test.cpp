// SPDX-License-Identifier: Apache-2.0
#include "gateway/overload.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace gatehouse::gateway {
namespace {

using std::chrono::milliseconds;

class OverloadTest : public ::testing::Test {
protected:
    // The kinds of work that are turned away, by the first letters of their names.
    std::string shed()
    {
        std::string letters;
        for (auto [work, letter] : {std::pair{Work::login, 'l'}, std::pair{Work::anonymous, 'a'},
                                    std::pair{Work::repeatable, 'r'}, std::pair{Work::other, 'o'}})
            if (overload_.check(work))
                letters += letter;
        return letters;
    }
    void begin() { requests_.push_back(std::make_unique<Overload::Request>(overload_, config_)); }
    void end(std::size_t count) { requests_.resize(requests_.size() - count); }

    asio::io_context io_;
    Metrics metrics_;
    OverloadConfig config_{.requests_max = 20, .lag_max = milliseconds{0}};
    Overload overload_{io_.get_executor(), 2, metrics_};
    std::vector<std::unique_ptr<Overload::Request>> requests_;
};

TEST_F(OverloadTest, GivesUpTheCheapestWorkFirst)
{
    std::vector<std::string> by_request;
    for (int i = 0; i < 11; ++i) {
        begin();
        by_request.push_back(shed());
    }
    // The thread's part of twenty is ten.
    std::vector<std::string> expected{"", "", "", "", "", "", "", "l", "la", "lar", "laro"};
    EXPECT_EQ(by_request, expected);
}

TEST_F(OverloadTest, ServesAgainOnlyWellBelow)
{
    for (int i = 0; i < 8; ++i)
        begin();
    EXPECT_EQ(shed(), "l");
    end(2);
    begin();
    EXPECT_EQ(shed(), "l") << "six are in progress, which alone would be fine";
    end(3);
    begin();
    EXPECT_EQ(shed(), "");
}

TEST_F(OverloadTest, SaysWhenToComeBack)
{
    for (int i = 0; i < 11; ++i)
        begin();
    auto problem = overload_.check(Work::login);
    ASSERT_TRUE(problem);
    auto response = problem->to_response("id");
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(problem->code(), "overloaded");
    EXPECT_EQ(response.headers.find("retry-after"), "10");
    EXPECT_EQ(overload_.check(Work::other)->to_response("id").headers.find("retry-after"), "1");
}

TEST_F(OverloadTest, AThreadThatIsLateGivesUpLoginsAndRecovers)
{
    config_.lag_max = milliseconds{400};
    begin();
    std::this_thread::sleep_for(milliseconds{700});  // the thread is busy: its timer, due after 100 ms, waits
    io_.run();
    EXPECT_NE(shed().find('l'), std::string::npos);
    EXPECT_EQ(shed().find('o'), std::string::npos) << "lag alone never turns everything away";
    io_.restart();
    begin();
    io_.run();  // in time
    begin();
    EXPECT_EQ(shed(), "");
}

TEST_F(OverloadTest, CountsWhatItSheds)
{
    for (int i = 0; i < 8; ++i)
        begin();
    shed();
    EXPECT_NE(metrics_.serialize().find("gatehouse_gateway_shed_total{reason=\"requests\"} 1"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::gateway
