// SPDX-License-Identifier: Apache-2.0
// Heads of requests and responses. A head is read line by line, each byte once, straight into the model:
//
//     [CR LF]  request line | status line  CR LF  *( name ":" OWS value OWS CR LF )  CR LF
//
// A line is judged when its LF has arrived, and finished lines are not looked at again: so it makes no difference in
// how many pieces a head comes. What the fields mean together is judged once, at the end.
#include "http/parser.hpp"

#include "http/head_rules.hpp"
#include "http/list.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <cstring>

namespace gatehouse::http {

namespace {

using State = HeadResult::State;

// Method, two spaces, "HTTP/1.1", CR LF, and some room, so that only a long target makes a line too long.
constexpr std::size_t request_line_extra_bytes = 64;
// What a response's model makes room for at once: most need no more, a few fields added by us included.
constexpr std::size_t usual_bytes = 512;
constexpr std::size_t usual_fields = 16;

HeadResult invalid(ParseError error)
{
    HeadResult result;
    result.state = State::invalid;
    result.error = error;
    return result;
}

const char* find_lf(const char* begin, const char* end)
{
    return begin == end ? nullptr
                        : static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(end - begin)));
}

// How the attempt to read one line ended. With `need_more` the bytes ended before the line did, and were well so far.
struct Line {
    const char* next = nullptr;  // where the next line begins, when it is well
    ParseError error = ParseError::none;
};
constexpr Line need_more{};
Line wrong(ParseError error) { return {nullptr, error}; }

// REQUIRES: `at` is where a line must end.
Line read_line_end(const char* at, const char* end, ParseError otherwise)
{
    if (at == end)
        return need_more;
    if (*at == '\n')
        return wrong(ParseError::bad_line_end);
    if (*at != '\r')
        return wrong(otherwise);
    if (at + 1 == end)
        return need_more;
    return at[1] == '\n' ? Line{at + 2, ParseError::none} : wrong(ParseError::bad_line_end);
}

// Reads "HTTP/1.1" and gives what follows it.
Line read_version(const char* at, const char* end, Version& version)
{
    constexpr std::string_view name = "HTTP/";
    for (char expected : name) {
        if (at == end)
            return need_more;
        if (*at != expected)
            return wrong(ParseError::bad_version);
        ++at;
    }
    const char* number = at;
    for (; at != number + 3; ++at) {
        if (at == end)
            return need_more;
        if (at == number + 1 ? *at != '.' : !tokens::is(*at, tokens::digit))
            return wrong(ParseError::bad_version);
    }
    if (number[0] != '1' || (number[2] != '0' && number[2] != '1'))
        return wrong(ParseError::unsupported_version);
    version = number[2] == '1' ? Version::http11 : Version::http10;
    return {at, ParseError::none};
}

Line read_request_line(const char* at, const char* end, const ParserLimits& limits, RequestHead& head)
{
    const char* method = at;
    while (at != end && tokens::is(*at, tokens::token))
        ++at;
    if (at == end)
        return need_more;
    if (*at == '\r' || *at == '\n')
        return wrong(ParseError::bad_request_line);
    auto method_size = static_cast<std::size_t>(at - method);
    if (*at != ' ' || method_size == 0 || method_size > method_bytes_max)
        return wrong(ParseError::bad_method);

    const char* target = ++at;
    while (at != end && tokens::is(*at, tokens::query))
        ++at;
    if (at == end)
        return need_more;
    auto target_size = static_cast<std::size_t>(at - target);
    if (*at != ' ')
        return wrong(*at == '\r' || *at == '\n' ? ParseError::bad_request_line : ParseError::bad_target);
    if (target_size == 0)
        return wrong(ParseError::bad_request_line);
    if (target_size > limits.target_bytes_max)
        return wrong(ParseError::target_too_long);

    Version version{};
    Line line = read_version(++at, end, version);
    if (line.next == nullptr)
        return line;
    line = read_line_end(line.next, end, ParseError::bad_request_line);
    if (line.next == nullptr)
        return line;
    head.method.assign(method, method_size);
    head.target.assign(target, target_size);
    head.version = version;
    return line;
}

