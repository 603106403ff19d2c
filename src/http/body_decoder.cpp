// SPDX-License-Identifier: Apache-2.0
// Bodies in the stream of a connection (RFC 9112 sections 6 and 7). The chunked coding, a byte at a time but for the
// data:
//
//     chunk-size [ ";" extension ] CR LF  data CR LF  ...  "0" [ ";" extension ] CR LF  *( trailer CR LF )  CR LF
#include "http/parser.hpp"

#include "http/tokens.hpp"

#include <algorithm>
#include <limits>

namespace gatehouse::http {

namespace {

// Sixteen digits hold every size that is allowed; more would be zeros in front, which nobody needs.
constexpr std::size_t chunk_size_digits_max = 16;
constexpr std::uint64_t chunk_bytes_max = std::numeric_limits<std::int64_t>::max();

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, const ParserLimits& limits)
    : extension_bytes_max_(limits.chunk_extension_bytes_max), trailer_bytes_max_(limits.trailer_bytes_max)
{
    switch (framing.kind) {
    case Framing::Kind::none: length_ = 0; break;
    case Framing::Kind::length:
        length_ = framing.length;
        remaining_ = framing.length;
        state_ = remaining_ == 0 ? State::done : State::length;
        break;
    case Framing::Kind::chunked: state_ = State::chunk_size; break;
    case Framing::Kind::until_close: state_ = State::until_close; break;
    }
}

BodyDecoder::Step BodyDecoder::decode(std::string_view input)
{
    Step step;
    while (step.consumed < input.size() && state_ != State::done) {
        std::string_view rest = input.substr(step.consumed);
        if (state_ == State::failed) {
            step.error = error_;
            return step;
        }
        if (state_ == State::length || state_ == State::chunk_data || state_ == State::until_close) {
            if (!step.data.empty())
                return step;  // one piece for each step
            step.data =
                state_ == State::until_close
                    ? rest
                    : rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), remaining_)));
            step.consumed += step.data.size();
            if (state_ == State::until_close)
                return step;
            remaining_ -= step.data.size();
            if (remaining_ == 0)
                state_ = state_ == State::length ? State::done : State::chunk_data_cr;
            continue;
        }
        if (ParseError error = take_framing_byte(rest.front()); error != ParseError::none) {
            // What came before the broken byte is handed out first: pieces do not depend on how the bytes arrived.
            if (!step.data.empty())
                return step;
            state_ = State::failed;
            error_ = error;
            step.error = error;
            return step;
        }
        ++step.consumed;
    }
    return step;
}

// Moves on by one byte of framing. On an error nothing has changed: the byte may be given again.
ParseError BodyDecoder::take_framing_byte(char c)
{
    switch (state_) {
    case State::chunk_size: return take_chunk_size_byte(c);
    case State::chunk_extension:
        if (c == '\r') {
            state_ = State::chunk_size_lf;
            return ParseError::none;
        }
        if (!tokens::is(c, tokens::value))
            return c == '\n' ? ParseError::bad_line_end : ParseError::bad_chunk_size;
        if (extension_bytes_ == extension_bytes_max_)
            return ParseError::chunk_extension_too_long;
        ++extension_bytes_;
        return ParseError::none;
    case State::chunk_size_lf:
        if (c != '\n')
            return ParseError::bad_line_end;
        state_ = remaining_ == 0 ? State::trailer_start : State::chunk_data;
        return ParseError::none;
    case State::chunk_data_cr:
        if (c != '\r')
            return ParseError::bad_chunk_end;
        state_ = State::chunk_data_lf;
        return ParseError::none;
    case State::chunk_data_lf:
        if (c != '\n')
            return ParseError::bad_chunk_end;
        state_ = State::chunk_size;
        digit_count_ = 0;
        return ParseError::none;
    default: return take_trailer_byte(c);
    }
}

ParseError BodyDecoder::take_chunk_size_byte(char c)
{
    if (tokens::is(c, tokens::hex)) {
        if (digit_count_ == chunk_size_digits_max || remaining_ > chunk_bytes_max >> 4U)
            return ParseError::bad_chunk_size;
        ++digit_count_;
        remaining_ = (remaining_ << 4U) | tokens::hex_value(c);
        return ParseError::none;
    }
    if (digit_count_ == 0)
        return ParseError::bad_chunk_size;
    if (c == ';') {
        extension_bytes_ = 0;
        state_ = State::chunk_extension;
        return ParseError::none;
    }
    if (c != '\r')
        return c == '\n' ? ParseError::bad_line_end : ParseError::bad_chunk_size;
    state_ = State::chunk_size_lf;
    return ParseError::none;
}

// Trailers are read like fields, so that what ends them is beyond doubt, and dropped.
ParseError BodyDecoder::take_trailer_byte(char c)
{
    if (state_ == State::last_lf) {
        if (c != '\n')
            return ParseError::bad_line_end;
        state_ = State::done;
        return ParseError::none;
    }
    if (state_ == State::trailer_start && c == '\r') {
        state_ = State::last_lf;
        return ParseError::none;
    }
    if (trailer_bytes_ == trailer_bytes_max_)
        return ParseError::trailers_too_large;
    if (ParseError error = take_trailer_line_byte(c); error != ParseError::none)
        return error;
    ++trailer_bytes_;
    return ParseError::none;
}

ParseError BodyDecoder::take_trailer_line_byte(char c)
{
    switch (state_) {
    case State::trailer_start:
    case State::trailer_name:
        if (c == ':' && state_ == State::trailer_name)
            state_ = State::trailer_value;
        else if (tokens::is(c, tokens::token))
            state_ = State::trailer_name;
        else
            return ParseError::bad_trailer;
        return ParseError::none;
    case State::trailer_value:
        if (c == '\r')
            state_ = State::trailer_lf;
        else if (!tokens::is(c, tokens::value))
            return c == '\n' ? ParseError::bad_line_end : ParseError::bad_trailer;
        return ParseError::none;
    default:
        if (c != '\n')
            return ParseError::bad_line_end;
        state_ = State::trailer_start;
        return ParseError::none;
    }
}

bool BodyDecoder::done() const { return state_ == State::done; }

bool BodyDecoder::finish_at_close()
{
    if (state_ == State::until_close)
        state_ = State::done;
    return state_ == State::done;
}

std::optional<std::uint64_t> BodyDecoder::length() const { return length_; }

}  // namespace gatehouse::http
