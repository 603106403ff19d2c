// SPDX-License-Identifier: Apache-2.0
// The settings of the role `worker` (configuration section `worker`).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::worker {

// A program that makes one derived file out of a source file.
struct Processor {
    std::string name;                // "audio"; names the derived file and its id
    std::vector<std::string> types;  // media types it takes: "video/*", "image/png"
    // The program and its arguments; {input} and {output} stand for paths. "builtin:audio" and "builtin:thumbnail" as
    // the only word are the shipped ones.
    std::vector<std::string> command;
    std::string suffix;  // of the derived file's name: ".mp3"
    std::chrono::seconds timeout{3600};
    std::uint64_t memory_bytes_max = 2ULL << 30U;  // address space
    std::uint64_t output_bytes_max = 8ULL << 30U;  // of one file it writes
};

struct Config {
    std::size_t jobs = 1;           // files processed at once
    std::string ffmpeg = "ffmpeg";  // found on PATH at start
    std::vector<Processor> processors{
        {"audio", {"video/*", "audio/*"}, {"builtin:audio"}, ".mp3"},
        {"thumbnail", {"image/*", "video/*"}, {"builtin:thumbnail"}, ".jpg"},
    };
    int attempts_max = 5;
};

// What is wrong with these settings, one sentence each, with the key in front; empty when all is well.
std::vector<std::string> check(const Config& config);

}  // namespace gatehouse::worker
