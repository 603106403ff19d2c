// SPDX-License-Identifier: Apache-2.0
#include "app/import_command.hpp"

#include "app/command_target.hpp"
#include "app/progress_bar.hpp"
#include "auth/commands.hpp"
#include "base/log.hpp"
#include "http/problem.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace gatehouse::app {

namespace {

constexpr std::size_t line_bytes_max = 16UL * 1024;
constexpr std::size_t batch_lines = 500;
// A batch goes through the control socket where a server runs.
constexpr std::size_t batch_bytes = 256UL * 1024;
constexpr std::size_t errors_shown_max = 100;

struct Line {
    std::uint64_t number = 0;  // from 1
    std::string text;
};

// The lines of a file that hold something.
class LineReader final {
public:
    explicit LineReader(const std::string& path) : stream_(path, std::ios::binary)
    {
        if (!stream_)
            throw std::system_error(errno, std::generic_category(), path);
    }
    // nullopt at the end. Throws std::runtime_error for a line that is too long.
    std::optional<Line> next()
    {
        while (stream_.getline(buffer_.data(), buffer_.size())) {
            ++number_;
            bytes_ += static_cast<std::uint64_t>(stream_.gcount());
            std::string text(buffer_.data());
            if (!text.empty() && text.back() == '\r')
                text.pop_back();
            if (!text.empty())
                return Line{number_, std::move(text)};
        }
        if (!stream_.eof())
            throw std::runtime_error(fmt::format("line {} is longer than {} bytes", number_ + 1, line_bytes_max));
        return std::nullopt;
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    std::ifstream stream_;
    std::array<char, line_bytes_max + 1> buffer_{};
    std::uint64_t number_ = 0;
    std::uint64_t bytes_ = 0;
};

void tell(const std::string& path, std::uint64_t number, std::string_view key, std::string_view what)
{
    fmt::print(stderr, "{}:{}: {}{}{}\n", path, number, key, key.empty() ? "" : ": ", what);
}

// How many lines are wrong; the first of them are told.
std::size_t check_all(const std::string& path, std::uint64_t size)
{
    LineReader reader(path);
    std::vector<std::string> shown;
    std::size_t wrong = 0;
    ProgressBar bar("Checking ", size);
    while (auto line = reader.next()) {
        bar.show(reader.bytes());
        auto parsed = auth::parse_imported_user(line->text);
        if (parsed)
            continue;
        if (++wrong <= errors_shown_max)
            tell(path, line->number, parsed.error().key, parsed.error().what);
    }
    return wrong;
}

struct Totals {
    std::uint64_t imported = 0;
    std::uint64_t skipped = 0;
    bool failed = false;
};

class Importer final {
public:
    Importer(const CommandLine& line, CommandTarget& target) : line_(line), target_(target) {}

    // False when the batch was refused, which has been told.
    bool add(Line line)
    {
        bytes_ += line.text.size();
        batch_.push_back(std::move(line));
        return batch_.size() < batch_lines && bytes_ < batch_bytes ? true : flush();
    }
    bool flush()
    {
        if (batch_.empty())
            return true;
        json::array lines;
        for (const Line& line : batch_)
            lines.emplace_back(line.text);
        json::object arguments;
        arguments["lines"] = std::move(lines);
        arguments["skip_existing"] = line_.skip_existing;
        auto result = target_.run("user.import", std::move(arguments)).as_object();
        totals_.imported += result.at("imported").to_number<std::uint64_t>();
        for (const json::value& error : result.at("errors").as_array()) {
            const json::object& conflict = error.as_object();
            totals_.failed = true;
            tell(line_.file, batch_.at(conflict.at("index").to_number<std::size_t>()).number,
                 find_string(conflict, "key").value_or(""), find_string(conflict, "what").value_or(""));
        }
        if (!totals_.failed)
            totals_.skipped += batch_.size() - result.at("imported").to_number<std::size_t>();
        batch_.clear();
        bytes_ = 0;
        return !totals_.failed;
    }
    const Totals& totals() const { return totals_; }

private:
    const CommandLine& line_;
    CommandTarget& target_;
    std::vector<Line> batch_;
    std::size_t bytes_ = 0;
    Totals totals_;
};

Totals import_all(const CommandLine& line, CommandTarget& target, std::uint64_t size)
{
    LineReader reader(line.file);
    Importer importer(line, target);
    ProgressBar bar("Importing", size);
    bool going = true;
    while (going) {
        auto next = reader.next();
        if (!next)
            break;
        going = importer.add(std::move(*next));
        bar.show(reader.bytes());
    }
    if (going)
        importer.flush();
    return importer.totals();
}

int import_file(const CommandLine& line, const Config& config)
{
    std::uint64_t size = std::filesystem::file_size(line.file);
    if (std::size_t wrong = check_all(line.file, size)) {
        fmt::print(stderr, "gatehouse: {} of the lines {} wrong; nothing was imported\n", wrong,
                   wrong == 1 ? "is" : "are");
        return 1;
    }
    CommandTarget target(config, "user.import");
    Totals totals = import_all(line, target, size);
    if (totals.failed) {
        fmt::print(stderr,
                   "gatehouse: stopped there. {} users were imported before; correct the file and run it again with "
                   "--skip-existing\n",
                   totals.imported);
        return 1;
    }
    if (line.json)
        fmt::print("{}\n", json::serialize(json::object{{"imported", totals.imported}, {"skipped", totals.skipped}}));
    else
        fmt::print("Imported {} users{}.\n", totals.imported,
                   totals.skipped > 0 ? fmt::format(", skipped {} that are there", totals.skipped) : "");
    return 0;
}

}  // namespace

int user_import(const CommandLine& line)
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return 2;
    log::configure(log::Format::text, std::max(loaded->config.log.level, log::Level::warn));
    try {
        return import_file(line, loaded->config);
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
    }
    return 1;
}

}  // namespace gatehouse::app
