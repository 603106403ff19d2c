// SPDX-License-Identifier: Apache-2.0
#include "http/http2_session.hpp"

#include "base/error.hpp"
#include "http/http2_wire.hpp"
#include "http/serializer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <vector>

namespace gatehouse::http {

using namespace http2;

namespace {

// How often a client may widen windows for each frame of data that it was sent, and each stream that it opened.
constexpr std::int64_t window_updates_per_data_frame = 10;
constexpr std::int64_t window_updates_per_stream = 4;
constexpr std::int64_t window_updates_first = 20;

constexpr std::array<std::uint8_t, 8> drain_ping{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

nghttp2_session* native(void* session) { return static_cast<nghttp2_session*>(session); }

OptionPointer server_options(const Http2Options& options)
{
    OptionPointer option = make_options();
    nghttp2_option_set_server_fallback_rfc7540_priorities(option.get(), 0);
    // Behind our own budget, which is smaller.
    nghttp2_option_set_stream_reset_rate_limit(option.get(), 2ULL * options.glitches_max,
                                               2ULL * options.glitches_per_second);
    return option;
}

}  // namespace

// The library's callbacks. No exception may pass through it.
struct Http2Session::Callbacks {
    static Http2Session& self(void* owner) { return *static_cast<Http2Session*>(owner); }

    static Http2Exchange* exchange(nghttp2_session* session, std::int32_t id)
    {
        return static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session, id));
    }

    static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* owner)
    {
        Http2Session& me = self(owner);
        switch (head->type) {
        case NGHTTP2_DATA:
            if (head->length == 0 && (head->flags & NGHTTP2_FLAG_END_STREAM) == 0)
                me.spend(Http2Budget::glitch);
            break;
        case NGHTTP2_HEADERS:
            me.head_pending_ = true;
            // A head for a stream that is over is read and ignored.
            if (head->stream_id <= me.last_stream_ && !exchange(session, head->stream_id))
                me.spend(Http2Budget::glitch);
            me.last_stream_ = std::max(me.last_stream_, head->stream_id);
            break;
        case NGHTTP2_SETTINGS:
            if ((head->flags & NGHTTP2_FLAG_ACK) == 0)
                me.spend(Http2Budget::glitch);
            break;
        case NGHTTP2_WINDOW_UPDATE:
            if (--me.window_updates_left_ < 0)
                me.spend(Http2Budget::glitch);
            break;
        default: me.spend(Http2Budget::small_glitch); break;
        }
        return 0;
    }

    static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* owner)
    {
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
            return 0;
        return guard([&] {
            Http2Session& me = self(owner);
            Http2Exchange* opened = me.owner_.open();
            if (!opened) {
                nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
                return 0;
            }
            opened->id = frame->hd.stream_id;
            nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, opened);
            me.window_updates_left_ += window_updates_per_stream;
            return 0;
        });
    }

    static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                         void* owner)
    {
        return guard([&] {
            Http2Session& me = self(owner);
            Http2Exchange* known = exchange(session, frame->hd.stream_id);
            if (!known)
                return 0;
            if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
                if (known->input_trailers.add(text(name, name_size), text(value, value_size), me.limits_))
                    return 0;
                me.head_pending_ = false;
                return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
            }
            if (known->head.add(text(name, name_size), text(value, value_size)))
                return 0;
            me.hopeless_ = true;
            return static_cast<int>(NGHTTP2_ERR_CALLBACK_FAILURE);
        });
    }

    static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t*, std::size_t,
                                 const std::uint8_t*, std::size_t, std::uint8_t, void* owner)
    {
        Http2Exchange* known = exchange(session, frame->hd.stream_id);
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (known)
            known->head.refuse_field();
        self(owner).spend(Http2Budget::small_glitch);
        return 0;
    }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* owner)
    {
        return guard([&] {
            Http2Session& me = self(owner);
            switch (frame->hd.type) {
            case NGHTTP2_HEADERS: me.head_pending_ = false; break;
            case NGHTTP2_SETTINGS: me.head_pending_ = false; return 0;
            case NGHTTP2_PING:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && me.announced_ &&
                    std::memcmp(frame->ping.opaque_data, drain_ping.data(), drain_ping.size()) == 0)
                    me.stop_opening();
                return 0;
            case NGHTTP2_RST_STREAM: me.spend(Http2Budget::glitch); return 0;
            case NGHTTP2_DATA: break;
            default: return 0;
            }
            Http2Exchange* known = exchange(session, frame->hd.stream_id);
            if (!known)
                return 0;
            if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                known->input_ended = true;
                known->end_input();
            }
            if (!known->head_complete) {
                known->head_complete = true;
                known->head_error = known->head.finish();
                if (known->head_error != ParseError::none)
                    me.spend(Http2Budget::glitch);
                me.owner_.begin(*known);
            }
            return 0;
        });
    }

    static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* owner)
    {
        self(owner).head_pending_ = false;
        return 0;
    }

    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                       std::size_t size, void*)
    {
        return guard([&] {
            if (Http2Exchange* known = exchange(session, id))
                known->take_input(text(bytes, size));
            else
                nghttp2_session_consume(session, id, size);
            return 0;
        });
    }

    static int on_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void*)
    {
        return guard([&] {
            if (Http2Exchange* known = exchange(session, id)) {
                nghttp2_session_set_stream_user_data(session, id, nullptr);
                known->closed = true;
                known->close();
            }
            return 0;
        });
    }

    // What the peer makes us reset costs us the same as what it resets itself.
    static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* owner)
    {
        Http2Session& me = self(owner);
        if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
            me.spend(Http2Budget::glitch);
        if (frame->hd.type == NGHTTP2_DATA)
            me.window_updates_left_ += window_updates_per_data_frame;
        bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && ends) {
            // Answered before the request was there whole: the rest of it is not wanted.
            Http2Exchange* known = exchange(session, frame->hd.stream_id);
            if (known && !known->input_ended)
                nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
        }
        return 0;
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
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, on_header);
        nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
        nghttp2_session_callbacks_set_send_callback(made, send);
        nghttp2_session_callbacks_set_send_data_callback(made, send_data);
        return callbacks;
    }
};

