// SPDX-License-Identifier: Apache-2.0
#include "http/http2_client_session.hpp"

#include "http/head_rules.hpp"
#include "http/http2_wire.hpp"
#include "http/serializer.hpp"
#include "http/tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <stdexcept>
#include <vector>

namespace gatehouse::http {

using namespace http2;

namespace {

constexpr unsigned informational_max = 8;
constexpr std::size_t field_overhead_bytes = 32;  // RFC 9113 section 6.5.2
constexpr std::size_t hopeless_factor = 4;
// Of the whole connection. Each stream has a window of its own, and what waits in one does not hold up the others.
constexpr std::int32_t connection_window_bytes = 16 * 1024 * 1024;

nghttp2_session* native(void* session) { return static_cast<nghttp2_session*>(session); }

}  // namespace

void Http2ClientExchange::begin_head()
{
    head.clear();
    head.version = Version::http2;
    head_bytes_ = 0;
    field_count_ = 0;
    content_length.reset();
}

ParseError Http2ClientExchange::add(std::string_view name, std::string_view value, const ParserLimits& limits)
{
    if (name == ":status") {
        if (value.size() != 3 || !tokens::all(value, tokens::digit) || value[0] < '1' || value[0] > '5')
            return ParseError::bad_status_line;
        std::from_chars(value.data(), value.data() + value.size(), head.status);
        return ParseError::none;
    }
    value = tokens::trim(value);
    const char* end = value.data() + value.size();
    if (name.empty() || !tokens::all(name, tokens::token))
        return ParseError::bad_field_name;
    if (tokens::find_value_end(value.data(), end) != end)
        return ParseError::bad_field_value;
    if (++field_count_ > limits.field_count_max)
        return ParseError::too_many_fields;
    if (name == "content-length" && (content_length || !(content_length = parse_length(value))))
        return ParseError::bad_content_length;
    head.headers.add(name, value);
    return ParseError::none;
}

// The library's callbacks. No exception may pass through it.
struct Http2ClientSession::Callbacks {
    static Http2ClientSession& self(void* owner) { return *static_cast<Http2ClientSession*>(owner); }

    static Http2ClientExchange* exchange(nghttp2_session* session, std::int32_t id)
    {
        return static_cast<Http2ClientExchange*>(nghttp2_session_get_stream_user_data(session, id));
    }

    static int refuse(Http2ClientExchange& exchange)
    {
        exchange.malformed_ = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
    }

    static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*)
    {
        // A push: we have said that we take none before any request.
        if (frame->hd.type != NGHTTP2_HEADERS)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        return guard([&] {
            Http2ClientExchange* known = exchange(session, frame->hd.stream_id);
            if (known && !known->head_complete)
                known->begin_head();
            return 0;
        });
    }

