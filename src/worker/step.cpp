// SPDX-License-Identifier: Apache-2.0
#include "worker/step.hpp"

#include "base/error.hpp"
#include "worker/processor.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace gatehouse::worker {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds probe_time_max{60};
constexpr std::uint64_t free_bytes_min = 16U << 20U;
constexpr std::size_t probe_output_bytes_max = 256U << 10U;

std::string format_duration(std::chrono::seconds time)
{
    if (time.count() % 3600 == 0)
        return fmt::format("{} h", time.count() / 3600);
    return time.count() % 60 == 0 ? fmt::format("{} min", time.count() / 60) : fmt::format("{} s", time.count());
}

std::string format_bytes(std::uint64_t bytes)
{
    if (bytes >= 1U << 30U)
        return fmt::format("{:.3g} GiB", static_cast<double>(bytes) / (1U << 30U));
    if (bytes >= 1U << 20U)
        return fmt::format("{:.3g} MiB", static_cast<double>(bytes) / (1U << 20U));
    return fmt::format("{} bytes", bytes);
}

std::string with_stop(std::string sentence)
{
    if (!sentence.empty() && !sentence.ends_with('.') && !sentence.ends_with('!') && !sentence.ends_with('?'))
        sentence += '.';
    return sentence;
}

StepResult refuse(std::string reason) { return {.verdict = Verdict::refused, .reason = std::move(reason)}; }

StepResult crash(std::string reason) { return {.verdict = Verdict::crashed, .reason = std::move(reason)}; }

StepResult crash_of_size(const Processor& processor)
{
    return crash(fmt::format("The {} would be larger than the limit of {}.", result_noun(processor),
                             format_bytes(processor.output_bytes_max)));
}

// The signal that ended the program, or, as a shell tells it, a program of the program.
std::optional<int> ending_signal(const Outcome& outcome)
{
    constexpr int shells_offset = 128;
    if (outcome.ending == Ending::signalled)
        return outcome.code;
    if (outcome.ending == Ending::exited && outcome.code > shells_offset && outcome.code < shells_offset + SIGRTMAX)
        return outcome.code - shells_offset;
    return std::nullopt;
}

// A program that fails while the disk is full most likely fails because of it.
void check_space(const fs::path& directory)
{
    struct statvfs status{};
    if (statvfs(directory.c_str(), &status) == 0 && std::uint64_t{status.f_bavail} * status.f_frsize < free_bytes_min)
        throw std::system_error(ENOSPC, std::generic_category(), directory.string());
}

}  // namespace

struct StepRunner::Probed {
    Media media;
    std::optional<StepResult> failure;  // without content
};

StepRunner::StepRunner(const Sandbox& sandbox, const Tools& tools, const KillSwitch& kill_switch, fs::path directory,
                       std::string media_type)
    : sandbox_(sandbox), tools_(tools), kill_switch_(kill_switch), directory_(std::move(directory)),
      media_type_(std::move(media_type))
{
}

StepResult StepRunner::run(const Processor& processor, const std::function<void(int percent)>& on_progress)
{
    fs::path own = directory_ / processor.name;
    fs::create_directory(own);
    fs::permissions(own, fs::perms::owner_all);
    fs::path output = own / ("output" + processor.suffix);
    switch (kind_of(processor)) {
    case Kind::audio: return make_audio(processor, output, on_progress);
    case Kind::thumbnail: return make_thumbnail(processor, output);
    case Kind::command: break;
    }
    return run_command(processor, output);
}

Command StepRunner::make_command(const Processor& processor, std::vector<std::string> arguments) const
{
    Command command;
    command.arguments = std::move(arguments);
    command.directory = directory_ / processor.name;
    command.readable = {input()};
    command.time_max = processor.timeout;
    command.memory_bytes_max = processor.memory_bytes_max;
    command.file_bytes_max = processor.output_bytes_max;
    return command;
}

// What the source holds; asked once for all the steps.
const StepRunner::Probed& StepRunner::probe()
{
    if (probed_)
        return *probed_;
    if (tools_.ffmpeg.empty() || tools_.ffprobe.empty())
        throw Unavailable("ffmpeg and ffprobe are not installed");
    Processor settings{.name = "probe", .types = {}, .command = {}, .suffix = "", .timeout = probe_time_max};
    fs::create_directory(directory_ / settings.name);
    Command command = make_command(settings, probe_arguments(tools_, input()));
    command.output_bytes_max = probe_output_bytes_max;
    Outcome outcome = run_child(sandbox_, command, kill_switch_);

    auto probed = std::make_shared<Probed>();
    if (outcome.ending == Ending::killed)
        return probed->failure = StepResult{.verdict = Verdict::killed}, *(probed_ = probed);
    if (outcome.ending == Ending::signalled) {
        probed->failure = StepResult{.verdict = Verdict::crashed,
                                     .reason = fmt::format("Reading the file crashed (signal {}).", outcome.code)};
        return *(probed_ = probed);
    }
    auto media = outcome.succeeded() ? parse_probe(outcome.output) : Result<Media, std::string>(std::unexpected(""));
    if (media) {
        probed->media = *media;
    } else {
        check_space(directory_);
        std::string line =
            outcome.ending == Ending::timed_out ? "it took too long" : last_line(outcome.errors, directory_);
        if (line.starts_with("input: "))
            line.erase(0, 7);
        probed->failure =
            refuse(with_stop("The file could not be read as " + media_type_.substr(0, media_type_.find('/')) +
                             (line.empty() ? std::string() : ": " + line)));
    }
    return *(probed_ = probed);
}

