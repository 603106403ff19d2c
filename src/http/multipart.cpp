// SPDX-License-Identifier: Apache-2.0
// The format (RFC 2046 section 5.1.1), with CRLF before every delimiter but one that opens the body:
//
//     [preamble] --B CRLF  head CRLF CRLF content  CRLF--B CRLF  head CRLF CRLF content  CRLF--B-- [epilogue]
//
// The buffer starts with a CRLF of our own, so that the first delimiter is like the others.
#include "http/multipart.hpp"

#include "http/problem.hpp"
#include "http/range.hpp"
#include "http/tokens.hpp"

#include <algorithm>

namespace gatehouse::http {

namespace {

constexpr std::size_t boundary_bytes_max = 70;        // RFC 2046
constexpr std::size_t padding_bytes_max = 64;         // white space after a delimiter
constexpr std::size_t ignored_bytes_max = 64 * 1024;  // of preamble and of epilogue

Problem bad(std::string reason) { return Problem::bad_request("bad_multipart", std::move(reason)); }

bool is_boundary(std::string_view text)
{
    constexpr std::string_view others = "'()+_,-./:=? ";
    if (text.empty() || text.size() > boundary_bytes_max || text.back() == ' ')
        return false;
    return std::ranges::all_of(text, [&](char c) {
        bool alphanumeric = tokens::is(c, tokens::digit) || (tokens::lower(c) >= 'a' && tokens::lower(c) <= 'z');
        return alphanumeric || others.find(c) != std::string_view::npos;
    });
}

std::string_view take_line(std::string_view& text)
{
    auto end = text.find("\r\n");
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end == std::string_view::npos ? text.size() : end + 2, text.size()));
    return line;
}

void read_disposition(std::string_view value, PartHead& head)
{
    if (!iequals(tokens::trim(value.substr(0, value.find(';'))), "form-data"))
        throw bad("A part's Content-Disposition is not form-data.");
    auto name = find_parameter(value, "name");
    if (!name)
        throw bad("A part has no name.");
    head.name = std::move(*name);
    head.filename = find_disposition_filename(value);
    // Without its name a file would pass for a plain form field and be dropped without a word.
    bool names_a_file =
        value.find("filename=") != std::string_view::npos || value.find("filename*=") != std::string_view::npos;
    if (!head.filename && names_a_file)
        throw bad("A part's file name is malformed.");
}

// `text` are the field lines, each with its CRLF.
PartHead parse_part_head(std::string_view text)
{
    PartHead head;
    bool disposition = false;
    while (!text.empty()) {
        auto line = take_line(text);
        auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || !tokens::all(line.substr(0, colon), tokens::token))
            throw bad("A header line of a part is malformed.");
        auto name = line.substr(0, colon);
        auto value = tokens::trim(line.substr(colon + 1));
        if (!tokens::all(value, tokens::value))
            throw bad("A header field of a part holds a control character.");
        if (iequals(name, "content-disposition")) {
            if (disposition)
                throw bad("A part has two Content-Disposition fields.");
            disposition = true;
            read_disposition(value, head);
        } else if (iequals(name, "content-type")) {
            head.content_type = value;
        } else if (iequals(name, "content-transfer-encoding")) {
            if (!iequals(value, "binary") && !iequals(value, "8bit") && !iequals(value, "7bit"))
                throw bad("Encoded parts are not supported.");
        }
    }
    if (!disposition)
        throw bad("A part has no Content-Disposition field.");
    return head;
}

}  // namespace

std::optional<std::string> find_multipart_boundary(std::string_view content_type)
{
    auto type = tokens::trim(content_type.substr(0, content_type.find(';')));
    if (!iequals(type, "multipart/form-data"))
        return std::nullopt;
    auto boundary = find_parameter(content_type, "boundary");
    return boundary && is_boundary(*boundary) ? boundary : std::nullopt;
}

MultipartReader::MultipartReader(BodyReader& body, std::string boundary, MultipartLimits limits)
    : body_(body), delimiter_("\r\n--" + std::move(boundary)), limits_(limits), buffer_("\r\n")
{
}

