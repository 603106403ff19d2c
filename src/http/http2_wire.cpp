// SPDX-License-Identifier: Apache-2.0
#include "http/http2_wire.hpp"

#include "http/serializer.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace gatehouse::http::http2 {

namespace {

constexpr std::size_t acknowledgements_max = 100;  // PING and SETTINGS answers that wait to be sent
constexpr std::size_t settings_max = 32;           // entries of one SETTINGS frame
constexpr std::size_t continuations_max = 8;
constexpr std::size_t header_table_bytes = 4096;
constexpr std::size_t frame_head_bytes = 9;

int submit_trailers(nghttp2_session* session, std::int32_t id, const Headers& trailers)
{
    std::vector<nghttp2_nv> fields;
    for (Field field : trailers)
        if (may_send(field))
            fields.push_back(make_field(field.name, field.value, copied_both));
    return nghttp2_submit_trailer(session, id, fields.data(), fields.size());
}

ssize_t read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t size_max, std::uint32_t* flags,
                  nghttp2_data_source* source, void*)
{
    auto& from = *static_cast<Http2Output*>(source->ptr);
    std::size_t size = std::min(size_max, from.output.size());
    if (size == 0 && !from.output_ends)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!from.output_ends || size < from.output.size())
        return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (from.output_trailers && from.output_trailers->size() != 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (guard([&] { return submit_trailers(session, id, *from.output_trailers); }) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(size);
}

}  // namespace

OptionPointer make_options()
{
    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0)
        throw std::bad_alloc();
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, acknowledgements_max);
    nghttp2_option_set_max_settings(option, settings_max);
    nghttp2_option_set_max_continuations(option, continuations_max);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, header_table_bytes);
    return OptionPointer(option);
}

nghttp2_nv make_field(std::string_view name, std::string_view value, std::uint8_t flags)
{
    return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), flags};
}

ssize_t take_frame(Buffer& output, const std::uint8_t* bytes, std::size_t size)
{
    if (output.space().size() < size)
        return NGHTTP2_ERR_WOULDBLOCK;
    std::memcpy(output.space().data(), bytes, size);
    output.commit(size);
    return static_cast<ssize_t>(size);
}

int take_data(Buffer& output, const std::uint8_t* head, std::size_t size, const nghttp2_data_source& source)
{
    if (output.space().size() < frame_head_bytes + size)
        return NGHTTP2_ERR_WOULDBLOCK;
    auto& from = *static_cast<Http2Output*>(source.ptr);
    std::memcpy(output.space().data(), head, frame_head_bytes);
    std::ranges::copy(from.output.substr(0, size),
                      output.space().data() + frame_head_bytes);  // of an empty one, nothing
    output.commit(frame_head_bytes + size);
    from.output.remove_prefix(size);
    from.output_taken();
    return 0;
}

nghttp2_data_provider provider_of(Http2Output& output)
{
    return {.source = {.ptr = &output}, .read_callback = read_data};
}

}  // namespace gatehouse::http::http2
