// SPDX-License-Identifier: Apache-2.0
#include "worker/ffmpeg.hpp"

#include "base/json.hpp"
#include "worker/child_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace gatehouse::worker {

namespace {

constexpr std::size_t line_bytes_max = 1024;

// Demuxers by the names that ffmpeg -demuxers prints. Everything in this list reads one self-contained file.
constexpr const char* demuxers =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,h264,hevc,m4v,dv,mxf,"
    "wav,w64,mp3,flac,aac,aiff,amr,ac3,eac3,caf,au,ape,wv,tta,"
    "apng,bmp_pipe,gif,ico,jpeg_pipe,jpegxl_pipe,mjpeg,png_pipe,tiff_pipe,webp_pipe";

// Options that stand before an input and hold for it.
void append_input(std::vector<std::string>& arguments, const std::filesystem::path& input)
{
    for (const char* word :
         {"-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers, "-probesize", "50000000",
          "-analyzeduration", "20000000", "-max_streams", "100", "-max_pixels", "200000000", "-i"})
        arguments.emplace_back(word);
    arguments.push_back(input.string());
}

std::vector<std::string> begin_ffmpeg(const Tools& tools)
{
    return {tools.ffmpeg.string(), "-nostdin", "-hide_banner", "-v", "error", "-y", "-threads", "1"};
}

double parse_seconds(const json::object& object)
{
    auto text = find_string(object, "duration");
    if (!text)
        return 0;
    double seconds = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    bool whole = error == std::errc{} && end == text->data() + text->size();
    return whole && std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

bool is_cover(const json::object& stream)
{
    const auto* disposition = stream.if_contains("disposition");
    return disposition && disposition->is_object() &&
           find_integer(disposition->get_object(), "attached_pic").value_or(0) != 0;
}

void take_stream(Media& media, const json::object& stream, double file_seconds)
{
    double seconds = parse_seconds(stream);
    if (seconds == 0)
        seconds = file_seconds;
    auto type = find_string(stream, "codec_type").value_or("");
    if (type == "audio" && !media.has_audio) {
        media.has_audio = true;
        media.audio_seconds = seconds;
    } else if (type == "video" && !media.has_picture && !is_cover(stream)) {
        media.has_picture = true;
        media.picture_seconds = seconds;
    }
}

}  // namespace

Tools find_tools(std::string_view ffmpeg)
{
    Tools tools{.ffmpeg = find_program(ffmpeg), .ffprobe = {}};
    if (!tools.ffmpeg.empty())
        tools.ffprobe = find_program((tools.ffmpeg.parent_path() / "ffprobe").string());
    return tools;
}

std::vector<std::string> probe_arguments(const Tools& tools, const std::filesystem::path& input)
{
    std::vector<std::string> arguments{tools.ffprobe.string(),
                                       "-hide_banner",
                                       "-v",
                                       "error",
                                       "-print_format",
                                       "json",
                                       "-show_entries",
                                       "format=duration:stream=codec_type,duration:stream_disposition=attached_pic"};
    append_input(arguments, input);
    return arguments;
}

Result<Media, std::string> parse_probe(std::string_view json_text)
{
    auto value = parse_json(json_text);
    if (!value)
        return std::unexpected("ffprobe printed no JSON: " + value.error());
    const auto* root = value->if_object();
    const auto* streams = root ? root->if_contains("streams") : nullptr;
    if (!streams || !streams->is_array())
        return std::unexpected("ffprobe named no streams");
    const auto* format = root->if_contains("format");
    double file_seconds = format && format->is_object() ? parse_seconds(format->get_object()) : 0;
    Media media;
    for (const auto& stream : streams->get_array())
        if (stream.is_object())
            take_stream(media, stream.get_object(), file_seconds);
    return media;
}

std::vector<std::string> audio_arguments(const Tools& tools, const std::filesystem::path& input,
                                         const std::filesystem::path& output)
{
    auto arguments = begin_ffmpeg(tools);
    append_input(arguments, input);
    // Quality 2 is a variable bit rate of about 190 kbit/s, which few can tell from the source.
    for (const char* word : {"-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "libmp3lame", "-q:a", "2", "-threads", "1",
                             "-progress", "pipe:1", "-stats_period", "0.5", "-f", "mp3"})
        arguments.emplace_back(word);
    arguments.push_back(output.string());
    return arguments;
}

std::vector<std::string> thumbnail_arguments(const Tools& tools, const std::filesystem::path& input,
                                             const std::filesystem::path& output, double seconds)
{
    auto arguments = begin_ffmpeg(tools);
    if (seconds > 0) {
        arguments.emplace_back("-ss");
        arguments.push_back(fmt::format("{:.3f}", seconds));
    }
    append_input(arguments, input);
    // Metadata may tell where a picture was taken; a thumbnail keeps none of it. Small pictures are not enlarged.
    for (const char* word : {"-map",
                             "0:V:0",
                             "-frames:v",
                             "1",
                             "-an",
                             "-sn",
                             "-dn",
                             "-map_metadata",
                             "-1",
                             "-vf",
                             "scale=w='min(320,iw)':h='min(320,ih)':force_original_aspect_ratio=decrease",
                             "-pix_fmt",
                             "yuvj420p",
                             "-c:v",
                             "mjpeg",
                             "-q:v",
                             "4",
                             "-threads",
                             "1",
                             "-f",
                             "mjpeg"})
        arguments.emplace_back(word);
    arguments.push_back(output.string());
    return arguments;
}

double thumbnail_position(const Media& media) { return std::min(media.picture_seconds * 0.1, 10.0); }

std::optional<int> ProgressParser::feed(std::string_view piece)
{
    std::optional<int> newest;
    for (char c : piece) {
        if (c == '\n') {
            if (auto percent = parse_line(line_))
                newest = percent;
            line_.clear();
        } else if (line_.size() < line_bytes_max) {
            line_.push_back(c);
        }
    }
    return newest;
}

std::optional<int> ProgressParser::parse_line(std::string_view line)
{
    constexpr std::string_view key = "out_time_us=";
    if (!line.starts_with(key) || duration_seconds_ <= 0)
        return std::nullopt;
    line.remove_prefix(key.size());
    std::int64_t microseconds = 0;
    auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), microseconds);
    // "N/A" before the first packet.
    if (error != std::errc{} || end != line.data() + line.size() || microseconds < 0)
        return std::nullopt;
    double share = static_cast<double>(microseconds) / 1e6 / duration_seconds_;
    int percent = static_cast<int>(std::clamp(share * 100, 0.0, 99.0));
    if (percent <= last_)
        return std::nullopt;
    last_ = percent;
    return percent;
}

}  // namespace gatehouse::worker
