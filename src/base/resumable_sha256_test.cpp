// SPDX-License-Identifier: Apache-2.0
#include "base/resumable_sha256.hpp"
#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace gatehouse {

namespace {

std::string make_bytes(std::size_t size)
{
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i)
        bytes += static_cast<char>(i * 7 + i / 251);
    return bytes;
}

}  // namespace

TEST(ResumableSha256, GivesTheSameAsTheOtherForEveryLength)
{
    for (std::size_t size = 0; size < 300; ++size) {
        std::string bytes = make_bytes(size);
        ResumableSha256 hash;
        hash.update(bytes);
        EXPECT_EQ(hash.finish(), sha256(bytes)) << size;
    }
}

TEST(ResumableSha256, GoesOnWhereItWasPutAside)
{
    std::string bytes = make_bytes(1000);
    for (std::size_t piece : {1U, 55U, 63U, 64U, 65U, 128U, 999U}) {
        std::string saved = ResumableSha256().save();
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            auto hash = ResumableSha256::restore(saved);
            ASSERT_TRUE(hash);
            hash->update(std::string_view(bytes).substr(at, piece));
            saved = hash->save();
        }
        EXPECT_EQ(ResumableSha256::restore(saved)->finish(), sha256(bytes)) << piece;
    }
}

TEST(ResumableSha256, WhatIsNoStateIsRefused)
{
    ResumableSha256 hash;
    hash.update("abc");
    std::string saved = hash.save();
    EXPECT_TRUE(ResumableSha256::restore(saved));
    EXPECT_FALSE(ResumableSha256::restore(""));
    EXPECT_FALSE(ResumableSha256::restore(saved.substr(0, saved.size() - 1)));
    EXPECT_FALSE(ResumableSha256::restore(saved + "x"));
    saved[0] = 2;
    EXPECT_FALSE(ResumableSha256::restore(saved));
}

}  // namespace gatehouse
