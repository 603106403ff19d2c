// SPDX-License-Identifier: Apache-2.0
// A blocking HTTP/2 client for tests, made of libnghttp2. It does what it is told only: windows are not widened unless
// asked, and raw frames can be put between its own. Every wait ends after ten seconds, as a failure.
#pragma once

#include "support/raw_socket.hpp"
#include "support/tls_client.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/tcp.h>

namespace gatehouse::testing {

struct Http2Answer {
    int status = 0;
    std::map<std::string, std::string> fields;
    std::string body;
    int interim_count = 0;
    bool closed = false;
    std::uint32_t error = 0;  // with which the stream was closed
};

using Http2Fields = std::vector<std::pair<std::string, std::string>>;

// One frame as it goes over the wire.
inline std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload)
{
    std::string frame;
    for (std::uint32_t byte :
         {static_cast<std::uint32_t>(payload.size() >> 16U), static_cast<std::uint32_t>(payload.size() >> 8U),
          static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type),
          static_cast<std::uint32_t>(flags), stream >> 24U, stream >> 16U, stream >> 8U, stream})
        frame += static_cast<char>(byte & 0xffU);
    return frame.append(payload);
}

class Http2Client final {
public:
    explicit Http2Client(std::uint16_t port, bool widens_windows = true)
        : socket_(std::make_unique<RawSocket>(RawSocket::connect(port)))
    {
        int on = 1;
        ::setsockopt(socket_->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        send_ = [this](std::string_view bytes) { return socket_->try_send(bytes); };
        read_ = [this] { return socket_->read_some(); };
        begin(widens_windows);
    }
    // Over a connection that has chosen h2 and outlives this.
    explicit Http2Client(TestTlsClient& tls)
        : send_([&tls](std::string_view bytes) {
              tls.send(bytes);
              return true;
          }),
          read_([&tls] { return tls.read_some(); })
    {
        begin(true);
    }
    ~Http2Client() { nghttp2_session_del(session_); }
    Http2Client(const Http2Client&) = delete;
    Http2Client& operator=(const Http2Client&) = delete;

    // Sends a head, and no body.
    std::int32_t get(std::string_view path, Http2Fields more = {})
    {
        return request(head("GET", path, std::move(more)), true);
    }

    // Sends a head and a body that stays open unless `ends`.
    std::int32_t post(std::string_view path, std::string body, bool ends = true, Http2Fields more = {})
    {
        std::int32_t id = request(head("POST", path, std::move(more)), false);
        send_body(id, std::move(body), ends);
        return id;
    }

    static Http2Fields head(std::string_view method, std::string_view path, Http2Fields more = {})
    {
        Http2Fields fields{
            {":method", std::string(method)}, {":scheme", "http"}, {":authority", "a"}, {":path", std::string(path)}};
        fields.insert(fields.end(), more.begin(), more.end());
        return fields;
    }

    std::int32_t request(const Http2Fields& fields, bool ends)
    {
        std::vector<nghttp2_nv> list;
        for (const auto& [name, value] : fields)
            list.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                            NGHTTP2_NV_FLAG_NONE});
        nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
        std::int32_t id =
            nghttp2_submit_request(session_, nullptr, list.data(), list.size(), ends ? nullptr : &provider, nullptr);
        if (id < 0)
            throw std::runtime_error(nghttp2_strerror(id));
        flush();
        return id;
    }

    void send_body(std::int32_t id, std::string body, bool ends)
    {
        bodies_[id].text += body;
        bodies_[id].ends = ends;
        nghttp2_session_resume_data(session_, id);
        flush();
    }

    void reset(std::int32_t id, std::uint32_t code = NGHTTP2_CANCEL)
    {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
        flush();
    }

    void consume(std::int32_t id, std::size_t size)
    {
        nghttp2_session_consume(session_, id, size);
        flush();
    }

    // Bytes of the test's own. False when the server has closed.
    bool raw(std::string_view bytes) { return send_(bytes); }

    // Until the stream is closed, or the connection.
    const Http2Answer& wait(std::int32_t id)
    {
        while (!answers_[id].closed && receive()) {
        }
        return answers_[id];
    }
    // Until its head is there.
    const Http2Answer& wait_for_head(std::int32_t id)
    {
        while (answers_[id].status == 0 && !answers_[id].closed && receive()) {
        }
        return answers_[id];
    }
    const Http2Answer& answer(std::int32_t id) { return answers_[id]; }

    // Until the server closes; the code of its last GOAWAY, -1 when there was none.
    std::int64_t wait_for_end()
    {
        while (receive()) {
        }
        return goaway_;
    }
    // The same, for a test that sent raw frames of which this client knows nothing: looks for the GOAWAY only.
    // REQUIRES: whole frames were read so far.
    std::int64_t find_goaway_to_end()
    {
        constexpr std::size_t head_bytes = 9;
        std::string bytes = socket_->read_to_end();
        auto number = [&](std::size_t at, std::size_t size) {
            std::uint32_t value = 0;
            for (std::size_t i = at; i < at + size; ++i)
                value = value << 8U | static_cast<unsigned char>(bytes[i]);
            return value;
        };
        for (std::size_t at = 0; at + head_bytes <= bytes.size(); at += head_bytes + number(at, 3))
            if (bytes[at + 3] == NGHTTP2_GOAWAY && at + head_bytes + 8 <= bytes.size())
                goaway_ = number(at + head_bytes + 4, 4);
        return goaway_;
    }

    std::int64_t goaway() const { return goaway_; }
    std::int32_t goaway_last_stream() const { return goaway_last_stream_; }
    bool connected() const { return !at_end_; }

    // Takes in what has come, at least something; false at the end.
    bool receive()
    {
        if (at_end_)
            return false;
        std::string bytes = read_();
        at_end_ = bytes.empty();
        ssize_t result =
            nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        if (result < 0)
            throw std::runtime_error(nghttp2_strerror(static_cast<int>(result)));
        if (!at_end_)
            flush();
        return !at_end_;
    }

    void flush()
    {
        const std::uint8_t* bytes = nullptr;
        for (ssize_t size = nghttp2_session_mem_send(session_, &bytes); size > 0;
             size = nghttp2_session_mem_send(session_, &bytes))
            if (!send_({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}))
                return;
    }

    std::int32_t send_window(std::int32_t id) { return nghttp2_session_get_stream_remote_window_size(session_, id); }
    RawSocket& socket() { return *socket_; }

