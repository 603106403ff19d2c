// SPDX-License-Identifier: Apache-2.0
#include "worker/ffmpeg.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::worker {
namespace {

const Tools tools{.ffmpeg = "/usr/bin/ffmpeg", .ffprobe = "/usr/bin/ffprobe"};

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += word + " ";
    return text;
}

TEST(ProgressParser, GivesPercentOfTheDuration)
{
    ProgressParser parser(10);
    EXPECT_EQ(parser.feed("bitrate=N/A\nout_time_us=2500000\nout_time_ms=2500000\nprogress=continue\n"), 25);
    EXPECT_EQ(parser.feed("out_time_us=5000000\nprogress=continue\n"), 50);
}

TEST(ProgressParser, AcceptsLinesInPieces)
{
    ProgressParser parser(10);
    EXPECT_EQ(parser.feed("out_ti"), std::nullopt);
    EXPECT_EQ(parser.feed("me_us=4000"), std::nullopt);
    EXPECT_EQ(parser.feed("000\nout"), 40);
}

TEST(ProgressParser, NeverGoesBackAndNeverSaysItIsDone)
{
    ProgressParser parser(10);
    EXPECT_EQ(parser.feed("out_time_us=5000000\n"), 50);
    EXPECT_EQ(parser.feed("out_time_us=1000000\n"), std::nullopt);
    EXPECT_EQ(parser.feed("out_time_us=5000001\n"), std::nullopt);
    EXPECT_EQ(parser.feed("out_time_us=999000000\n"), 99);
}

TEST(ProgressParser, IgnoresWhatIsNoTime)
{
    ProgressParser parser(10);
    EXPECT_EQ(parser.feed(
                  "out_time_us=N/A\nout_time_us=\nout_time_us=-5\nout_time_us=7x\nout_time_us=99999999999999999999\n"),
              std::nullopt);
}

TEST(ProgressParser, SaysNothingWhenTheDurationIsUnknown)
{
    ProgressParser parser(0);
    EXPECT_EQ(parser.feed("out_time_us=5000000\n"), std::nullopt);
}

TEST(ProgressParser, AnEndlessLineIsNotKept)
{
    ProgressParser parser(10);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(parser.feed(std::string(10'000, 'x')), std::nullopt);
    EXPECT_EQ(parser.feed("\nout_time_us=3000000\n"), 30);
}

TEST(Probe, SeesAudioAndPicture)
{
    auto media = parse_probe(R"({"programs":[],"streams":[
        {"codec_type":"video","duration":"2.000000","disposition":{"attached_pic":0}},
        {"codec_type":"audio","duration":"1.500000","disposition":{"attached_pic":0}}],
        "format":{"duration":"2.100000"}})");
    ASSERT_TRUE(media) << media.error();
    EXPECT_TRUE(media->has_audio);
    EXPECT_TRUE(media->has_picture);
    EXPECT_DOUBLE_EQ(media->audio_seconds, 1.5);
    EXPECT_DOUBLE_EQ(media->picture_seconds, 2.0);
}

TEST(Probe, ACoverIsNoPicture)
{
    auto media = parse_probe(R"({"streams":[{"codec_type":"audio","disposition":{"attached_pic":0}},
        {"codec_type":"video","disposition":{"attached_pic":1}}],"format":{"duration":"180.5"}})");
    ASSERT_TRUE(media) << media.error();
    EXPECT_TRUE(media->has_audio);
    EXPECT_FALSE(media->has_picture);
    EXPECT_DOUBLE_EQ(media->audio_seconds, 180.5);  // the file's, where the stream says none
}

TEST(Probe, AnImageHasNoDuration)
{
    auto media = parse_probe(R"({"streams":[{"codec_type":"video","disposition":{"attached_pic":0}}],"format":{}})");
    ASSERT_TRUE(media) << media.error();
    EXPECT_TRUE(media->has_picture);
    EXPECT_DOUBLE_EQ(media->picture_seconds, 0);
    EXPECT_DOUBLE_EQ(thumbnail_position(*media), 0);
}

TEST(Probe, NonsenseIsAnErrorOrIsIgnored)
{
    EXPECT_FALSE(parse_probe(""));
    EXPECT_FALSE(parse_probe("[]"));
    EXPECT_FALSE(parse_probe("{}"));
    EXPECT_FALSE(parse_probe(R"({"streams":{}})"));
    auto media = parse_probe(R"({"streams":[1,{"codec_type":2},{"codec_type":"audio","duration":"nan"},
        {"codec_type":"video","duration":"-3"}],"format":{"duration":"1e999"}})");
    ASSERT_TRUE(media);
    EXPECT_DOUBLE_EQ(media->audio_seconds, 0);
    EXPECT_DOUBLE_EQ(media->picture_seconds, 0);
}

TEST(Arguments, KeepFfmpegAwayFromEverythingButItsInput)
{
    for (const auto& words : {probe_arguments(tools, "/s/input"), audio_arguments(tools, "/s/input", "/s/a/output.mp3"),
                              thumbnail_arguments(tools, "/s/input", "/s/t/output.jpg", 1)}) {
        std::string text = joined(words);
        auto input = text.find("-i /s/input");
        ASSERT_NE(input, std::string::npos);
        EXPECT_LT(text.find("-protocol_whitelist file,pipe "), input);
        EXPECT_LT(text.find("-format_whitelist "), input);
        EXPECT_LT(text.find("-max_streams "), input);
        for (const char* dangerous : {"hls", "concat", "image2,", "dash", "sdp", "lavfi", "svg", "subtitles", "xbin"})
            EXPECT_EQ(text.find(dangerous), std::string::npos) << dangerous;
    }
}

TEST(Arguments, AudioTakesTheFirstTrackOnly)
{
    std::string text = joined(audio_arguments(tools, "/s/input", "/s/a/output.mp3"));
    EXPECT_TRUE(text.starts_with("/usr/bin/ffmpeg -nostdin "));
    EXPECT_NE(text.find("-map 0:a:0 -vn "), std::string::npos);
    EXPECT_NE(text.find("-progress pipe:1 "), std::string::npos);
    EXPECT_TRUE(text.ends_with("-f mp3 /s/a/output.mp3 "));
}

TEST(Arguments, ThumbnailSeeksOnlyWhereThereIsTime)
{
    EXPECT_NE(joined(thumbnail_arguments(tools, "/s/input", "/o", 1.25)).find("-ss 1.250 "), std::string::npos);
    EXPECT_EQ(joined(thumbnail_arguments(tools, "/s/input", "/o", 0)).find("-ss "), std::string::npos);
}

TEST(ThumbnailPosition, IsEarlyAndNeverAfterTheEnd)
{
    EXPECT_DOUBLE_EQ(thumbnail_position({.picture_seconds = 2}), 0.2);
    EXPECT_DOUBLE_EQ(thumbnail_position({.picture_seconds = 7200}), 10);
}

TEST(FindTools, TakesFfprobeFromBesideFfmpeg)
{
    Tools found = find_tools("ffmpeg");
    EXPECT_EQ(found.ffprobe, found.ffmpeg.parent_path() / "ffprobe");
    EXPECT_TRUE(find_tools("no-such-ffmpeg").ffmpeg.empty());
}

}  // namespace
}  // namespace gatehouse::worker
