// SPDX-License-Identifier: Apache-2.0
// Processors over real media, in the real sandbox.
#include "worker/step.hpp"

#include "base/error.hpp"
#include "support/temp_dir.hpp"
#include "worker/media_for_tests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace gatehouse::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StepTest : public ::testing::Test {
protected:
    std::filesystem::path input() const { return directory_.path() / "input"; }

    StepResult run(const Processor& processor, std::string type = "video/mp4")
    {
        StepRunner runner(sandbox_, tools_, kill_switch_, directory_.path(), std::move(type));
        return runner.run(processor, [this](int percent) { percents_.push_back(percent); });
    }

    StepResult run_script(const std::string& script)
    {
        script_ = {.name = "script", .types = {"*/*"}, .command = {"sh", "-c", script}, .suffix = ".txt"};
        script_.timeout = 20s;
        return run(script_, "text/plain");
    }

    static std::string content(const StepResult& result)
    {
        std::string bytes(result.size, '\0');
        EXPECT_EQ(pread(result.content.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        return bytes;
    }

    testing::TempDir directory_;
    Sandbox sandbox_;
    Tools tools_ = find_tools("ffmpeg");
    KillSwitch kill_switch_;
    Processor audio_ = Config{}.processors.at(0);
    Processor thumbnail_ = Config{}.processors.at(1);
    Processor script_;
    std::vector<int> percents_;
};

TEST_F(StepTest, AVideoWithSoundGivesAnMp3OfTheSameLength)
{
    make_video(input());
    StepResult result = run(audio_);
    ASSERT_EQ(result.verdict, Verdict::made) << result.reason;
    auto path = directory_.path() / "audio/output.mp3";
    EXPECT_EQ(std::filesystem::file_size(path), result.size);
    EXPECT_EQ(probe_entry("stream=codec_name", path), "mp3");
    EXPECT_NEAR(std::stod(probe_entry("format=duration", path)), 2.0, 0.2);
}

TEST_F(StepTest, AVideoGivesAThumbnail)
{
    make_video(input());
    StepResult result = run(thumbnail_);
    ASSERT_EQ(result.verdict, Verdict::made) << result.reason;
    EXPECT_THAT(content(result), StartsWith("\xff\xd8\xff"));
    EXPECT_EQ(probe_entry("stream=width", directory_.path() / "thumbnail/output.jpg"), "160");
}

TEST_F(StepTest, AnImageIsScaledToFit)
{
    make_png(input());
    StepResult result = run(thumbnail_, "image/png");
    ASSERT_EQ(result.verdict, Verdict::made) << result.reason;
    EXPECT_EQ(probe_entry("stream=width", directory_.path() / "thumbnail/output.jpg"), "320");
    EXPECT_EQ(probe_entry("stream=height", directory_.path() / "thumbnail/output.jpg"), "150");
}

TEST_F(StepTest, ASilentVideoHasNoMp3ButAThumbnail)
{
    make_silent_video(input());
    StepResult result = run(audio_);
    EXPECT_EQ(result.verdict, Verdict::refused);
    EXPECT_EQ(result.reason, "The video has no audio track, so no mp3 could be made.");
    EXPECT_EQ(run(thumbnail_).verdict, Verdict::made);
}

TEST_F(StepTest, SoundWithACoverNeedsNoThumbnail)
{
    make_media(std::string(tone) + "-f lavfi -i color=red:size=64x64:rate=1:duration=1 -frames:v 1 -map 0 -map 1 "
                                   "-c:v mjpeg -disposition:v attached_pic -f mp3",
               input());
    EXPECT_EQ(run(thumbnail_, "video/mp4").verdict, Verdict::not_needed);
    EXPECT_EQ(run(audio_, "audio/mpeg").verdict, Verdict::made);
}

TEST_F(StepTest, AFileOfZeroesIsRefused)
{
    write_file(input(), std::string(100'000, '\0'));
    StepResult result = run(audio_);
    EXPECT_EQ(result.verdict, Verdict::refused);
    EXPECT_EQ(result.reason, "The file could not be read as video: Invalid data found when processing input.");
}

TEST_F(StepTest, ATruncatedVideoIsRefused)
{
    make_video(input());
    std::filesystem::resize_file(input(), std::filesystem::file_size(input()) / 2);
    EXPECT_EQ(run(audio_).verdict, Verdict::refused);
    EXPECT_EQ(run(thumbnail_).verdict, Verdict::refused);
}

TEST_F(StepTest, APlaylistIsRefused)
{
    write_file(input(), "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n");
    EXPECT_EQ(run(audio_).verdict, Verdict::refused);
}

TEST_F(StepTest, AConcatenationScriptIsRefused)
{
    write_file(input(), "ffconcat version 1.0\nfile /etc/passwd\n");
    EXPECT_EQ(run(audio_).verdict, Verdict::refused);
}

TEST_F(StepTest, AWrongLengthStillGivesAThumbnail)
{
    // The header's frame count promises far more pictures than there are.
    make_media(std::string(pictures) + "-c:v mpeg4 -f avi", input());
    std::string bytes = read_file(input());
    auto header = bytes.find("avih");
    ASSERT_NE(header, std::string::npos);
    bytes.replace(header + 8 + 16, 4, std::string("\x00\x00\x0f\x00", 4));
    auto stream = bytes.find("strh");
    ASSERT_NE(stream, std::string::npos);
    bytes.replace(stream + 8 + 32, 4, std::string("\x00\x00\x0f\x00", 4));
    write_file(input(), bytes);
    StepResult result = run(thumbnail_);
    EXPECT_EQ(result.verdict, Verdict::made) << result.reason;
}

TEST_F(StepTest, ProgressOfALongFileIsReported)
{
    make_media("-f lavfi -i sine=frequency=440:duration=60 -c:a pcm_s16le -f wav", input());
    ASSERT_EQ(run(audio_, "audio/wav").verdict, Verdict::made);
    ASSERT_FALSE(percents_.empty());
    EXPECT_TRUE(std::ranges::is_sorted(percents_));
    EXPECT_LE(percents_.back(), 99);
}

TEST_F(StepTest, AnOperatorsCommandRuns)
{
    write_file(input(), "hello");
    StepResult result = run_script("tr a-z A-Z < {input} > {output}");
    ASSERT_EQ(result.verdict, Verdict::made) << result.reason;
    EXPECT_EQ(content(result), "HELLO");
}

TEST_F(StepTest, ACommandCannotChangeTheInput)
{
    if (sandbox_.landlock_version() == 0)
        GTEST_SKIP() << "no Landlock";
    write_file(input(), "hello");
    EXPECT_EQ(run_script("echo changed > {input}; echo done > {output}").verdict, Verdict::made);
    EXPECT_EQ(read_file(input()), "hello");
}

TEST_F(StepTest, ACommandsLastLineIsTheReason)
{
    write_file(input(), "hello");
    StepResult result = run_script("echo details >&2; echo 'the page is blank' >&2; exit 1");
    EXPECT_EQ(result.verdict, Verdict::refused);
    EXPECT_EQ(result.reason, "the page is blank.");
    EXPECT_EQ(run_script("rm -f {output}; exit 7").reason, "The \"script\" could not be made (exit code 7).");
}

TEST_F(StepTest, ACommandMayReadTheFilesThatItNames)
{
    testing::TempDir elsewhere;
    write_file(elsewhere.path() / "script.sh", "cat \"$1\" > \"$2\"\n");
    write_file(input(), "hello");
    Processor processor{.name = "named", .types = {"*/*"}, .suffix = ".txt"};
    processor.command = {"sh", (elsewhere.path() / "script.sh").string(), "{input}", "{output}"};
    StepResult result = run(processor);
    ASSERT_EQ(result.verdict, Verdict::made) << result.reason;
    EXPECT_EQ(content(result), "hello");
}

TEST_F(StepTest, EndingWithoutAResultIsRefused)
{
    write_file(input(), "hello");
    EXPECT_EQ(run_script("true").reason, "Making the \"script\" ended without a result.");
    EXPECT_EQ(run_script(": > {output}").verdict, Verdict::refused);
}

TEST_F(StepTest, AResultThatIsNoPlainFileIsRefused)
{
    write_file(input(), "hello");
    EXPECT_EQ(run_script("ln -sf /etc/passwd {output}").verdict, Verdict::refused);
    EXPECT_EQ(run_script("rm {output}; mkfifo {output}").verdict, Verdict::refused);
    EXPECT_EQ(run_script("rm {output}; mkdir {output}").verdict, Verdict::refused);
}

TEST_F(StepTest, TakingTooLongIsACrash)
{
    write_file(input(), "hello");
    Processor processor{.name = "slow", .types = {"*/*"}, .command = {"sh", "-c", "sleep 600"}, .suffix = ".txt"};
    processor.timeout = 1s;
    StepResult result = run(processor);
    EXPECT_EQ(result.verdict, Verdict::crashed);
    EXPECT_EQ(result.reason, "Making the \"slow\" took longer than the limit of 1 s.");
}

TEST_F(StepTest, WritingTooMuchIsACrash)
{
    write_file(input(), "hello");
    Processor processor{.name = "big", .types = {"*/*"}, .suffix = ".bin"};
    processor.command = {"dd", "if=/dev/zero", "of={output}", "bs=1000", "count=3000"};
    processor.output_bytes_max = 2U << 20U;
    StepResult result = run(processor);
    EXPECT_EQ(result.verdict, Verdict::crashed);
    EXPECT_EQ(result.reason, "The \"big\" would be larger than the limit of 2 MiB.");

    // A program of a script.
    processor.command = {"sh", "-c", "dd if=/dev/zero of=$1 bs=1000 count=3000; exit $?", "sh", "{output}"};
    result = run(processor);
    EXPECT_EQ(result.verdict, Verdict::crashed);
    EXPECT_EQ(result.reason, "The \"big\" would be larger than the limit of 2 MiB.");
}

TEST_F(StepTest, ACrashIsWorthAnotherTry)
{
    write_file(input(), "hello");
    StepResult result = run_script("kill -SEGV $$");
    EXPECT_EQ(result.verdict, Verdict::crashed);
    EXPECT_EQ(result.reason, "Making the \"script\" crashed (signal 11).");
}

TEST_F(StepTest, AMissingProgramIsNotTheFilesFault)
{
    write_file(input(), "hello");
    Processor processor{.name = "gone", .types = {"*/*"}, .command = {"no-such-program", "{output}"}, .suffix = ".txt"};
    EXPECT_THROW(run(processor), Unavailable);
    tools_ = {};
    EXPECT_THROW(run(audio_), Unavailable);
}

TEST_F(StepTest, TheKillSwitchEndsIt)
{
    make_video(input());
    kill_switch_.request();
    EXPECT_EQ(run(audio_).verdict, Verdict::killed);
    EXPECT_EQ(run_script("sleep 600").verdict, Verdict::killed);
}

}  // namespace
}  // namespace gatehouse::worker
