// SPDX-License-Identifier: Apache-2.0
// Real media for the tests, made by ffmpeg, and what ffprobe says of results.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace gatehouse::worker {

inline void make_media(const std::string& ffmpeg_arguments, const std::filesystem::path& path)
{
    std::string command = "ffmpeg -nostdin -v error -y " + ffmpeg_arguments + " '" + path.string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

inline constexpr const char* pictures = "-f lavfi -i testsrc=size=160x120:rate=10:duration=2 ";
inline constexpr const char* tone = "-f lavfi -i sine=frequency=440:duration=2 ";

inline std::string read_file(const std::filesystem::path& path)
{
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
}

// Made once in a process: starting ffmpeg takes longer than most tests.
inline void copy_media(const std::string& ffmpeg_arguments, const std::filesystem::path& path)
{
    static std::map<std::string, std::string> made;
    auto& bytes = made[ffmpeg_arguments];
    if (bytes.empty()) {
        make_media(ffmpeg_arguments, path);
        bytes = read_file(path);
    }
    write_file(path, bytes);
}

inline void make_video(const std::filesystem::path& path)
{
    copy_media(std::string(pictures) + tone + "-c:v mpeg4 -c:a aac -f mp4", path);
}
inline void make_silent_video(const std::filesystem::path& path)
{
    copy_media(std::string(pictures) + "-c:v mpeg4 -f mp4", path);
}
inline void make_wav(const std::filesystem::path& path) { copy_media(std::string(tone) + "-f wav", path); }
inline void make_png(const std::filesystem::path& path)
{
    copy_media("-f lavfi -i testsrc=size=640x300:rate=1:duration=1 -frames:v 1 -c:v png -f image2pipe", path);
}

// The first value that ffprobe prints for `entries`, such as "format=duration".
inline std::string probe_entry(const std::string& entries, const std::filesystem::path& path)
{
    std::string command =
        "ffprobe -v error -show_entries " + entries + " -of default=nw=1:nk=1 '" + path.string() + "'";
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe)
        return {};
    char text[64]{};
    std::size_t size = fread(text, 1, sizeof(text) - 1, pipe);
    pclose(pipe);
    std::string value(text, size);
    return value.substr(0, value.find('\n'));
}

}  // namespace gatehouse::worker