void Http2Session::Deleter::operator()(void* session) const { nghttp2_session_del(native(session)); }

Http2Session::Http2Session(Owner& owner, const Http2Options& options, const ParserLimits& limits)
    : owner_(owner), options_(options), limits_(limits), budget_(options.glitches_max, options.glitches_per_second),
      window_updates_left_(window_updates_first)
{
    thread_local const auto callbacks = Callbacks::make();
    auto option = server_options(options);
    nghttp2_session* session = nullptr;
    if (nghttp2_session_server_new2(&session, callbacks.get(), this, option.get()) != 0)
        throw std::bad_alloc();
    session_.reset(session);

    std::array<nghttp2_settings_entry, 4> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options.head_bytes_max)},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    }};
    int error = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    if (error == 0)
        error = nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                                      static_cast<std::int32_t>(options.connection_window_bytes));
    if (error != 0)
        throw std::bad_alloc();
}

Http2Session::~Http2Session() = default;

void Http2Session::receive(std::string_view bytes)
{
    if (failed_)
        return;
    ssize_t result = nghttp2_session_mem_recv(native(session_.get()),
                                              reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (result < 0)
        fail(static_cast<int>(result));
}

void Http2Session::fail(int error)
{
    failed_ = true;
    switch (error) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: end(End::calm); break;
    case NGHTTP2_ERR_CALLBACK_FAILURE: end(hopeless_ ? End::calm : End::internal_error); break;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: end(End::protocol_error); break;
    default: end(End::internal_error); break;
    }
}

void Http2Session::produce(Buffer& output)
{
    output_ = &output;
    if (int error = nghttp2_session_send(native(session_.get())); error != 0) {
        failed_ = true;
        end(End::internal_error);
    }
    output_ = nullptr;
}

bool Http2Session::ended() const
{
    nghttp2_session* session = native(session_.get());
    bool reads = !failed_ && nghttp2_session_want_read(session) != 0;
    return !reads && nghttp2_session_want_write(session) == 0;
}

void Http2Session::spend(std::int64_t points)
{
    if (!budget_.spend(points) && !failed_) {
        failed_ = true;
        end(End::calm);
    }
}

void Http2Session::send_continue(Http2Exchange& exchange)
{
    nghttp2_nv status = make_field(":status", "100", kept);
    nghttp2_submit_headers(native(session_.get()), NGHTTP2_FLAG_NONE, exchange.id, nullptr, &status, 1, nullptr);
}

void Http2Session::send_head(Http2Exchange& exchange, int status, const Headers& headers, const Framing& framing,
                             bool with_body)
{
    thread_local std::vector<nghttp2_nv> fields;
    fields.clear();
    std::array<char, 4> status_text{};
    std::to_chars(status_text.data(), status_text.data() + status_text.size(), status);
    fields.push_back(make_field(":status", {status_text.data(), 3}, copied));
    for (Field field : headers)
        if (may_send(field))
            fields.push_back(make_field(field.name, field.value,
                                        is_worth_remembering(field.name) ? kept : kept | NGHTTP2_NV_FLAG_NO_INDEX));
    std::array<char, 20> length_text{};
    if (framing.kind == Framing::Kind::length) {
        auto [end, error] = std::to_chars(length_text.data(), length_text.data() + length_text.size(), framing.length);
        fields.push_back(make_field("content-length",
                                    {length_text.data(), static_cast<std::size_t>(end - length_text.data())}, copied));
    }
    if (!headers.contains("date"))
        fields.push_back(make_field("date", current_date(), copied));

    nghttp2_data_provider provider = provider_of(exchange);
    if (nghttp2_submit_response(native(session_.get()), exchange.id, fields.data(), fields.size(),
                                with_body ? &provider : nullptr) != 0)
        reset(exchange, Reset::internal_error);
}

void Http2Session::resume(Http2Exchange& exchange) { nghttp2_session_resume_data(native(session_.get()), exchange.id); }

void Http2Session::consume(std::int32_t id, std::size_t bytes)
{
    nghttp2_session_consume(native(session_.get()), id, bytes);
}

void Http2Session::set_window(Http2Exchange& exchange, std::uint32_t bytes)
{
    nghttp2_session_set_local_window_size(native(session_.get()), NGHTTP2_FLAG_NONE, exchange.id,
                                          static_cast<std::int32_t>(bytes));
}

void Http2Session::consume_connection(std::size_t bytes)
{
    nghttp2_session_consume_connection(native(session_.get()), bytes);
}

void Http2Session::reset(Http2Exchange& exchange, Reset reason)
{
    nghttp2_submit_rst_stream(native(session_.get()), NGHTTP2_FLAG_NONE, exchange.id,
                              static_cast<std::uint32_t>(reason));
}

void Http2Session::announce_end()
{
    announced_ = true;
    nghttp2_submit_shutdown_notice(native(session_.get()));
    nghttp2_submit_ping(native(session_.get()), NGHTTP2_FLAG_NONE, drain_ping.data());
}

void Http2Session::stop_opening()
{
    if (std::exchange(stopped_, true))
        return;
    nghttp2_session* session = native(session_.get());
    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

void Http2Session::end(End reason)
{
    nghttp2_session_terminate_session(native(session_.get()), static_cast<std::uint32_t>(reason));
}

}  // namespace gatehouse::http
