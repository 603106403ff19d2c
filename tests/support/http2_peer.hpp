// SPDX-License-Identifier: Apache-2.0
// The server's side of an HTTP/2 connection for scripts, frame by frame and without a library: it can say every wrong
// thing. Header blocks are literals without compression.
#pragma once

#include "support/raw_socket.hpp"

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::testing {

class Http2Peer final {
public:
    enum Type : std::uint8_t {
        data = 0,
        headers = 1,
        rst_stream = 3,
        settings = 4,
        ping = 6,
        goaway = 7,
        window_update = 8,
        continuation = 9
    };
    static constexpr std::uint8_t end_stream = 1;
    static constexpr std::uint8_t end_headers = 4;

    struct Frame {
        std::uint8_t type = 0;
        std::uint8_t flags = 0;
        std::uint32_t stream = 0;
        std::string payload;
    };

    // Takes the client's first words and says its own; `list` is the payload of its SETTINGS.
    explicit Http2Peer(RawSocket& socket, std::string_view list = {}) : socket_(socket)
    {
        if (socket_.read_exactly(24) != "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            throw std::runtime_error("not HTTP/2");
        send(settings, 0, 0, list);
        read(settings);
        send(settings, 1, 0, {});
    }

    Frame read()
    {
        std::string head = socket_.read_exactly(9);
        Frame frame{.type = static_cast<std::uint8_t>(head[3]),
                    .flags = static_cast<std::uint8_t>(head[4]),
                    .stream = number(head.substr(5)),
                    .payload = {}};
        frame.payload = socket_.read_exactly(number(std::string(1, '\0') + head.substr(0, 3)));
        return frame;
    }
    // The next one of that type, whatever comes before.
    Frame read(Type type)
    {
        for (;;) {
            Frame frame = read();
            if (frame.type == type && (type != settings || (frame.flags & 1U) == 0))
                return frame;
        }
    }
    // Of a stream, not of the connection.
    Frame read_of_stream(Type type)
    {
        for (;;) {
            Frame frame = read(type);
            if (frame.stream != 0)
                return frame;
        }
    }
    // The stream of the next request.
    std::uint32_t read_request() { return read(headers).stream; }

    void send(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload)
    {
        std::string frame = number_text(static_cast<std::uint32_t>(payload.size())).substr(1);
        frame += static_cast<char>(type);
        frame += static_cast<char>(flags);
        frame += number_text(stream);
        frame += payload;
        socket_.try_send(frame);
    }
    void reset(std::uint32_t stream, std::uint32_t code) { send(rst_stream, 0, stream, number_text(code)); }
    void go_away(std::uint32_t last) { send(goaway, 0, 0, number_text(last) + number_text(0)); }
    void answer(std::uint32_t stream, std::string_view body)
    {
        send(headers, end_headers, stream, block({{":status", "200"}}));
        send(data, end_stream, stream, body);
    }

    static std::string block(std::initializer_list<std::pair<std::string_view, std::string_view>> fields)
    {
        std::string text;
        for (auto [name, value] : fields) {
            text += '\0';
            append_string(text, name);
            append_string(text, value);
        }
        return text;
    }
    static std::string setting(std::uint16_t id, std::uint32_t value)
    {
        return number_text(id).substr(2) + number_text(value);
    }
    static std::string number_text(std::uint32_t value)
    {
        std::string text;
        for (unsigned shift : {24U, 16U, 8U, 0U})
            text += static_cast<char>(value >> shift & 0xffU);
        return text;
    }
    static std::uint32_t number(std::string_view bytes)
    {
        std::uint32_t value = 0;
        for (char byte : bytes.substr(0, 4))
            value = value << 8U | static_cast<unsigned char>(byte);
        return value;
    }

    RawSocket& socket() { return socket_; }

private:
    // RFC 7541 section 5.2, not Huffman coded.
    static void append_string(std::string& out, std::string_view text)
    {
        std::size_t size = text.size();
        if (size < 127) {
            out += static_cast<char>(size);
        } else {
            out += static_cast<char>(127);
            for (size -= 127; size >= 128; size >>= 7U)
                out += static_cast<char>(0x80U | (size & 0x7fU));
            out += static_cast<char>(size);
        }
        out += text;
    }

    RawSocket& socket_;
};

}  // namespace gatehouse::testing