// "HTTP/1.1 200 OK"; the reason may be missing, with its space too.
Line read_status_line(const char* at, const char* end, ResponseHead& head)
{
    Version version{};
    Line line = read_version(at, end, version);
    if (line.next == nullptr)
        return line;
    at = line.next;
    int status = 0;
    for (int i = 0; i < 4; ++i, ++at) {
        if (at == end)
            return need_more;
        if (i == 0 ? *at != ' ' : !tokens::is(*at, tokens::digit))
            return wrong(ParseError::bad_status_line);
        status = i == 0 ? 0 : status * 10 + (*at - '0');
    }
    if (status < 100 || status > 599)
        return wrong(ParseError::bad_status_line);
    if (at != end && *at == ' ')
        at = tokens::find_value_end(at, end);
    line = read_line_end(at, end, ParseError::bad_status_line);
    if (line.next == nullptr)
        return line;
    head.status = status;
    head.version = version;
    return line;
}

}  // namespace

// Reads field lines into Headers.
class HeadParser final {
public:
    HeadParser(const ParserLimits& limits, bool underscores) : limits_(limits), underscores_(underscores) {}

    Line read_field(const char* at, const char* end, Headers& headers) const
    {
        const char* name = at;
        if (*at == ' ' || *at == '\t')
            return wrong(ParseError::folded_field);
        bool underscore = false;
        for (; at != end && tokens::is(*at, tokens::token); ++at)
            underscore |= *at == '_';
        if (at == end)
            return need_more;
        if (*at != ':')
            return wrong(*at == '\n' ? ParseError::bad_line_end : ParseError::bad_field_name);
        auto name_size = static_cast<std::size_t>(at - name);
        if (name_size == 0 || (underscore && !underscores_))
            return wrong(ParseError::bad_field_name);

        for (++at; at != end && (*at == ' ' || *at == '\t'); ++at) {
        }
        const char* value = at;
        at = tokens::find_value_end(at, end);
        Line line = read_line_end(at, end, ParseError::bad_field_value);
        if (line.next == nullptr)
            return line;
        while (at != value && (at[-1] == ' ' || at[-1] == '\t'))
            --at;
        if (headers.size() >= limits_.field_count_max)
            return wrong(ParseError::too_many_fields);
        headers.add_line({name, at}, name_size, static_cast<std::size_t>(value - name));
        return line;
    }

    // Reads the fields and the empty line.
    HeadResult read_fields(std::string_view view, std::size_t begin, Headers& headers) const
    {
        const char* at = view.data() + begin;
        const char* end = view.data() + view.size();
        while (at != end) {
            bool last = *at == '\r';
            Line line = last ? read_line_end(at, end, ParseError::bad_line_end) : read_field(at, end, headers);
            if (line.next == nullptr) {
                if (line.error != ParseError::none && find_lf(at, end) != nullptr)
                    return invalid(line.error);
                break;
            }
            at = line.next;
            if (last) {
                HeadResult result;
                result.state = State::complete;
                result.consumed = static_cast<std::size_t>(at - view.data());
                return result;
            }
        }
        return {};
    }

private:
    const ParserLimits& limits_;
    bool underscores_;
};

