// SPDX-License-Identifier: Apache-2.0
#include "http/buffer_pool.hpp"

#include "http/body_piece.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse::http {
namespace {

void fill(Buffer& buffer, std::string_view text)
{
    ASSERT_LE(text.size(), buffer.space().size());
    std::ranges::copy(text, buffer.space().begin());
    buffer.commit(text.size());
}

TEST(BufferPool, LendsTheBlockAgainThatCameBackLast)
{
    BufferPool pool;
    const char* address = nullptr;
    {
        Buffer first = pool.lend(100);
        Buffer second = pool.lend(100);
        address = first.data();
    }
    Buffer again = pool.lend(BufferPool::small_bytes);
    EXPECT_EQ(again.data(), address);
    EXPECT_TRUE(again.empty());
    EXPECT_EQ(again.capacity(), BufferPool::small_bytes);
}

TEST(Buffer, KeepsItsBytesWhenItGrowsOrMakesRoom)
{
    BufferPool pool;
    Buffer buffer;
    buffer.make_room(pool, BufferPool::small_bytes);
    fill(buffer, "0123456789");
    buffer.consume(4);
    buffer.make_room(pool, BufferPool::small_bytes);
    EXPECT_EQ(buffer.view(), "456789");
    EXPECT_EQ(buffer.space().size(), BufferPool::small_bytes - 6);
    buffer.make_room(pool, BufferPool::large_bytes);
    EXPECT_EQ(buffer.view(), "456789");
    EXPECT_EQ(buffer.capacity(), BufferPool::large_bytes);
    buffer.make_room(pool, 100'000);
    EXPECT_EQ(buffer.view(), "456789");
    EXPECT_EQ(buffer.capacity(), 100'000U);
}

BodyDecoder chunked() { return BodyDecoder(Framing{Framing::Kind::chunked, 0}, ParserLimits{}); }

TEST(BodyPiece, JoinsSmallChunksAndLeavesWhatFollowsTheBody)
{
    BufferPool pool;
    Buffer buffer = pool.lend(1000);
    fill(buffer, "3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\nGET ");
    BodyDecoder decoder = chunked();
    EXPECT_EQ(take_body_piece(buffer, decoder).data, "abcdef");
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(buffer.view(), "GET ");
}

TEST(BodyPiece, TellsAnErrorAfterTheDataBeforeIt)
{
    BufferPool pool;
    Buffer buffer = pool.lend(1000);
    fill(buffer, "3\r\nabc\r\nno chunk");
    BodyDecoder decoder = chunked();
    BodyPiece first = take_body_piece(buffer, decoder);
    EXPECT_EQ(first.data, "abc");
    EXPECT_EQ(first.error, ParseError::none);
    for (int i = 0; i < 2; ++i)
        EXPECT_NE(take_body_piece(buffer, decoder).error, ParseError::none);
}

TEST(BodyPiece, IsEmptyUntilThereIsMore)
{
    BufferPool pool;
    Buffer buffer = pool.lend(1000);
    BodyDecoder decoder = chunked();
    fill(buffer, "1");
    EXPECT_TRUE(take_body_piece(buffer, decoder).data.empty());
    fill(buffer, "0\r\n0123456789abcde");
    EXPECT_EQ(take_body_piece(buffer, decoder).data, "0123456789abcde");
    fill(buffer, "f\r\n0\r\n\r\n");
    EXPECT_EQ(take_body_piece(buffer, decoder).data, "f");
    EXPECT_TRUE(decoder.done());
}

}  // namespace
}  // namespace gatehouse::http
