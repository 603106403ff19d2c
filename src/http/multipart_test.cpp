// SPDX-License-Identifier: Apache-2.0
#include "http/multipart.hpp"

#include "http/problem.hpp"
#include "support/run_task.hpp"

#include <gtest/gtest.h>

namespace gatehouse::http {

namespace {

// Gives its text in pieces of `step` bytes.
class Pieces final : public BodyReader {
public:
    Pieces(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
    Task<std::string_view> read() override
    {
        // A buffer that is used again, as a connection's is: a view that is kept too long shows.
        piece_.assign(text_, at_, step_);
        at_ += piece_.size();
        co_return piece_;
    }
    std::optional<std::uint64_t> length() const override { return text_.size(); }
    bool at_end() const { return at_ == text_.size(); }

private:
    std::string text_;
    std::string piece_;
    std::size_t step_;
    std::size_t at_ = 0;
};

Task<std::string> read_form(BodyReader& body, MultipartLimits limits)
{
    MultipartReader reader(body, "B", limits);
    std::string text;
    while (true) {
        auto part = co_await reader.next_part();
        if (!part)
            co_return text;
        text += part->name + '(' + part->filename.value_or("-") + ',' + part->content_type + ")=";
        while (true) {
            auto piece = co_await reader.read();
            if (piece.empty())
                break;
            text += piece;
        }
        text += ';';
    }
}

// The form as text, or "bad" for a problem; the same however the body arrives.
std::string form(const std::string& text, MultipartLimits limits = {})
{
    std::string first;
    for (std::size_t step : {text.size() + 1, std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{16}}) {
        Pieces body(text, step);
        std::string result;
        try {
            result = testing::run_task(read_form(body, limits));
            EXPECT_TRUE(body.at_end());
        } catch (const Problem& problem) {
            EXPECT_EQ(problem.code(), "bad_multipart");
            result = "bad";
        }
        if (step > text.size())
            first = result;
        EXPECT_EQ(result, first) << "in pieces of " << step;
    }
    return first;
}

std::string part(std::string_view disposition, std::string_view content)
{
    return "--B\r\nContent-Disposition: " + std::string(disposition) + "\r\n\r\n" + std::string(content) + "\r\n";
}

}  // namespace

TEST(Multipart, GivesEachPart)
{
    EXPECT_EQ(
        form(part("form-data; name=\"a\"", "1") +
             "--B\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name=f; filename=\"x.txt\"\r\n\r\n"
             "line\r\nline\r\n--B--\r\n"),
        "a(-,)=1;f(x.txt,text/plain)=line\r\nline;");
}

TEST(Multipart, ContentThatLooksLikeADelimiterIsContent)
{
    for (std::string content :
         {"", "\r\n", "\r\n\r\n", "--B", "-\r\n--A", "\r\n-", "\r\n--", "\r\r\n--b", "\n--B\n", "x\r", "\r\n --B"})
        EXPECT_EQ(form(part("form-data; name=a", content) + "--B--"), "a(-,)=" + content + ";") << content;
    std::string zeros(5000, '\0');
    EXPECT_EQ(form(part("form-data; name=a", zeros) + "--B--"), "a(-,)=" + zeros + ";");
}

TEST(Multipart, PreambleEpilogueAndPaddingAreIgnored)
{
    EXPECT_EQ(form("This is a preamble.\r\n--\r\n" + part("form-data; name=a", "1") + "--B--\r\nand an epilogue"),
              "a(-,)=1;");
    EXPECT_EQ(form("\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--"), "a(-,)=1;");
    EXPECT_EQ(form("--B--\r\n"), "");
}

TEST(Multipart, NamesMayHoldAnything)
{
    EXPECT_EQ(form(part("form-data; name=\"\xc3\xa9\"; filename=\"../../a;b\\\"c.txt\"", "") + "--B--"),
              "\xc3\xa9(../../a;b\"c.txt,)=;");
    EXPECT_EQ(form(part("form-data; name=a; filename=x; filename*=UTF-8''%C3%A9", "") + "--B--"), "a(\xc3\xa9,)=;");
    EXPECT_EQ(form(part("form-data; name=\"\"; filename=\"\"", "") + "--B--"), "(,)=;");
}

TEST(Multipart, ABrokenBodyIsRefused)
{
    const std::string good = part("form-data; name=a", "1");
    for (std::string body : {
             std::string(),                              // nothing
             std::string("no boundary"),                 //
             good,                                       // no end
             good + "--B",                               //
             good + "--B-",                              //
             good + "--B\r\n",                           // a head that does not end
             good + "--BX\r\n",                          // more behind the boundary
             good + "--B\n--B--",                        //
             std::string("--B\r\n\r\n1\r\n--B--"),       // no disposition
             part("attachment; name=a", "1") + "--B--",  // another one
             part("form-data", "1") + "--B--",           // no name
             part("form-data; name=a\r\nContent-Disposition: form-data; name=b", "1") + "--B--",
             part("form-data; name=a\r\nContent-Transfer-Encoding: base64", "1") + "--B--",
             part("form-data; name=a\r\n folded", "1") + "--B--",
             part("form-data; name=a\r\nno colon", "1") + "--B--",
             part("form-data; name=a\r\nX : y", "1") + "--B--",
             part("form-data; name=a\r\nX: \x01", "1") + "--B--",
             part("form-data; name=a\nX: y", "1") + "--B--",
             std::string(70'000, 'x') + "\r\n" + good + "--B--",  // preamble too long
             good + "--B--" + std::string(70'000, 'x'),           // epilogue too long
         })
        EXPECT_EQ(form(body), "bad") << body.substr(0, 200);
}

TEST(Multipart, LimitsHold)
{
    MultipartLimits limits;
    limits.part_count_max = 2;
    const std::string one = part("form-data; name=a", "1");
    EXPECT_EQ(form(one + one + "--B--", limits), "a(-,)=1;a(-,)=1;");
    EXPECT_EQ(form(one + one + one + "--B--", limits), "bad");
    EXPECT_EQ(form(part("form-data; name=a\r\nX: " + std::string(9000, 'x'), "1") + "--B--"), "bad");
    EXPECT_EQ(form("--B\r\nX: " + std::string(9000, 'x')), "bad");
    EXPECT_EQ(form("--B" + std::string(100, ' ') + "\r\n"), "bad");
}

TEST(Multipart, UnreadContentIsSkipped)
{
    Pieces body(part("form-data; name=a", std::string(1000, 'x')) + part("form-data; name=b", "2") + "--B--", 7);
    MultipartReader reader(body, "B");
    EXPECT_EQ(testing::run_task(reader.next_part())->name, "a");
    EXPECT_FALSE(testing::run_task(reader.read()).empty());
    EXPECT_EQ(testing::run_task(reader.next_part())->name, "b");
    EXPECT_FALSE(testing::run_task(reader.next_part()).has_value());
    EXPECT_FALSE(testing::run_task(reader.next_part()).has_value());
    EXPECT_TRUE(testing::run_task(reader.read()).empty());
}

TEST(MultipartBoundary, IsFoundInTheContentType)
{
    EXPECT_EQ(find_multipart_boundary("multipart/form-data; boundary=abc"), "abc");
    EXPECT_EQ(find_multipart_boundary("Multipart/Form-Data; charset=x; boundary=\"a b:c\""), "a b:c");
    EXPECT_EQ(find_multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'a')), std::string(70, 'a'));
    for (std::string type : {"", "multipart/mixed; boundary=a", "multipart/form-data",
                             "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a \"",
                             "multipart/form-data; boundary=\"a\xc3\xa9\"", "multipart/form-datax; boundary=a"})
        EXPECT_EQ(find_multipart_boundary(type), std::nullopt) << type;
    EXPECT_EQ(find_multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')), std::nullopt);
}

}  // namespace gatehouse::http