namespace {

// What the fields of a message say about its framing and its connection.
struct FieldFacts {
    std::size_t host_count = 0;
    std::string_view host;
    std::size_t length_count = 0;
    std::string_view length;
    std::size_t coding_count = 0;
    std::string_view coding;
    std::size_t authorization_count = 0;
    std::size_t content_type_count = 0;
    bool close = false;
    bool bad_connection = false;
    bool expect_continue = false;
};

// Reads one Connection field: a list of tokens, of which `close` matters here.
void read_connection(std::string_view list, FieldFacts& facts)
{
    for_each_element(list, [&](std::string_view option) {
        facts.close |= iequals(option, "close");
        facts.bad_connection |= !tokens::all(option, tokens::token);
    });
}

FieldFacts collect(const Headers& headers)
{
    FieldFacts facts;
    for (Field field : headers) {
        switch (field.name.size()) {
        case 4:
            if (field.name == "host")
                facts.host = field.value, ++facts.host_count;
            break;
        case 6:
            if (field.name == "expect")
                facts.expect_continue |= iequals(field.value, "100-continue");
            break;
        case 10:
            if (field.name == "connection")
                read_connection(field.value, facts);
            break;
        case 12: facts.content_type_count += field.name == "content-type" ? 1U : 0U; break;
        case 13: facts.authorization_count += field.name == "authorization" ? 1U : 0U; break;
        case 14:
            if (field.name == "content-length")
                facts.length = field.value, ++facts.length_count;
            break;
        case 17:
            if (field.name == "transfer-encoding")
                facts.coding = field.value, ++facts.coding_count;
            break;
        default: break;
        }
    }
    return facts;
}

// The framing that the fields announce: Kind::none where there are none.
ParseError read_framing(const FieldFacts& facts, Version version, Framing& framing)
{
    if (facts.coding_count != 0 && facts.length_count != 0)
        return ParseError::conflicting_framing;
    if (facts.coding_count != 0) {
        if (version == Version::http10 || facts.coding_count != 1 || !iequals(facts.coding, "chunked"))
            return ParseError::bad_transfer_encoding;
        framing.kind = Framing::Kind::chunked;
    } else if (facts.length_count != 0) {
        auto length = parse_length(facts.length);
        if (facts.length_count != 1 || !length)
            return ParseError::bad_content_length;
        framing = {Framing::Kind::length, *length};
    }
    return ParseError::none;
}

// Brings the target of a request into origin form, or "*".
ParseError normalize_target(RequestHead& head, std::string_view host)
{
    std::string_view target = head.target;
    if (target[0] == '/')
        return is_origin_form(target) ? ParseError::none : ParseError::bad_target;
    if (target == "*")
        return head.method == "OPTIONS" ? ParseError::none : ParseError::bad_target;

    std::size_t scheme = iequals(target.substr(0, 7), "http://") ? 7 : iequals(target.substr(0, 8), "https://") ? 8 : 0;
    if (scheme == 0)
        return ParseError::bad_target;
    auto authority_end = std::min(target.find_first_of("/?", scheme), target.size());
    auto authority = target.substr(scheme, authority_end - scheme);
    if (!is_authority(authority))
        return ParseError::bad_target;
    if (!iequals(authority, host))
        return ParseError::bad_host;
    head.target.erase(0, authority_end);
    if (head.target.empty() && head.method == "OPTIONS")
        head.target = "*";  // RFC 9112 section 3.2.4
    else if (head.target.empty() || head.target[0] == '?')
        head.target.insert(0, "/");
    return head.target == "*" || is_origin_form(head.target) ? ParseError::none : ParseError::bad_target;
}

HeadResult finish_request(std::size_t consumed, RequestHead& head)
{
    FieldFacts facts = collect(head.headers);
    if (is_refused_method(head.method))
        return invalid(ParseError::bad_method);
    // It says which fields end here; half of it understood could be worse than none.
    if (facts.bad_connection)
        return invalid(ParseError::bad_field_value);
    // Of two, some services take the first, some the last, some both as one, and some refuse.
    if (facts.authorization_count > 1 || facts.content_type_count > 1)
        return invalid(ParseError::bad_field_value);
    if (facts.host_count != 1 || !is_authority(facts.host))
        return invalid(ParseError::bad_host);
    if (ParseError error = normalize_target(head, facts.host); error != ParseError::none)
        return invalid(error);

    HeadResult result;
    if (ParseError error = read_framing(facts, head.version, result.framing); error != ParseError::none)
        return invalid(error);
    result.state = State::complete;
    result.consumed = consumed;
    result.keep_alive = head.version == Version::http11 && !facts.close;
    result.expect_continue = head.version == Version::http11 && facts.expect_continue;
    return result;
}

HeadResult finish_response(std::size_t consumed, std::string_view request_method, const ResponseHead& head)
{
    FieldFacts facts = collect(head.headers);
    HeadResult result;
    Framing announced;
    if (ParseError error = read_framing(facts, head.version, announced); error != ParseError::none)
        return invalid(error);
    result.state = State::complete;
    result.consumed = consumed;
    result.keep_alive = head.version == Version::http11 && !facts.close;

    bool informational = head.status < 200;
    if (informational || head.status == 204) {
        // RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both fields here. Whoever sends them may send a body
        // too.
        bool body_announced = announced.kind == Framing::Kind::chunked || announced.length != 0;
        if (informational && announced.kind != Framing::Kind::none)
            return invalid(announced.kind == Framing::Kind::chunked ? ParseError::bad_transfer_encoding
                                                                    : ParseError::bad_content_length);
        result.keep_alive = result.keep_alive && !body_announced;
        return result;
    }
    if (request_method == "HEAD" || head.status == 304)
        return result;
    if (announced.kind == Framing::Kind::none) {
        announced.kind = Framing::Kind::until_close;
        result.keep_alive = false;
    }
    result.framing = announced;
    return result;
}

// Where the line that holds scanned's byte begins. All lines before it are in the model.
std::size_t find_line_begin(std::string_view view, std::size_t scanned)
{
    auto before = view.rfind('\n', scanned - 1);
    return before == std::string_view::npos ? 0 : before + 1;
}

HeadResult incomplete(std::string_view input, std::size_t& scanned, const ParserLimits& limits)
{
    if (input.size() >= limits.head_bytes_max)
        return invalid(ParseError::head_too_large);
    scanned = input.size();
    return {};
}

}  // namespace