    static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                         void* owner)
    {
        return guard([&]() -> int {
            Http2ClientSession& me = self(owner);
            Http2ClientExchange* known = exchange(session, frame->hd.stream_id);
            if (!known)
                return 0;
            known->head_bytes_ += name_size + value_size + field_overhead_bytes;
            if (known->head_bytes_ > me.limits_.head_bytes_max * hopeless_factor)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
            if (known->malformed_ || known->cancelled_)
                return 0;
            if (known->head_bytes_ > me.limits_.head_bytes_max)
                return refuse(*known);
            if (known->head_complete)
                return known->input_trailers.add(text(name, name_size), text(value, value_size), me.parser_)
                           ? 0
                           : refuse(*known);
            ParseError error = known->add(text(name, name_size), text(value, value_size), me.parser_);
            return error == ParseError::none ? 0 : refuse(*known);
        });
    }

    // A field that the library would leave out.
    static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t*, std::size_t,
                                 const std::uint8_t*, std::size_t, std::uint8_t, void*)
    {
        Http2ClientExchange* known = exchange(session, frame->hd.stream_id);
        return known ? refuse(*known) : 0;
    }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* owner)
    {
        return guard([&]() -> int {
            if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
                self(owner).ready_ = true;
            Http2ClientExchange* known = frame->hd.stream_id == 0 ? nullptr : exchange(session, frame->hd.stream_id);
            if (!known || known->cancelled_)
                return 0;
            if (frame->hd.type == NGHTTP2_RST_STREAM)
                known->reset_by_peer_ = true;
            if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
                return 0;
            if (frame->hd.type == NGHTTP2_HEADERS && !known->head_complete) {
                if (known->head.status < 200) {
                    // The library refuses 101, and one that ends the stream.
                    if (++known->informational_count_ <= informational_max)
                        return 0;
                    known->malformed_ = true;
                    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, known->id, NGHTTP2_PROTOCOL_ERROR);
                }
                known->head_complete = true;
                known->head_bytes_ = 0;
                known->input_ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
                known->begin();
            }
            if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                known->input_ended = true;
                known->end_input();
            }
            return 0;
        });
    }

    static int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int, void*)
    {
        if (Http2ClientExchange* known = exchange(session, frame->hd.stream_id))
            known->malformed_ = true;
        return 0;
    }

    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                       std::size_t size, void*)
    {
        return guard([&] {
            // What the stream's own window bounds must not hold up the other streams.
            nghttp2_session_consume_connection(session, size);
            if (Http2ClientExchange* known = exchange(session, id); known && !known->cancelled_)
                known->take_input(text(bytes, size));
            return 0;
        });
    }

    static int on_close(nghttp2_session* session, std::int32_t id, std::uint32_t code, void*)
    {
        return guard([&] {
            using End = Http2ClientExchange::End;
            Http2ClientExchange* known = exchange(session, id);
            if (!known)
                return 0;
            nghttp2_session_set_stream_user_data(session, id, nullptr);
            known->closed = true;
            if (known->cancelled_) {
                known->close(End::cancelled);
                return 0;
            }
            // The library says so, too, of streams beyond what a GOAWAY names.
            if (code == NGHTTP2_REFUSED_STREAM && !known->head_complete)
                known->close(End::refused);
            else if (known->input_ended && !known->malformed_)
                known->close(End::complete);
            else if (known->malformed_ || !known->reset_by_peer_)
                known->close(End::malformed);
            else
                known->close(End::reset);
            return 0;
        });
    }

    static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void*)
    {
        bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (!ends || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
            return 0;
        if (Http2ClientExchange* known = exchange(session, frame->hd.stream_id)) {
            known->output_ended = true;
            known->output_taken();
        }
        return 0;
    }

    // A request that was never sent: the peer had said that it takes no more.
    static int on_frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void*)
    {
        return guard([&] {
            if (frame->hd.type != NGHTTP2_HEADERS)
                return 0;
            Http2ClientExchange* known = exchange(session, frame->hd.stream_id);
            if (!known)
                return 0;
            nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, nullptr);
            known->closed = true;
            known->close(Http2ClientExchange::End::refused);
            return 0;
        });
    }

    static ssize_t send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* owner)
    {
        return take_frame(*self(owner).output_, bytes, size);
    }

    static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size,
                         nghttp2_data_source* source, void* owner)
    {
        return take_data(*self(owner).output_, head, size, *source);
    }

    static CallbacksPointer make()
    {
        nghttp2_session_callbacks* made = nullptr;
        if (nghttp2_session_callbacks_new(&made) != 0)
            throw std::bad_alloc();
        CallbacksPointer callbacks(made);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, on_header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_frame_not_sent);
        nghttp2_session_callbacks_set_send_callback(made, send);
        nghttp2_session_callbacks_set_send_data_callback(made, send_data);
        return callbacks;
    }
};

void Http2ClientSession::Deleter::operator()(void* session) const { nghttp2_session_del(native(session)); }

Http2ClientSession::Http2ClientSession(const Http2ClientLimits& limits, const ParserLimits& parser)
    : limits_(limits), parser_(parser)
{
    thread_local const auto callbacks = Callbacks::make();
    OptionPointer option = make_options();
    nghttp2_session* session = nullptr;
    if (nghttp2_session_client_new2(&session, callbacks.get(), this, option.get()) != 0)
        throw std::bad_alloc();
    session_.reset(session);
    std::array<nghttp2_settings_entry, 5> settings{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.head_bytes_max)},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    }};
    int error = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    if (error == 0)
        error = nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
    if (error != 0)
        throw std::bad_alloc();
}

Http2ClientSession::~Http2ClientSession() = default;

