// SPDX-License-Identifier: Apache-2.0
#include "files/sniff.hpp"

#include "base/error.hpp"

#include <magic.h>

#include <algorithm>
#include <memory>
#include <type_traits>

namespace gatehouse::files {

namespace {

constexpr std::string_view unknown_type = "application/octet-stream";

struct Close {
    void operator()(magic_t handle) const { ::magic_close(handle); }
};
using Handle = std::unique_ptr<std::remove_pointer_t<magic_t>, Close>;

// A handle for each call: opening costs a fifth of a millisecond, while every handle that stays open keeps its own
// mapping of the database resident, 8 MiB once it has been used.
Handle open_database()
{
    constexpr int flags = MAGIC_MIME_TYPE | MAGIC_ERROR | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF;
    Handle handle(::magic_open(flags));
    if (!handle)
        throw Unavailable("libmagic: cannot open a handle");
    if (::magic_load(handle.get(), nullptr) != 0)
        throw Unavailable(std::string("libmagic: ") + ::magic_error(handle.get()));
    // The input is hostile: less than the defaults, which are meant for whole files.
    for (auto [parameter, value] : {std::pair<int, std::size_t>{MAGIC_PARAM_BYTES_MAX, 4096},
                                    {MAGIC_PARAM_INDIR_MAX, 8},
                                    {MAGIC_PARAM_NAME_MAX, 50},
                                    {MAGIC_PARAM_REGEX_MAX, 4096}})
        ::magic_setparam(handle.get(), parameter, &value);
    return handle;
}

// type "/" subtype of RFC 6838 names; anything else would not be safe in a header field.
bool is_media_type(std::string_view text)
{
    auto slash = text.find('/');
    auto is_name = [](std::string_view name) {
        return !name.empty() && name.size() <= 127 && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view{"!#$&-^_.+"}.contains(c);
        });
    };
    return slash != std::string_view::npos && is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

// What libmagic does not recognise, or not from the first bytes alone.
std::string_view sniff_media(std::string_view head)
{
    // An ID3v2 tag longer than the head (a cover picture): the frames that libmagic looks for come after it.
    if (head.size() > 10 && head.starts_with("ID3"))
        return "audio/mpeg";
    // ISO base media (ISO/IEC 14496-12) of a brand that libmagic does not list.
    if (head.size() > 16 && head.substr(4, 4) == "ftyp")
        return "video/mp4";
    // MPEG transport stream (ISO/IEC 13818-1): packets of 188 bytes, each beginning with the sync byte.
    constexpr std::size_t packet_bytes = 188;
    bool packets = head.size() > 4 * packet_bytes;
    for (std::size_t i = 0; packets && i < 5; ++i)
        packets = head[i * packet_bytes] == 0x47;
    return packets ? "video/mp2t" : unknown_type;
}

}  // namespace

std::string sniff_type(std::string_view head)
{
    if (head.empty())
        return "application/x-empty";
    Handle handle = open_database();
    const char* type = ::magic_buffer(handle.get(), head.data(), head.size());
    // An error here is the content's doing (a limit was hit): it is of no known type.
    if (!type || !is_media_type(type) || type == unknown_type)
        return std::string(sniff_media(head));
    return type;
}

}  // namespace gatehouse::files