HeadResult parse_request_head(std::string_view input, std::size_t& scanned, const ParserLimits& limits,
                              RequestHead& head)
{
    if (scanned == 0)
        head.clear();
    std::string_view view = input.substr(0, limits.head_bytes_max);
    const char* end = view.data() + view.size();
    const bool arrived = find_lf(view.data() + std::min(scanned, view.size()), end) != nullptr;

    std::size_t begin = 0;
    if (head.method.empty()) {
        if (view.starts_with('\r')) {
            if (view.size() > 1 && view[1] != '\n')
                return invalid(ParseError::bad_line_end);
            begin = std::min<std::size_t>(view.size(), 2);
        }
        if (begin == view.size())
            return incomplete(input, scanned, limits);
        // What is no request at all (a TLS handshake, say) need not wait for the end of its line.
        if (!tokens::is(view[begin], tokens::token))
            return invalid(view[begin] == '\r' || view[begin] == '\n' ? ParseError::bad_request_line
                                                                      : ParseError::bad_method);

        const std::size_t line_bytes_max = limits.target_bytes_max + request_line_extra_bytes;
        const char* line_begin = view.data() + begin;
        Line line = arrived ? read_request_line(line_begin, end, limits, head) : need_more;
        if (line.next == nullptr) {
            const char* lf = arrived ? find_lf(line_begin, end) : nullptr;
            auto line_size = static_cast<std::size_t>((lf != nullptr ? lf + 1 : end) - line_begin);
            if (line_size > line_bytes_max)
                return invalid(ParseError::target_too_long);
            if (lf != nullptr && line.error != ParseError::none)
                return invalid(line.error);
            return incomplete(input, scanned, limits);
        }
        begin = static_cast<std::size_t>(line.next - view.data());
    } else {
        if (!arrived)
            return incomplete(input, scanned, limits);
        begin = find_line_begin(view, scanned);
    }

    HeadResult result = HeadParser(limits, false).read_fields(view, begin, head.headers);
    if (result.state == State::complete)
        return finish_request(result.consumed, head);
    return result.state == State::invalid ? result : incomplete(input, scanned, limits);
}

HeadResult parse_response_head(std::string_view input, std::size_t& scanned, const ParserLimits& limits,
                               std::string_view request_method, ResponseHead& head)
{
    if (scanned == 0) {
        head.clear();
        head.status = 0;  // until the status line is there
    }
    std::string_view view = input.substr(0, limits.head_bytes_max);
    const char* end = view.data() + view.size();
    if (view.starts_with('H') || view.empty()) {
        if (find_lf(view.data() + std::min(scanned, view.size()), end) == nullptr)
            return incomplete(input, scanned, limits);
    } else {
        return invalid(ParseError::bad_status_line);
    }

    std::size_t begin = 0;
    if (head.status == 0) {
        Line line = read_status_line(view.data() + begin, end, head);
        if (line.next == nullptr)
            return invalid(line.error);
        begin = static_cast<std::size_t>(line.next - view.data());
        head.headers.reserve(usual_bytes, usual_fields);
    } else {
        begin = find_line_begin(view, scanned);
    }

    HeadResult result = HeadParser(limits, true).read_fields(view, begin, head.headers);
    if (result.state == State::complete)
        return finish_response(result.consumed, request_method, head);
    return result.state == State::invalid ? result : incomplete(input, scanned, limits);
}

}  // namespace gatehouse::http
