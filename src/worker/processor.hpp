// SPDX-License-Identifier: Apache-2.0
// What follows from a processor's settings alone: which files it takes, what its result is called, what its command
// line is. Pure functions.
#pragma once

#include "worker/config.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::worker {

enum class Kind { audio, thumbnail, command };

Kind kind_of(const Processor& processor);

// "video/*" takes "video/mp4" and "video/mp4; codecs=avc1".
bool takes(const Processor& processor, std::string_view media_type);

// "holiday.mp4" and ".mp3" give "holiday.mp3". At most 255 bytes long, never cut within a character.
std::string derived_name(std::string_view source_name, std::string_view suffix);

// "audio/mpeg" for ".mp3"; application/octet-stream for what it does not know.
std::string type_of_suffix(std::string_view suffix);

// The operator's command with {input} and {output} filled in, wherever in a word they stand.
std::vector<std::string> expand_command(const std::vector<std::string>& command, const std::filesystem::path& input,
                                        const std::filesystem::path& output);

// "The mp3" for people: what the processor was to make.
std::string result_noun(const Processor& processor);

// One line out of a program's standard error that says why it failed, fit to be shown: the last one that is not empty,
// without `directory`, control characters and broken UTF-8, at most 200 bytes. May be empty.
std::string last_line(std::string_view errors, const std::filesystem::path& directory);

}  // namespace gatehouse::worker