private:
    struct Body {
        std::string text;
        bool ends = false;
    };

    void begin(bool widens_windows)
    {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_no_auto_window_update(option, widens_windows ? 0 : 1);
        nghttp2_option_set_no_http_messaging(option, 1);
        nghttp2_session_client_new2(&session_, callbacks, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
        flush();
    }

    static Http2Client& self(void* data) { return *static_cast<Http2Client*>(data); }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* data)
    {
        Http2Answer& answer = self(data).answers_[frame->hd.stream_id];
        std::string key(reinterpret_cast<const char*>(name), name_size);
        std::string text(reinterpret_cast<const char*>(value), value_size);
        if (key == ":status" && text.starts_with('1'))
            ++answer.interim_count;
        else if (key == ":status")
            answer.status = std::stoi(text);
        else
            answer.fields[key] = text;
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data)
    {
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            self(data).goaway_ = frame->goaway.error_code;
            self(data).goaway_last_stream_ = frame->goaway.last_stream_id;
        }
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                       void* data)
    {
        self(data).answers_[id].body.append(reinterpret_cast<const char*>(bytes), size);
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* data)
    {
        self(data).answers_[id].closed = true;
        self(data).answers_[id].error = error;
        return 0;
    }

    static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t size_max,
                             std::uint32_t* flags, nghttp2_data_source*, void* data)
    {
        Body& body = self(data).bodies_[id];
        if (body.text.empty() && !body.ends)
            return NGHTTP2_ERR_DEFERRED;
        std::size_t size = std::min(size_max, body.text.size());
        std::copy_n(body.text.data(), size, out);
        body.text.erase(0, size);
        if (body.ends && body.text.empty())
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }

    std::unique_ptr<RawSocket> socket_;  // null over TLS
    std::function<bool(std::string_view)> send_;
    std::function<std::string()> read_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Http2Answer> answers_;
    std::map<std::int32_t, Body> bodies_;
    std::int64_t goaway_ = -1;
    std::int32_t goaway_last_stream_ = -1;
    bool at_end_ = false;
};

}  // namespace gatehouse::testing
