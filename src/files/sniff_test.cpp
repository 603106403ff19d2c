// SPDX-License-Identifier: Apache-2.0
#include "files/sniff.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gatehouse::files {

namespace {

using namespace std::string_literals;

TEST(Sniff, WellKnownTypesAreRecognised)
{
    std::string transport_stream;
    for (int i = 0; i < 5; ++i)
        transport_stream += "\x47\x40\x11\x10"s + std::string(184, '\xFF');
    struct Case {
        std::string head;
        const char* type;
    };
    std::string mp3_frames;
    for (int i = 0; i < 4; ++i)
        mp3_frames += "\xFF\xFB\x90\x64"s + std::string(413, '\0');
    for (const auto& [head, type] :
         {Case{"\0\0\0\x20"s + "ftypisom\0\0\2\0isomiso2avc1mp41"s + "\0\0\0\x08"s + "free", "video/mp4"},
          Case{"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x88matrosk"
               "a",
               "video/x-matroska"},
          Case{"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x84webm",
               "video/webm"},
          Case{"ID3\x04\0\0\0\0\0\x23TSSE\0\0\0\x0F\0\0"s, "audio/mpeg"}, Case{mp3_frames, "audio/mpeg"},
          Case{transport_stream, "video/mp2t"}, Case{"\0\0\0\x20"s + "ftypXAVC\0\0\0\0mp42avc1"s, "video/mp4"},
          Case{"RIFF\x46\x2B\x02\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xAC\0\0"s, "audio/x-wav"},
          Case{"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xF0\x08\x02\0\0\0"s, "image/png"},
          Case{"\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"s, "image/jpeg"},
          Case{"%PDF-1.7\n%\xE2\xE3\n", "application/pdf"}, Case{"Dear reader,\nthis is text.\n", "text/plain"},
          Case{"", "application/x-empty"}, Case{std::string(4096, '\0'), "application/octet-stream"}})
        EXPECT_EQ(sniff_type(head), type) << head.substr(0, 16);
}

TEST(Sniff, WhatOnlyBeginsLikeMediaIsNotTakenForIt)
{
    EXPECT_EQ(sniff_type("G" + std::string(2000, '\0')), "application/octet-stream");
    EXPECT_EQ(sniff_type("\0\0\0\x20"s + "ftyp"), "application/octet-stream");
    EXPECT_EQ(sniff_type("\1\2\3\4"), "application/octet-stream");
}

TEST(Sniff, SeveralThreadsMaySniffAtOnce)
{
    std::vector<std::thread> threads;
    std::vector<std::string> types(4);
    for (std::string& type : types)
        threads.emplace_back([&type] { type = sniff_type("%PDF-1.7\n"); });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(types, std::vector<std::string>(4, "application/pdf"));
}

}  // namespace

}  // namespace gatehouse::files