// Adds the body's next piece to the buffer, which drops what is consumed; false at the body's end.
Task<bool> MultipartReader::fill()
{
    auto piece = co_await body_.read();
    if (piece.empty())
        co_return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    buffer_ += piece;
    co_return true;
}

Task<> MultipartReader::need(std::size_t bytes)
{
    while (pending().size() < bytes) {
        bool more = co_await fill();
        if (!more)
            throw bad("The body ends in the middle of a part.");
    }
}

Task<std::optional<PartHead>> MultipartReader::next_part()
{
    if (state_ == State::preamble)
        co_await skip_preamble();
    while (state_ == State::content) {
        auto piece = co_await read();
        if (piece.empty())
            break;
    }
    if (state_ == State::content_end)
        co_await take_delimiter_end();
    if (state_ == State::done)
        co_return std::nullopt;
    if (++part_count_ > limits_.part_count_max)
        throw bad("The body has too many parts.");
    auto head = co_await read_head();
    co_return head;
}

// Everything before the first delimiter, and that delimiter.
Task<> MultipartReader::skip_preamble()
{
    std::size_t skipped = 0;
    while (true) {
        auto found = pending().find(delimiter_);
        bool is_found = found != std::string_view::npos;
        auto useless = is_found ? found : pending().size() - std::min(pending().size(), delimiter_.size() - 1);
        skipped += useless;
        if (skipped > ignored_bytes_max)
            throw bad("The body does not begin with the boundary.");
        begin_ += useless;
        if (is_found)
            break;
        bool more = co_await fill();
        if (!more)
            throw bad("The body does not hold the boundary.");
    }
    begin_ += delimiter_.size();
    state_ = State::content_end;
}

// The buffer stands before the CRLF that ended the delimiter's line: so a head without fields ends like any other.
Task<PartHead> MultipartReader::read_head()
{
    std::size_t searched = 0;
    auto found = pending().find("\r\n\r\n");
    while (found == std::string_view::npos && pending().size() <= limits_.part_head_bytes_max) {
        searched = std::max<std::size_t>(pending().size(), 3) - 3;
        co_await need(pending().size() + 1);
        found = pending().find("\r\n\r\n", searched);
    }
    if (found == std::string_view::npos || found > limits_.part_head_bytes_max)
        throw bad("The header of a part is too large.");
    auto head = parse_part_head(pending().substr(2, found));
    begin_ += found + 4;
    state_ = State::content;
    co_return head;
}

// After a delimiter: white space and CRLF, before which the buffer then stands, or "--" and the end of everything.
Task<> MultipartReader::take_delimiter_end()
{
    co_await need(2);
    if (pending().starts_with("--")) {
        state_ = State::done;
        co_await skip_epilogue();
        co_return;
    }
    std::size_t padding = 0;
    while (true) {
        co_await need(padding + 2);
        char c = pending()[padding];
        if (c != ' ' && c != '\t')
            break;
        if (++padding > padding_bytes_max)
            throw bad("A boundary is followed by too much white space.");
    }
    if (!pending().substr(padding).starts_with("\r\n"))
        throw bad("A boundary is followed by something else than a line end.");
    begin_ += padding;
    state_ = State::head;
}

// To the body's end, so that a body that breaks off here is noticed.
Task<> MultipartReader::skip_epilogue()
{
    std::size_t skipped = 0;
    while (true) {
        skipped += pending().size();
        if (skipped > ignored_bytes_max)
            throw bad("There is too much after the last boundary.");
        begin_ = buffer_.size();
        bool more = co_await fill();
        if (!more)
            co_return;
    }
}

Task<std::string_view> MultipartReader::read()
{
    while (state_ == State::content) {
        auto found = pending().find(delimiter_);
        if (found == 0) {
            begin_ += delimiter_.size();
            state_ = State::content_end;
            break;
        }
        // Without a delimiter all is content but what could be the beginning of one.
        std::size_t size = found;
        if (found == std::string_view::npos)
            size = pending().size() - std::min(pending().size(), delimiter_.size() - 1);
        if (size > 0) {
            auto piece = pending().substr(0, size);
            begin_ += size;
            co_return piece;
        }
        co_await need(pending().size() + 1);
    }
    co_return std::string_view{};
}

}  // namespace gatehouse::http