StepResult StepRunner::make_audio(const Processor& processor, const fs::path& output,
                                  const std::function<void(int)>& on_progress)
{
    const Probed& probed = probe();
    if (probed.failure)
        return {.verdict = probed.failure->verdict, .reason = probed.failure->reason};
    if (!probed.media.has_audio)
        return refuse(fmt::format("The {} has no audio track, so no mp3 could be made.",
                                  media_type_.starts_with("video/") ? "video" : "file"));
    ProgressParser progress(probed.media.audio_seconds);
    Command command = make_command(processor, audio_arguments(tools_, input(), output));
    command.on_output = [&](std::string_view piece) {
        if (auto percent = progress.feed(piece))
            on_progress(*percent);
    };
    return judge(processor, run_child(sandbox_, command, kill_switch_), output);
}

StepResult StepRunner::make_thumbnail(const Processor& processor, const fs::path& output)
{
    const Probed& probed = probe();
    if (probed.failure)
        return {.verdict = probed.failure->verdict, .reason = probed.failure->reason};
    if (!probed.media.has_picture)
        return {.verdict = Verdict::not_needed};
    double position = thumbnail_position(probed.media);
    Command command = make_command(processor, thumbnail_arguments(tools_, input(), output, position));
    Outcome outcome = run_child(sandbox_, command, kill_switch_);
    std::error_code ignored;
    // The announced length may be wrong, and there may be no picture any more at that place.
    if (position > 0 && outcome.ending == Ending::exited && fs::file_size(output, ignored) == 0) {
        command.arguments = thumbnail_arguments(tools_, input(), output, 0);
        outcome = run_child(sandbox_, command, kill_switch_);
    }
    return judge(processor, outcome, output);
}

StepResult StepRunner::run_command(const Processor& processor, const fs::path& output)
{
    fs::path program = find_program(processor.command[0]);
    if (program.empty())
        throw Unavailable("the program " + processor.command[0] + " is not there");
    Command command = make_command(processor, expand_command(processor.command, input(), output));
    command.arguments[0] = program.string();
    command.processes = Processes::allowed;
    // Scripts and settings that the operator names are part of the command.
    for (const auto& word : processor.command)
        if (std::error_code ignored; word.starts_with('/') && fs::is_regular_file(word, ignored))
            command.readable.emplace_back(word);
    return judge(processor, run_child(sandbox_, command, kill_switch_), output);
}

// What the end of a processor's program means.
StepResult StepRunner::judge(const Processor& processor, const Outcome& outcome, const fs::path& output) const
{
    if (outcome.ending == Ending::killed)
        return {.verdict = Verdict::killed};
    if (outcome.ending == Ending::timed_out)
        return crash(fmt::format("Making the {} took longer than the limit of {}.", result_noun(processor),
                                 format_duration(processor.timeout)));
    if (auto signal = ending_signal(outcome)) {
        if (*signal == SIGXFSZ)
            return crash_of_size(processor);
        return crash(fmt::format("Making the {} crashed (signal {}).", result_noun(processor), *signal));
    }
    if (outcome.code != 0) {
        check_space(directory_);
        std::string line = last_line(outcome.errors, directory_);
        if (line.empty())
            line = fmt::format("The {} could not be made (exit code {})", result_noun(processor), outcome.code);
        else if (kind_of(processor) != Kind::command)
            line = fmt::format("The {} could not be made: {}", result_noun(processor), line);
        return refuse(with_stop(line));
    }
    // The program may have put anything there: a link to one of our files, a pipe that never ends.
    StepResult result{.content = UniqueFd(open(output.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK))};
    struct stat status{};
    if (!result.content || fstat(result.content.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_nlink != 1 || status.st_size == 0)
        return refuse(fmt::format("Making the {} ended without a result.", result_noun(processor)));
    result.size = static_cast<std::uint64_t>(status.st_size);
    if (result.size > processor.output_bytes_max)
        return crash_of_size(processor);
    return result;
}

}  // namespace gatehouse::worker
