// SPDX-License-Identifier: Apache-2.0
#include "gateway/compression.hpp"

#include "support/run_task.hpp"

#include <gtest/gtest.h>

#include <zlib.h>

namespace gatehouse::gateway {
namespace {

// As far as it can be decoded so far.
std::string gunzip(std::string_view bytes)
{
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string out(1U << 20U, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    inflate(&stream, Z_SYNC_FLUSH);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

struct Pieces final : http::BodyReader {
    explicit Pieces(std::vector<std::string> all, std::optional<std::uint64_t> whole = {})
        : pieces(std::move(all)), size(whole)
    {
    }
    Task<std::string_view> read() override
    {
        co_return at < pieces.size() ? std::string_view(pieces[at++]) : std::string_view();
    }
    std::optional<std::uint64_t> length() const override { return size; }

    std::vector<std::string> pieces;
    std::optional<std::uint64_t> size;
    std::size_t at = 0;
};

std::string text(std::size_t size)
{
    std::string text;
    while (text.size() < size)
        text += "line " + std::to_string(text.size()) + "\n";
    return text;
}

http::Response response(std::string body = text(5'000), std::string_view type = "application/json; charset=utf-8")
{
    http::Response response;
    response.headers.add("content-type", type);
    response.headers.add("etag", "\"abc\"");
    response.headers.add("accept-ranges", "bytes");
    response.body = std::move(body);
    return response;
}

Compression compression() { return Compression({.enabled = true}); }

Coding choose(std::string_view accepted)
{
    http::Headers headers;
    headers.add("accept-encoding", accepted);
    return choose_coding(headers);
}

TEST(ChosenCoding, IsWhatTheClientLikesBest)
{
    EXPECT_EQ(choose("gzip, deflate, br"), Coding::brotli);
    EXPECT_EQ(choose("gzip"), Coding::gzip);
    EXPECT_EQ(choose("GZIP;Q=0.5"), Coding::gzip);
    EXPECT_EQ(choose("br;q=0.5, gzip;q=0.8"), Coding::gzip);
    EXPECT_EQ(choose("br;q=0, gzip"), Coding::gzip);
    EXPECT_EQ(choose("*"), Coding::brotli);
    EXPECT_EQ(choose("gzip;q=0, *"), Coding::brotli);
    EXPECT_EQ(choose("br;q=0, *;q=0.1"), Coding::gzip);
    EXPECT_EQ(choose("identity;q=0, *;q=0.1"), Coding::brotli);
    EXPECT_EQ(choose("identity, gzip;q=0.5"), Coding::identity);
    EXPECT_EQ(choose("identity;q=0.5, gzip;q=1"), Coding::gzip);
    for (const char* none : {"", "deflate", "gzip;q=0", "br;q=0.0, gzip;q=0.000", "*;q=0", "gzip;q=x", "gzip;q=2",
                             "gzip;level=9", "gzipped", "gzip;q=1.5"})
        EXPECT_EQ(choose(none), Coding::identity) << none;
    EXPECT_EQ(choose_coding({}), Coding::identity);
}

TEST(CompressedAnswer, IsTheSameInFewerBytes)
{
    auto it = response();
    compression().apply(it, "GET", Coding::gzip);
    EXPECT_EQ(it.headers.find("content-encoding"), "gzip");
    EXPECT_EQ(it.headers.find("vary"), "Accept-Encoding");
    EXPECT_EQ(it.headers.find("etag"), "W/\"abc\"");
    EXPECT_FALSE(it.headers.contains("accept-ranges"));
    EXPECT_LT(it.body.size(), 2'500U);
    EXPECT_EQ(gunzip(it.body), text(5'000));

    auto brotli = response();
    compression().apply(brotli, "GET", Coding::brotli);
    EXPECT_EQ(brotli.headers.find("content-encoding"), "br");
    EXPECT_LT(brotli.body.size(), 2'500U);
}

TEST(CompressedAnswer, OfALargeBodyIsWhole)
{
    auto it = response(text(1'000'000));
    it.stream = std::make_unique<Pieces>(std::vector<std::string>{it.body.substr(0, 300'000), it.body.substr(300'000)},
                                         it.body.size());
    std::string expected = std::exchange(it.body, {});
    compression().apply(it, "GET", Coding::gzip);
    EXPECT_EQ(it.stream->length(), std::nullopt);
    std::string got;
    for (;;) {
        std::string_view piece = gatehouse::testing::run_task(it.stream->read());
        if (piece.empty())
            break;
        got += piece;
    }
    EXPECT_EQ(gunzip(got), expected);
    EXPECT_TRUE(gatehouse::testing::run_task(it.stream->read()).empty()) << "and stays ended";
}

TEST(CompressedAnswer, OfAStreamComesAsTheEventsDo)
{
    auto it = response("", "text/event-stream");
    it.stream = std::make_unique<Pieces>(std::vector<std::string>{"data: one\n\n", "data: two\n\n"});
    compression().apply(it, "GET", Coding::gzip);
    std::string got(gatehouse::testing::run_task(it.stream->read()));
    EXPECT_EQ(gunzip(got), "data: one\n\n") << "readable before the second one is there";
    got += gatehouse::testing::run_task(it.stream->read());
    EXPECT_EQ(gunzip(got), "data: one\n\ndata: two\n\n");
}

TEST(CompressedAnswer, ToHeadIsWhatGetWouldBeTold)
{
    auto it = response("");
    it.content_length = 5'000;
    compression().apply(it, "HEAD", Coding::gzip);
    EXPECT_EQ(it.headers.find("content-encoding"), "gzip");
    EXPECT_EQ(it.content_length, std::nullopt);
    EXPECT_EQ(it.headers.find("etag"), "W/\"abc\"");
    EXPECT_EQ(it.body, "");
}

struct PlainCase {
    const char* name;
    std::string_view field, value;
    int status = 200;
};
class PlainAnswer : public ::testing::TestWithParam<PlainCase> {};

TEST_P(PlainAnswer, StaysAsItIs)
{
    auto it = response();
    it.status = GetParam().status;
    if (!GetParam().field.empty())
        it.headers.set(GetParam().field, GetParam().value);
    auto before = it.body;
    compression().apply(it, "GET", Coding::gzip);
    EXPECT_EQ(it.body, before);
    EXPECT_EQ(it.headers.find("etag"), "\"abc\"");
}

INSTANTIATE_TEST_SUITE_P(Table, PlainAnswer,
                         ::testing::Values(PlainCase{"encoded_already", "content-encoding", "br"},
                                           PlainCase{"with_a_cookie", "set-cookie", "a=b"},
                                           PlainCase{"a_part", "content-range", "bytes 0-4999/9000", 206},
                                           PlainCase{"not_to_be_transformed", "cache-control", "public, No-Transform"},
                                           PlainCase{"of_another_type", "content-type", "image/png"},
                                           PlainCase{"of_a_similar_type", "content-type", "application/json-seq"},
                                           PlainCase{"without_a_type", "content-type", ""},
                                           PlainCase{"without_content", "", "", 204},
                                           PlainCase{"not_modified", "", "", 304}),
                         [](const auto& info) { return info.param.name; });

TEST(CompressedAnswer, IsNotWorthItForAFewBytes)
{
    auto it = response(std::string(1'023, 'x'));
    compression().apply(it, "GET", Coding::gzip);
    EXPECT_FALSE(it.headers.contains("content-encoding"));
}

TEST(CompressedAnswer, SaysThatItWouldBeAnotherForOthers)
{
    auto it = response();
    compression().apply(it, "GET", Coding::identity);
    EXPECT_EQ(it.headers.find("vary"), "Accept-Encoding");
    EXPECT_FALSE(it.headers.contains("content-encoding"));
}

TEST(Encoders, AreBounded)
{
    std::vector<std::unique_ptr<Encoder>> all;
    for (std::size_t i = 0; i < encoders_max; ++i)
        all.push_back(make_encoder(Coding::gzip));
    EXPECT_TRUE(all.back());
    EXPECT_FALSE(make_encoder(Coding::brotli));
    all.pop_back();
    EXPECT_TRUE(make_encoder(Coding::brotli));
}

}  // namespace
}  // namespace gatehouse::gateway
