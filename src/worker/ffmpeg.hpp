// SPDX-License-Identifier: Apache-2.0
// All that the worker knows about the programs ffmpeg and ffprobe: their command lines, what they print, what it means.
// Pure functions and a parser; running them is step.cpp's.
//
// The command lines keep ffmpeg away from everything but its input: only the protocols of plain files, and only
// demuxers that cannot refer to other files (no playlists, no concatenation scripts).
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::worker {

// Absolute paths; empty when a program is not installed.
struct Tools {
    std::filesystem::path ffmpeg;
    std::filesystem::path ffprobe;
};

// `ffmpeg` is a name or path from the configuration; ffprobe is taken from beside it.
Tools find_tools(std::string_view ffmpeg);

// What a file holds.
struct Media {
    bool has_audio = false;
    bool has_picture = false;    // moving or still; the cover of a song does not count
    double audio_seconds = 0;    // 0: unknown
    double picture_seconds = 0;  // 0: unknown, or a still image
};

std::vector<std::string> probe_arguments(const Tools& tools, const std::filesystem::path& input);
Result<Media, std::string> parse_probe(std::string_view json_text);

// An mp3 of the first audio track. Progress goes to standard output.
std::vector<std::string> audio_arguments(const Tools& tools, const std::filesystem::path& input,
                                         const std::filesystem::path& output);

// A JPEG of one picture, at most 320 x 320, from `seconds` after the beginning.
std::vector<std::string> thumbnail_arguments(const Tools& tools, const std::filesystem::path& input,
                                             const std::filesystem::path& output, double seconds);

// Where a video's thumbnail is taken: a little after the beginning, which is often black.
double thumbnail_position(const Media& media);

// Reads what `-progress pipe:1` prints, piece by piece.
class ProgressParser final {
public:
    explicit ProgressParser(double duration_seconds) : duration_seconds_(duration_seconds) {}

    // The newest percentage, 0 to 99, if this piece completed one. Never less than the last one.
    std::optional<int> feed(std::string_view piece);

private:
    std::optional<int> parse_line(std::string_view line);

    double duration_seconds_;
    int last_ = -1;
    std::string line_;
};

}  // namespace gatehouse::worker
