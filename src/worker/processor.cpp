// SPDX-License-Identifier: Apache-2.0
#include "worker/processor.hpp"

#include "base/encoding.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace gatehouse::worker {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t reason_bytes_max = 200;

constexpr auto types_by_suffix = std::to_array<std::pair<std::string_view, std::string_view>>({
    {".avif", "image/avif"},       {".csv", "text/csv"},
    {".flac", "audio/flac"},       {".gif", "image/gif"},
    {".jpeg", "image/jpeg"},       {".jpg", "image/jpeg"},
    {".json", "application/json"}, {".m4a", "audio/mp4"},
    {".mkv", "video/x-matroska"},  {".mp3", "audio/mpeg"},
    {".mp4", "video/mp4"},         {".ogg", "audio/ogg"},
    {".opus", "audio/ogg"},        {".pdf", "application/pdf"},
    {".png", "image/png"},         {".srt", "application/x-subrip"},
    {".txt", "text/plain"},        {".vtt", "text/vtt"},
    {".wav", "audio/wav"},         {".webm", "video/webm"},
    {".webp", "image/webp"},       {".xml", "application/xml"},
    {".zip", "application/zip"},
});

// The longest beginning of at most `bytes_max` bytes that does not cut a UTF-8 sequence.
std::string_view cut(std::string_view text, std::size_t bytes_max)
{
    if (text.size() <= bytes_max)
        return text;
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0U) == 0x80U)
        --bytes_max;
    return text.substr(0, bytes_max);
}

void replace_all(std::string& text, std::string_view from, std::string_view to)
{
    if (from.empty())
        return;
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

bool is_plain_word(std::string_view text, std::size_t size_max)
{
    auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    return !text.empty() && text.size() <= size_max && std::ranges::all_of(text, plain);
}

bool is_type_pattern(std::string_view text)
{
    auto slash = text.find('/');
    return slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
           text.find_first_of(" ;,") == std::string_view::npos;
}

std::string lower(std::string_view text)
{
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return result;
}

void check_command(const Processor& processor, const std::string& key, std::vector<std::string>& problems)
{
    if (processor.command.empty() || processor.command[0].empty()) {
        problems.push_back(key + "is empty");
        return;
    }
    if (kind_of(processor) != Kind::command)
        return;
    auto names_output = [](const std::string& word) { return word.contains("{output}"); };
    if (processor.command[0].starts_with("builtin:"))
        problems.push_back(key + "there is no \"" + processor.command[0] +
                           "\"; builtin:audio and builtin:thumbnail exist, and stand alone");
    else if (std::ranges::none_of(processor.command, names_output))
        problems.push_back(key + "does not say where {output} goes");
}

void check_processor(const Processor& processor, const std::string& key, std::vector<std::string>& problems)
{
    if (!is_plain_word(processor.name, 32))
        problems.push_back(key + ".name: must be 1 to 32 of a-z, 0-9, '-' and '_'");
    if (processor.types.empty())
        problems.push_back(key + ".types: names no media type");
    for (const auto& type : processor.types)
        if (!is_type_pattern(type))
            problems.push_back(key + ".types: \"" + type + "\" is not a media type such as video/* or image/png");
    if (!processor.suffix.starts_with('.') || !is_plain_word(processor.suffix.substr(1), 15))
        problems.push_back(key + ".suffix: must be a suffix such as .mp3");
    check_command(processor, key + ".command: ", problems);
    if (processor.timeout.count() <= 0)
        problems.push_back(key + ".timeout: must be longer than nothing");
    if (processor.memory_bytes_max < 64U << 20U)
        problems.push_back(key + ".memory_bytes_max: less than 64 MiB starts no program");
    if (processor.output_bytes_max == 0)
        problems.push_back(key + ".output_bytes_max: must be more than 0");
}

}  // namespace

std::vector<std::string> check(const Config& config)
{
    std::vector<std::string> problems;
    if (config.jobs == 0 || config.jobs > 64)
        problems.emplace_back("worker.jobs: must be 1 to 64");
    if (config.attempts_max < 1)
        problems.emplace_back("worker.attempts_max: must be 1 or more");
    if (config.ffmpeg.empty())
        problems.emplace_back("worker.ffmpeg: is empty");
    std::set<std::string> names;
    for (std::size_t i = 0; i < config.processors.size(); ++i) {
        std::string key = "worker.processors[" + std::to_string(i) + "]";
        check_processor(config.processors[i], key, problems);
        if (!names.insert(config.processors[i].name).second)
            problems.push_back(key + ".name: \"" + config.processors[i].name + "\" is there twice");
    }
    return problems;
}

Kind kind_of(const Processor& processor)
{
    if (processor.command.size() == 1 && processor.command[0] == "builtin:audio")
        return Kind::audio;
    if (processor.command.size() == 1 && processor.command[0] == "builtin:thumbnail")
        return Kind::thumbnail;
    return Kind::command;
}

bool takes(const Processor& processor, std::string_view media_type)
{
    std::string type = lower(media_type.substr(0, media_type.find_first_of("; ")));
    auto fits = [&](const std::string& pattern) {
        std::string wanted = lower(pattern);
        if (wanted == "*/*" || wanted == type)
            return true;
        return wanted.ends_with("/*") && type.starts_with(std::string_view(wanted).substr(0, wanted.size() - 1));
    };
    return std::ranges::any_of(processor.types, fits);
}

std::string derived_name(std::string_view source_name, std::string_view suffix)
{
    auto dot = source_name.rfind('.');
    // A leading dot begins a name, not a suffix.
    std::string_view stem = dot == std::string_view::npos || dot == 0 ? source_name : source_name.substr(0, dot);
    return std::string(cut(stem, name_bytes_max - suffix.size())).append(suffix);
}

std::string type_of_suffix(std::string_view suffix)
{
    for (const auto& [known, type] : types_by_suffix)
        if (known == suffix)
            return std::string(type);
    return "application/octet-stream";
}

std::vector<std::string> expand_command(const std::vector<std::string>& command, const std::filesystem::path& input,
                                        const std::filesystem::path& output)
{
    std::vector<std::string> words = command;
    for (auto& word : words) {
        replace_all(word, "{input}", input.string());
        replace_all(word, "{output}", output.string());
    }
    return words;
}

std::string result_noun(const Processor& processor)
{
    switch (kind_of(processor)) {
    case Kind::audio: return "mp3";
    case Kind::thumbnail: return "thumbnail";
    case Kind::command: break;
    }
    return "\"" + processor.name + "\"";
}

std::string last_line(std::string_view errors, const std::filesystem::path& directory)
{
    auto end = errors.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos)
        return {};
    errors = errors.substr(0, end + 1);
    auto begin = errors.find_last_of("\r\n");
    std::string line(begin == std::string_view::npos ? errors : errors.substr(begin + 1));
    // A prefix such as "[mp3 @ 0x55d4]" says nothing to people.
    if (line.starts_with('['))
        if (auto close = line.find("] "); close != std::string::npos && line.find(" @ 0x") < close)
            line.erase(0, close + 2);
    replace_all(line, directory.string() + "/", "");
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    if (!is_utf8(line))
        std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return std::string(cut(line, reason_bytes_max));
}

}  // namespace gatehouse::worker
