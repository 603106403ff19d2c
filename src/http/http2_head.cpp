// SPDX-License-Identifier: Apache-2.0
#include "http/http2_head.hpp"

#include "http/head_rules.hpp"
#include "http/tokens.hpp"

namespace gatehouse::http {

namespace {

constexpr std::size_t field_overhead_bytes = 32;  // RFC 9113 section 6.5.2
constexpr std::size_t hopeless_factor = 4;

}  // namespace

void Http2HeadBuilder::begin(RequestHead& head, const ParserLimits& limits, std::size_t bytes_max)
{
    head.clear();
    head.version = Version::http2;
    head_ = &head;
    limits_ = &limits;
    bytes_max_ = bytes_max;
    bytes_ = 0;
    field_count_ = 0;
    error_ = ParseError::none;
    cookies_.clear();
    content_length_.reset();
    expect_continue_ = false;
}

bool Http2HeadBuilder::add(std::string_view name, std::string_view value)
{
    bytes_ += name.size() + value.size() + field_overhead_bytes;
    if (bytes_ > bytes_max_) {
        refuse(ParseError::head_too_large);
        return bytes_ <= bytes_max_ * hopeless_factor;
    }
    if (error_ != ParseError::none)
        return true;
    if (name.starts_with(':'))
        add_pseudo(name, value);
    else if (name == "cookie")
        add_cookie(value);
    else
        add_field(name, value);
    return true;
}

void Http2HeadBuilder::add_pseudo(std::string_view name, std::string_view value)
{
    if (name == ":method") {
        if (value.empty() || value.size() > method_bytes_max || !tokens::all(value, tokens::token) ||
            is_refused_method(value))
            refuse(ParseError::bad_method);
        head_->method = value;
    } else if (name == ":path") {
        if (value.size() > limits_->target_bytes_max)
            refuse(ParseError::target_too_long);
        else if (!tokens::all(value, tokens::query))
            refuse(ParseError::bad_target);
        else
            head_->target = value;
    } else if (name == ":authority") {
        if (!is_authority(value))
            refuse(ParseError::bad_host);
        else
            head_->headers.add("host", value);
    } else if (name == ":scheme") {
        // What it says of the connection is not believed, but it must be a scheme of HTTP.
        if (value != "http" && value != "https")
            refuse(ParseError::bad_target);
    } else {
        refuse(ParseError::bad_field_name);
    }
}

void Http2HeadBuilder::add_field(std::string_view name, std::string_view value)
{
    value = tokens::trim(value);
    const char* end = value.data() + value.size();
    if (name.empty() || !tokens::all(name, tokens::token) || name.contains('_')) {
        refuse(ParseError::bad_field_name);
        return;
    }
    if (tokens::find_value_end(value.data(), end) != end) {
        refuse(ParseError::bad_field_value);
        return;
    }
    if (name == "host") {
        auto authority = head_->headers.find("host");
        if (!is_authority(value) || (authority && !iequals(*authority, value)))
            refuse(ParseError::bad_host);
        if (authority)
            return;
    }
    if (name == "content-length") {
        if (content_length_ || !(content_length_ = parse_length(value)))
            refuse(ParseError::bad_content_length);
    } else if (name == "expect") {
        expect_continue_ = expect_continue_ || iequals(value, "100-continue");
    }
    if (++field_count_ > limits_->field_count_max) {
        refuse(ParseError::too_many_fields);
        return;
    }
    head_->headers.add(name, value);
}

// RFC 9113 section 8.2.3: a client may split its one Cookie field.
void Http2HeadBuilder::add_cookie(std::string_view value)
{
    value = tokens::trim(value);
    const char* end = value.data() + value.size();
    if (tokens::find_value_end(value.data(), end) != end)
        refuse(ParseError::bad_field_value);
    if (value.empty())
        return;
    if (!cookies_.empty())
        cookies_ += "; ";
    cookies_ += value;
}

ParseError Http2HeadBuilder::finish()
{
    if (error_ != ParseError::none)
        return error_;
    if (!cookies_.empty())
        head_->headers.add("cookie", cookies_);
    if (head_->method.empty())
        refuse(ParseError::bad_method);
    else if (!head_->headers.contains("host"))
        refuse(ParseError::bad_host);
    else if (head_->target == "*" ? head_->method != "OPTIONS" : !is_origin_form(head_->target))
        refuse(ParseError::bad_target);
    // As in the parser of HTTP/1.1: services read two of them in different ways.
    else if (head_->headers.count("authorization") > 1 || head_->headers.count("content-type") > 1)
        refuse(ParseError::bad_field_value);
    return error_;
}

void Http2HeadBuilder::refuse(ParseError error)
{
    if (error_ == ParseError::none)
        error_ = error;
}

}  // namespace gatehouse::http
