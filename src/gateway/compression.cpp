// SPDX-License-Identifier: Apache-2.0
#include "gateway/compression.hpp"

#include "http/list.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatehouse::gateway {

namespace tokens = http::tokens;
using http::iequals;

namespace {

// A weight in thousandths; nullopt for what is none.
std::optional<int> parse_weight(std::string_view text)
{
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
        return std::nullopt;
    int weight = (text[0] - '0') * 1000;
    int place = 100;
    for (char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (!tokens::is(c, tokens::digit))
            return std::nullopt;
        weight += (c - '0') * place;
        place /= 10;
    }
    return weight <= 1000 ? std::optional(weight) : std::nullopt;
}

struct Weights {
    int gzip = -1, brotli = -1, identity = -1, any = -1;  // -1: not named

    int of(int named, int otherwise) const { return named >= 0 ? named : any >= 0 ? any : otherwise; }
};

// A body whose pieces are compressed as they come. Where its length was unknown it may be a stream of events, so each
// piece is flushed.
class CompressedBody final : public http::BodyReader {
public:
    CompressedBody(std::unique_ptr<http::BodyReader> body, std::unique_ptr<Encoder> encoder)
        : body_(std::move(body)), encoder_(std::move(encoder)),
          then_(body_->length() ? Encoder::Then::more : Encoder::Then::flush)
    {
    }

    Task<std::string_view> read() override
    {
        made_.clear();
        while (made_.empty() && !ended_) {
            std::string_view piece = co_await body_->read();
            ended_ = piece.empty();
            encoder_->encode(piece, ended_ ? Encoder::Then::finish : then_, made_);
        }
        co_return made_;
    }

    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    const http::Headers* trailers() const override { return body_->trailers(); }

private:
    std::unique_ptr<http::BodyReader> body_;
    std::unique_ptr<Encoder> encoder_;
    Encoder::Then then_;
    std::string made_;
    bool ended_ = false;
};

bool must_not_transform(const http::Headers& headers)
{
    bool found = false;
    http::for_each_element(headers, "cache-control",
                           [&](std::string_view element) { found = found || iequals(element, "no-transform"); });
    return found;
}

// Fields that tell of the bytes as they were.
constexpr std::array<std::string_view, 6> fields_of_bytes{"content-length", "accept-ranges",  "content-md5",
                                                          "digest",         "content-digest", "repr-digest"};

void mark(http::Headers& headers, Coding coding)
{
    headers.set("content-encoding", name_of(coding));
    for (std::string_view name : fields_of_bytes)
        headers.remove(name);
    // Two forms of the same: equal in meaning, not in bytes.
    auto etag = headers.find("etag");
    if (etag && !etag->starts_with("W/"))
        headers.set("etag", "W/" + std::string(*etag));
}

std::optional<std::uint64_t> length_of(const http::Response& response, bool to_head)
{
    if (to_head)
        return response.content_length;
    return response.stream ? response.stream->length() : std::optional<std::uint64_t>(response.body.size());
}

}  // namespace

Coding choose_coding(const http::Headers& headers)
{
    Weights weights;
    http::for_each_element(headers, "accept-encoding", [&](std::string_view element) {
        std::size_t semicolon = std::min(element.find(';'), element.size());
        std::string_view name = tokens::trim(element.substr(0, semicolon));
        int weight = 1000;
        if (semicolon < element.size()) {
            std::string_view parameter = tokens::trim(element.substr(semicolon + 1));
            bool is_weight = parameter.size() > 2 && tokens::lower(parameter[0]) == 'q' && parameter[1] == '=';
            weight = is_weight ? parse_weight(parameter.substr(2)).value_or(0) : 0;
        }
        if (iequals(name, "gzip") || iequals(name, "x-gzip"))
            weights.gzip = weight;
        else if (iequals(name, "br"))
            weights.brotli = weight;
        else if (iequals(name, "identity"))
            weights.identity = weight;
        else if (name == "*")
            weights.any = weight;
    });
    int gzip = weights.of(weights.gzip, 0);
    int brotli = weights.of(weights.brotli, 0);
    int best = std::max(gzip, brotli);
    if (best == 0 || weights.identity > best)
        return Coding::identity;
    return brotli == best ? Coding::brotli : Coding::gzip;
}

bool Compression::is_listed(std::string_view content_type) const
{
    std::string_view type = tokens::trim(content_type.substr(0, content_type.find(';')));
    return std::ranges::any_of(types_, [&](std::string_view listed) {
        if (!listed.ends_with("/*"))
            return iequals(listed, type);
        listed.remove_suffix(1);
        return type.size() > listed.size() && iequals(listed, type.substr(0, listed.size()));
    });
}

bool Compression::may_compress(const http::Response& response, std::optional<std::uint64_t> length) const
{
    const http::Headers& headers = response.headers;
    int status = response.status;
    return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304 &&
           length.value_or(min_bytes_) >= min_bytes_ && is_listed(headers.find("content-type").value_or("")) &&
           !headers.contains("content-encoding") && !headers.contains("content-range") &&
           !headers.contains("set-cookie") && !must_not_transform(headers);
}

void Compression::apply(http::Response& response, std::string_view method, Coding coding) const
{
    bool to_head = method == "HEAD";
    if (!may_compress(response, length_of(response, to_head)))
        return;
    response.headers.add("vary", "Accept-Encoding");
    auto encoder = make_encoder(coding);
    if (!encoder)
        return;
    mark(response.headers, coding);
    response.content_length.reset();
    // HEAD is told what GET would get.
    if (to_head)
        return;
    if (response.stream) {
        response.stream = std::make_unique<CompressedBody>(std::move(response.stream), std::move(encoder));
        return;
    }
    std::string compressed;
    encoder->encode(response.body, Encoder::Then::finish, compressed);
    response.body = std::move(compressed);
}

}  // namespace gatehouse::gateway
