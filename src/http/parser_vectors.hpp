// SPDX-License-Identifier: Apache-2.0
// Whole messages as bytes with what must become of them: the forms by which requests are smuggled, and their plain
// neighbours. For the tests of the parsers, and of whatever stands on them.
#pragma once

#include "http/parser.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct Vector {
    std::string name;
    std::string bytes;
    ParseError error = ParseError::none;  // of the head or of the body
    std::string body;                     // what the decoder gives, when all is well
};

inline std::string repeated(std::string_view text, std::size_t count)
{
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += text;
    return all;
}

// A request with a chunked body of these bytes.
inline std::string chunked(std::string_view body)
{
    return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

// A GET with these field lines after its Host.
inline std::string with_fields(std::string_view lines)
{
    return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}

inline std::string with_target(std::string_view target)
{
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

inline std::string with_host(std::string_view host)
{
    return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

inline std::vector<Vector> framing_vectors()
{
    using enum ParseError;
    const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
    return {
        {"length then chunked", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         conflicting_framing},
        {"chunked then length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
         conflicting_framing},
        {"gzip then length", post + "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", conflicting_framing},
        {"empty coding and a length", post + "Transfer-Encoding:\r\nContent-Length: 1\r\n\r\nx", conflicting_framing},
        {"coding gzip", post + "Transfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding},
        {"coding xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"coding identity", post + "Transfer-Encoding: identity\r\n\r\n", bad_transfer_encoding},
        {"coding empty", post + "Transfer-Encoding:\r\n\r\n", bad_transfer_encoding},
        {"chunked, identity", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked, chunked", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         bad_transfer_encoding},
        {"chunked with a comma", post + "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked with a parameter", post + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked in quotes", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked after a vertical tab",
         post + "Transfer-Encoding: \x0b"
                "chunked\r\n\r\n0\r\n\r\n",
         bad_field_value},
        {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         bad_transfer_encoding},
        {"chunked in capitals", post + "TRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", none, "x"},
        {"length twice, equal", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", bad_content_length},
        {"length twice, different", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", bad_content_length},
        {"length as a list", post + "Content-Length: 1, 1\r\n\r\nx", bad_content_length},
        {"length with a plus", post + "Content-Length: +1\r\n\r\nx", bad_content_length},
        {"length negative", post + "Content-Length: -1\r\n\r\nx", bad_content_length},
        {"length hexadecimal", post + "Content-Length: 0x1\r\n\r\nx", bad_content_length},
        {"length with a leading zero", post + "Content-Length: 01\r\n\r\nx", bad_content_length},
        {"length empty", post + "Content-Length:\r\n\r\n", bad_content_length},
        {"length with a space inside", post + "Content-Length: 1 1\r\n\r\nx", bad_content_length},
        {"length with a fraction", post + "Content-Length: 1.0\r\n\r\nx", bad_content_length},
        {"length of 2^63", post + "Content-Length: 9223372036854775808\r\n\r\nx", bad_content_length},
        {"length of 2^64 + 1", post + "Content-Length: 18446744073709551617\r\n\r\nx", bad_content_length},
        {"length of 100 digits", post + "Content-Length: " + std::string(100, '9') + "\r\n\r\nx", bad_content_length},
        {"length zero", post + "Content-Length: 0\r\n\r\n", none, ""},
        {"length plain", post + "Content-Length: 3\r\n\r\nabc", none, "abc"},
        {"length in odd case and white space", post + "cOnTeNt-LeNgTh:\t 3 \t\r\n\r\nabc", none, "abc"},
        {"body of a GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok", none, "ok"},
    };
}

inline std::vector<Vector> chunk_vectors()
{
    using enum ParseError;
    return {
        {"chunks", chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), none, "abc0123456789"},
        {"no chunks", chunked("0\r\n\r\n"), none, ""},
        {"chunk sizes in both cases", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), none,
         "01234567890123456789"},
        {"chunk size with zeros in front", chunked("0003\r\nabc\r\n000\r\n\r\n"), none, "abc"},
        {"chunk data that goes on", chunked("1\r\nxXX\r\n0\r\n\r\n"), bad_chunk_end},
        {"chunk data without CRLF", chunked("1\r\nx0\r\n\r\n"), bad_chunk_end},
        {"chunk data before a bare LF", chunked("1\r\nx\n0\r\n\r\n"), bad_chunk_end},
        {"chunk size before a bare LF", chunked("1\nx\r\n0\r\n\r\n"), bad_line_end},
        {"chunk size before a bare CR", chunked("1\rx\r\n0\r\n\r\n"), bad_line_end},
        {"chunk size hexadecimal prefix", chunked("0x1\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size negative", chunked("-1\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size with a plus", chunked("+1\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size after a space", chunked(" 1\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size before a space", chunked("1 \r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size missing", chunked("\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size junk", chunked("1g\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size of 2^63", chunked("8000000000000000\r\nx"), bad_chunk_size},
        {"chunk size of 2^64 + 1", chunked("10000000000000001\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"chunk size of 17 zeros", chunked("00000000000000000\r\n\r\n"), bad_chunk_size},
        {"chunk extension", chunked("1;name=value;other=\"quoted\"\r\nx\r\n0;last\r\n\r\n"), none, "x"},
        {"chunk extension too long", chunked("1;" + std::string(300, 'e') + "\r\nx\r\n0\r\n\r\n"),
         chunk_extension_too_long},
        {"chunk extension of 64 KiB", chunked("1;" + std::string(65536, 'e') + "\r\nx\r\n0\r\n\r\n"),
         chunk_extension_too_long},
        {"chunk extension with a bare LF", chunked("1;a\nb\r\nx\r\n0\r\n\r\n"), bad_line_end},
        {"chunk extension with a quoted LF", chunked("1;a=\"\n\"\r\nx\r\n0\r\n\r\n"), bad_line_end},
        {"chunk extension with a bare CR", chunked("1;a\rb\r\nx\r\n0\r\n\r\n"), bad_line_end},
        {"chunk extension with NUL", chunked("1;a" + std::string(1, '\0') + "\r\nx\r\n0\r\n\r\n"), bad_chunk_size},
        {"trailer Authorization dropped", chunked("0\r\nAuthorization: Bearer x\r\nX-User: root\r\n\r\n"), none, ""},
        {"trailer Content-Length dropped", chunked("1\r\nx\r\n0\r\nContent-Length: 99\r\n\r\n"), none, "x"},
        {"trailer without colon", chunked("0\r\njunk\r\n\r\n"), bad_trailer},
        {"trailer folded", chunked("0\r\nA: b\r\n c\r\n\r\n"), bad_trailer},
        {"trailer with an empty name", chunked("0\r\n: b\r\n\r\n"), bad_trailer},
        {"trailer with a space before the colon", chunked("0\r\nA : b\r\n\r\n"), bad_trailer},
        {"trailer with a bare LF", chunked("0\r\nA: b\n\r\n"), bad_line_end},
        {"trailer with a bare CR", chunked("0\r\nA: b\rc\r\n\r\n"), bad_line_end},
        {"trailer with NUL", chunked("0\r\nA: " + std::string(1, '\0') + "\r\n\r\n"), bad_trailer},
        {"trailers that end with a bare LF", chunked("0\r\nA: b\r\n\n"), bad_trailer},
        {"trailers of 100 KB", chunked("0\r\n" + repeated("A: " + std::string(100, 'b') + "\r\n", 1000) + "\r\n"),
         trailers_too_large},
    };
}

inline std::vector<Vector> target_vectors()
{
    using enum ParseError;
    return {
        {"target with a fragment", with_target("/a#b"), bad_target},
        {"target with byte 0x80", with_target("/\x80"), bad_target},
        {"target with UTF-8", with_target("/\xc3\xa9"), bad_target},
        {"target with an escaped NUL", with_target("/a%00b"), bad_target},
        {"target with an escaped NUL in the query", with_target("/a?b=%00"), bad_target},
        {"target with NUL", "GET /a" + std::string(1, '\0') + " HTTP/1.1\r\nHost: h\r\n\r\n", bad_target},
        {"target with a tab", with_target("/a\tb"), bad_target},
        {"target with a bare CR", with_target("/a\rb"), bad_request_line},
        {"target with DEL", with_target("/a\x7f"), bad_target},
        {"target with a backslash", with_target("/a\\..\\b"), bad_target},
        {"target with an angle bracket", with_target("/a<b>"), bad_target},
        {"target with a quote", with_target("/a\"b"), bad_target},
        {"target with half an escape", with_target("/a%4"), bad_target},
        {"target with a broken escape", with_target("/a%zz"), bad_target},
        {"target without a slash", with_target("a/b"), bad_target},
        {"target with only a query", with_target("?a"), bad_target},
        {"target asterisk for GET", with_target("*"), bad_target},
        {"target asterisk for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", none},
        {"target asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: h\r\n\r\n", bad_target},
        {"target of authority form", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", bad_method},
        {"CONNECT with a path", "CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"TRACE", "TRACE /a HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"target absolute", with_target("http://h/a?b"), none},
        {"target absolute in capitals", with_target("HTTP://H/a"), none},
        {"target absolute without a path", with_target("http://h"), none},
        {"target absolute, other host", with_target("http://other/a"), bad_host},
        {"target absolute, other port", with_target("http://h:81/a"), bad_host},
        {"target absolute, user information", with_target("http://u:p@h/a"), bad_target},
        {"target absolute, no host", with_target("http:///a"), bad_target},
        {"target absolute, other scheme", with_target("ftp://h/a"), bad_target},
        {"target absolute, fragment", with_target("http://h/a#b"), bad_target},
        {"target absolute, escaped NUL", with_target("http://h/a%00"), bad_target},
        {"target too long", with_target("/" + std::string(8192, 'a')), target_too_long},
        {"target very long", with_target("/" + std::string(20000, 'a')), target_too_long},
        {"target of the longest length", with_target("/" + std::string(8191, 'a')), none},
        {"target with all that browsers send", with_target("/a-._~!$&'()*+,;=:@%20/[]|^?q=`{}|^\\[]100%&x=/?"), none},
    };
}

inline std::vector<Vector> line_vectors()
{
    using enum ParseError;
    return {
        {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", bad_request_line},
        {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", bad_version},
        {"space after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", bad_request_line},
        {"space before the method", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"tab after the method", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"method with a bracket", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"method of 33 bytes", std::string(33, 'A') + " / HTTP/1.1\r\nHost: h\r\n\r\n", bad_method},
        {"method of 32 bytes", std::string(32, 'A') + " / HTTP/1.1\r\nHost: h\r\n\r\n", none},
        {"method only", "GET\r\nHost: h\r\n\r\n", bad_request_line},
        {"HTTP/0.9", "GET /\r\n\r\n", bad_request_line},
        {"HTTP/2.0 as text", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", unsupported_version},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unsupported_version},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", unsupported_version},
        {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", bad_request_line},
        {"http/1.1 in small letters", "GET / http/1.1\r\nHost: h\r\n\r\n", bad_version},
        {"version without a number", "GET / HTTP/\r\nHost: h\r\n\r\n", bad_version},
        {"version cut short", "GET / HTTP/1\r\nHost: h\r\n\r\n", bad_version},
        {"TLS handshake", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), bad_method},
        {"request line with a bare LF", "GET / HTTP/1.1\nHost: h\r\n\r\n", bad_line_end},
        {"request line with a bare CR", "GET / HTTP/1.1\rHost: h\r\n\r\n", bad_line_end},
        {"one empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", none},
        {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", bad_request_line},
        {"bare LF before", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", bad_request_line},
        {"bare CR before", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", bad_line_end},
        {"field with a bare LF", with_fields("A: b\n"), bad_line_end},
        {"field with a bare CR", with_fields("A: b\rC: d\r\n"), bad_line_end},
        {"field with CR CR LF", with_fields("A: b\r\r\n"), bad_line_end},
        {"head that ends with a bare LF", "GET / HTTP/1.1\r\nHost: h\r\n\n", bad_line_end},
        {"head of bare LFs", "GET / HTTP/1.1\nHost: h\n\n", bad_line_end},
        {"field with NUL", with_fields("A: b" + std::string(1, '\0') + "c\r\n"), bad_field_value},
        {"field with DEL", with_fields("A: b\x7f\r\n"), bad_field_value},
        {"field with BEL", with_fields("A: b\x07 and more text behind\r\n"), bad_field_value},
        {"field with a tab", with_fields("A: b\tc\r\n"), none},
        {"field with UTF-8", with_fields("A: \xc3\xa9\r\n"), none},
        {"field empty", with_fields("A:\r\n"), none},
        {"field without white space", with_fields("A:b\r\n"), none},
        {"Connection that is no list of tokens", with_fields("Connection: te\xca close\r\n"), bad_field_value},
        {"Authorization twice", with_fields("Authorization: a\r\nauthorization: a\r\n"), bad_field_value},
        {"Content-Type twice", with_fields("Content-Type: a/b\r\ncontent-type: a/b\r\n"), bad_field_value},
        {"Connection with empty elements", with_fields("Connection: ,te,, close\r\n"), none},
        {"space before the colon", with_fields("A : b\r\n"), bad_field_name},
        {"tab before the colon", with_fields("A\t: b\r\n"), bad_field_name},
        {"space before the colon of a length", with_fields("Content-Length : 1\r\n"), bad_field_name},
        {"field without a colon", with_fields("A\r\n"), bad_field_name},
        {"field with an empty name", with_fields(": b\r\n"), bad_field_name},
        {"field name with NUL", with_fields("A" + std::string(1, '\0') + ": b\r\n"), bad_field_name},
        {"field name with UTF-8", with_fields("\xc3\xa9: b\r\n"), bad_field_name},
        {"field name with an underscore", with_fields("Content_Length: 5\r\n"), bad_field_name},
        {"field name in parentheses", with_fields("(A): b\r\n"), bad_field_name},
        {"folded field", with_fields("A: b\r\n c\r\n"), folded_field},
        {"folded field with a tab", with_fields("A: b\r\n\tc\r\n"), folded_field},
        {"folded coding", with_fields("Transfer-Encoding:\r\n chunked\r\n"), folded_field},
        {"folded first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", folded_field},
        {"fields too many", with_fields(repeated("A: b\r\n", 100)), too_many_fields},
        {"fields as many as allowed", with_fields(repeated("A: b\r\n", 99)), none},
        {"head too large", with_fields("A: " + std::string(40000, 'b') + "\r\n"), head_too_large},
        {"head that never ends", "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(40000, 'b'), head_too_large},
    };
}

inline std::vector<Vector> host_vectors()
{
    using enum ParseError;
    return {
        {"no host", "GET / HTTP/1.1\r\n\r\n", bad_host},
        {"no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", bad_host},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", bad_host},
        {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n", bad_host},
        {"empty host", with_host(""), bad_host},
        {"host with user information", with_host("u@h"), bad_host},
        {"host with a path", with_host("h/a"), bad_host},
        {"host as a list", with_host("a, b"), bad_host},
        {"host with a space", with_host("a b"), bad_host},
        {"host with an escape", with_host("a%2fb"), bad_host},
        {"host with UTF-8", with_host("\xc3\xa9"), bad_host},
        {"host with an empty port", with_host("h:"), bad_host},
        {"host with a port too large", with_host("h:65536"), bad_host},
        {"host with a port of letters", with_host("h:8a"), bad_host},
        {"host with two ports", with_host("h:80:80"), bad_host},
        {"host of a port alone", with_host(":80"), bad_host},
        {"host with an open bracket", with_host("[::1"), bad_host},
        {"host with empty brackets", with_host("[]"), bad_host},
        {"host with junk behind brackets", with_host("[::1]a"), bad_host},
        {"host with a port", with_host("h:8080"), none},
        {"host IPv4", with_host("127.0.0.1"), none},
        {"host IPv6 with a port", with_host("[2001:db8::1]:443"), none},
        {"host with an underscore", with_host("a_b.internal"), none},
    };
}

inline std::vector<Vector> request_vectors()
{
    std::vector<Vector> all;
    for (const auto& part : {framing_vectors(), chunk_vectors(), target_vectors(), line_vectors(), host_vectors()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

// Responses to a GET.
inline std::vector<Vector> response_vectors()
{
    using enum ParseError;
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    return {
        {"length", ok + "Content-Length: 2\r\n\r\nok", none, "ok"},
        {"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", none, "ok"},
        {"until close", ok + "\r\nok", none, "ok"},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", none, "ok"},
        {"reason empty", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", none, ""},
        {"reason and its space missing", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", none, ""},
        {"reason with UTF-8", "HTTP/1.1 200 \xc3\xa9\r\nContent-Length: 0\r\n\r\n", none, ""},
        {"field name with an underscore", ok + "X_A: b\r\nContent-Length: 0\r\n\r\n", none, ""},
        {"length and chunked", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         conflicting_framing},
        {"length twice", ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", bad_content_length},
        {"length as a list", ok + "Content-Length: 1, 1\r\n\r\nx", bad_content_length},
        {"length too large", ok + "Content-Length: 99999999999999999999\r\n\r\nx", bad_content_length},
        {"length with a sign", ok + "Content-Length: +1\r\n\r\nx", bad_content_length},
        {"coding gzip", ok + "Transfer-Encoding: gzip\r\n\r\nx", bad_transfer_encoding},
        {"gzip, chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", bad_transfer_encoding},
        {"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         bad_transfer_encoding},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         bad_transfer_encoding},
        {"chunk data that goes on", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nxXX\r\n0\r\n\r\n", bad_chunk_end},
        {"informational with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\nx", bad_content_length},
        {"informational with a coding", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
         bad_transfer_encoding},
        {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", bad_status_line},
        {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", bad_status_line},
        {"status below 100", "HTTP/1.1 099 OK\r\n\r\n", bad_status_line},
        {"status above 599", "HTTP/1.1 600 OK\r\n\r\n", bad_status_line},
        {"status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", bad_status_line},
        {"status line with two spaces", "HTTP/1.1  200 OK\r\n\r\n", bad_status_line},
        {"status line cut short", "HTTP/1.1\r\n\r\n", bad_status_line},
        {"status missing", "HTTP/1.1 \r\n\r\n", bad_status_line},
        {"reason with NUL", "HTTP/1.1 200 O" + std::string(1, '\0') + "K\r\n\r\n", bad_status_line},
        {"status line with a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", bad_line_end},
        {"status line with a bare CR", "HTTP/1.1 200 OK\rX\r\n\r\n", bad_line_end},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", unsupported_version},
        {"other protocol", "HTTX/1.1 200 OK\r\n\r\n", bad_version},
        {"no protocol", "200 OK\r\n\r\n", bad_status_line},
        {"empty line before", "\r\nHTTP/1.1 200 OK\r\n\r\n", bad_status_line},
        {"folded field", ok + "A: b\r\n c\r\n\r\n", folded_field},
        {"folded coding", ok + "Transfer-Encoding:\r\n chunked\r\n\r\n", folded_field},
        {"space before the colon", ok + "Content-Length : 1\r\n\r\nx", bad_field_name},
        {"field with a bare LF", ok + "A: b\n\r\n", bad_line_end},
        {"field with a bare CR", ok + "A: b\rSet-Cookie: c\r\n\r\n", bad_line_end},
        {"field with NUL", ok + "A: " + std::string(1, '\0') + "\r\n\r\n", bad_field_value},
        {"fields too many", ok + repeated("A: b\r\n", 101) + "\r\n", too_many_fields},
        {"head too large", ok + "A: " + std::string(40000, 'b') + "\r\n\r\n", head_too_large},
    };
}

}  // namespace gatehouse::http