void Http2ClientSession::receive(std::string_view bytes)
{
    if (failed_)
        return;
    ssize_t result = nghttp2_session_mem_recv(native(session_.get()),
                                              reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (result < 0) {
        failed_ = true;
        bool flood = result == NGHTTP2_ERR_FLOODED || result == NGHTTP2_ERR_CALLBACK_FAILURE;
        nghttp2_session_terminate_session(native(session_.get()),
                                          flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    }
}

void Http2ClientSession::produce(Buffer& output)
{
    output_ = &output;
    if (nghttp2_session_send(native(session_.get())) != 0)
        failed_ = true;
    output_ = nullptr;
}

bool Http2ClientSession::broken() const { return failed_ || nghttp2_session_want_read(native(session_.get())) == 0; }

bool Http2ClientSession::takes_requests() const
{
    return ready_ && !failed_ && nghttp2_session_check_request_allowed(native(session_.get())) != 0;
}

std::size_t Http2ClientSession::streams_max() const
{
    return std::min(limits_.streams_max, nghttp2_session_get_remote_settings(native(session_.get()),
                                                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
}

bool Http2ClientSession::open(Http2ClientExchange& exchange, const Request& request, std::string_view target,
                              std::string_view scheme, bool with_body)
{
    const RequestHead& head = request.head;
    // The parser lets nothing else through, so this is a bug in code that makes targets.
    if (!tokens::all(head.method, tokens::token) || !tokens::all(target, tokens::query) || head.method.empty() ||
        target.empty())
        throw std::invalid_argument("a request head that may not be sent");
    thread_local std::vector<nghttp2_nv> fields;
    fields.clear();
    fields.push_back(make_field(":method", head.method, copied_both));
    fields.push_back(make_field(":scheme", scheme, copied_both));
    if (auto host = head.headers.find("host"))
        fields.push_back(make_field(":authority", *host, copied_both));
    fields.push_back(make_field(":path", target, copied_both));
    for (Field field : head.headers)
        if (field.name != "host" && may_send(field))
            fields.push_back(
                make_field(field.name, field.value,
                           is_worth_remembering(field.name) ? copied_both : copied_both | NGHTTP2_NV_FLAG_NO_INDEX));
    std::array<char, 20> length_text{};
    std::optional<std::uint64_t> length = request.body->length();
    if (length && (*length != 0 || head.method == "POST" || head.method == "PUT" || head.method == "PATCH")) {
        char* end = std::to_chars(length_text.data(), length_text.data() + length_text.size(), *length).ptr;
        fields.push_back(make_field(
            "content-length", {length_text.data(), static_cast<std::size_t>(end - length_text.data())}, copied_both));
    }
    if (request.takes_trailers)
        fields.push_back(make_field("te", "trailers", copied_both));
    nghttp2_data_provider provider = provider_of(exchange);
    std::int32_t id = nghttp2_submit_request(native(session_.get()), nullptr, fields.data(), fields.size(),
                                             with_body ? &provider : nullptr, &exchange);
    if (id < 0)
        return false;
    exchange.id = id;
    exchange.begin_head();
    return true;
}

void Http2ClientSession::resume(const Http2ClientExchange& exchange)
{
    nghttp2_session_resume_data(native(session_.get()), exchange.id);
}

void Http2ClientSession::consume(const Http2ClientExchange& exchange, std::size_t bytes)
{
    nghttp2_session_consume_stream(native(session_.get()), exchange.id, bytes);
}

void Http2ClientSession::set_window(const Http2ClientExchange& exchange, std::uint32_t bytes)
{
    nghttp2_session_set_local_window_size(native(session_.get()), NGHTTP2_FLAG_NONE, exchange.id,
                                          static_cast<std::int32_t>(bytes));
}

void Http2ClientSession::cancel(Http2ClientExchange& exchange)
{
    exchange.closed = true;
    exchange.cancelled_ = true;
    nghttp2_submit_rst_stream(native(session_.get()), NGHTTP2_FLAG_NONE, exchange.id, NGHTTP2_CANCEL);
}

void Http2ClientSession::end() { nghttp2_session_terminate_session(native(session_.get()), NGHTTP2_NO_ERROR); }

}  // namespace gatehouse::http
