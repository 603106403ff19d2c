// SPDX-License-Identifier: Apache-2.0
#include "http/address_limit.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gatehouse::http {
namespace {

TEST(AddressLimit, OneClientHasAsManyAsAllowedAndNoMore)
{
    AddressLimit limit(2);
    auto first = limit.enter("192.0.2.7");
    auto second = limit.enter("192.0.2.7");
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
    EXPECT_FALSE(limit.enter("192.0.2.7"));
    EXPECT_TRUE(limit.enter("192.0.2.8"));
    EXPECT_EQ(limit.refused(), 1U);
    first = AddressLimit::Place();
    EXPECT_TRUE(limit.enter("192.0.2.7"));
}

TEST(AddressLimit, ANetworkOf64BitsIsOneClient)
{
    AddressLimit limit(1);
    auto first = limit.enter("2001:db8::1");
    EXPECT_FALSE(limit.enter("2001:db8::ffff:2"));
    EXPECT_TRUE(limit.enter("2001:db8:0:1::1"));
}

TEST(AddressLimit, APlaceThatMovesStaysOne)
{
    AddressLimit limit(1);
    {
        auto place = limit.enter("192.0.2.7");
        AddressLimit::Place other = std::move(place);
        EXPECT_FALSE(limit.enter("192.0.2.7"));
        EXPECT_TRUE(other);
    }
    EXPECT_TRUE(limit.enter("192.0.2.7"));
}

TEST(AddressLimit, ManyThreadsCountTogether)
{
    AddressLimit limit(100);
    std::vector<std::thread> threads;
    std::atomic<int> entered{0};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            std::vector<AddressLimit::Place> places;
            for (int j = 0; j < 1000; ++j) {
                auto place = limit.enter("192.0.2.7");
                if (place)
                    ++entered;
                if (place && j % 2 == 0)
                    places.push_back(std::move(place));
                if (places.size() > 20)
                    places.clear();
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    std::vector<AddressLimit::Place> all;
    for (int i = 0; i < 100; ++i)
        all.push_back(limit.enter("192.0.2.7"));
    EXPECT_TRUE(all.back());
    EXPECT_FALSE(limit.enter("192.0.2.7"));
    EXPECT_GT(entered.load(), 0);
}

}  // namespace
}  // namespace gatehouse::http
