// SPDX-License-Identifier: Apache-2.0
#include "notifier/mail.hpp"

#include "base/encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatehouse::notifier {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Mail sample()
{
    return {.id = "0190163d-8694-739b-aea5-966c26f8ad91",
            .from = {.name = "Gatehouse", .mailbox = "gatehouse@example.org"},
            .to = {.name = "ada", .mailbox = "ada@example.com"},
            .subject = "Ready",
            .date = from_unix_ms(1'795'491'660'000),
            .text = "Hello.\n"};
}

std::vector<std::string> lines_of(std::string_view text)
{
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto end = text.find("\r\n");
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "a line without CRLF";
            return lines;
        }
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 2);
    }
    return lines;
}

// What the encoded words of a header's value say.
std::string decode_words(std::string_view value)
{
    std::string text;
    while (true) {
        auto begin = value.find("=?UTF-8?B?");
        if (begin == std::string_view::npos)
            return text;
        value.remove_prefix(begin + 10);
        auto end = value.find("?=");
        text += from_base64(value.substr(0, end)).value_or("(broken)");
        value.remove_prefix(end + 2);
    }
}

TEST(Mail, HasTheHeadersOfAnAutomaticMail)
{
    EXPECT_EQ(compose(sample()), "From: Gatehouse <gatehouse@example.org>\r\n"
                                 "To: ada <ada@example.com>\r\n"
                                 "Subject: Ready\r\n"
                                 "Date: Tue, 24 Nov 2026 03:41:00 +0000\r\n"
                                 "Message-ID: <0190163d-8694-739b-aea5-966c26f8ad91@example.org>\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n"
                                 "\r\n"
                                 "Hello.\r\n");
}

TEST(Mail, TheSameMailGivesTheSameBytes) { EXPECT_EQ(compose(sample()), compose(sample())); }

TEST(Mail, NothingThatUsersMadeUpBecomesAHeader)
{
    for (const char* evil : {"x\r\nBcc: victim@example.com", "x\nBcc: victim@example.com", "x\rBcc: y", "x\r\n\r\nbody",
                             "=?UTF-8?Q?x=0D=0ABcc:_y?=", "\" <victim@example.com>, \"", "a, b", "a\0b"}) {
        Mail mail = sample();
        mail.subject = evil;
        mail.to.name = evil;
        std::string text = compose(mail);
        std::string head = text.substr(0, text.find("\r\n\r\n") + 2);
        EXPECT_THAT(head, Not(HasSubstr("Bcc"))) << evil;
        std::string to = head.substr(0, head.find("\r\nSubject:"));
        EXPECT_THAT(to, Not(HasSubstr("victim"))) << evil;
        EXPECT_EQ(std::ranges::count(to, '@'), 2) << evil;
        EXPECT_THAT(text, testing::EndsWith("\r\n\r\nHello.\r\n"));
        std::size_t fields = 0;
        for (const auto& line : lines_of(head))
            fields += !line.starts_with(' ');
        EXPECT_EQ(fields, 9U) << head;
    }
}

TEST(Mail, NoLineIsTooLong)
{
    Mail mail = sample();
    for (int i = 0; i < 100; ++i) {
        mail.subject += "\u00fcber\u2713 \U0001F600";
        mail.to.name += "\u4e2d\u6587";
        mail.text += "a long \u00e9 line without an end ";
    }
    for (const auto& line : lines_of(compose(mail)))
        EXPECT_LE(line.size(), 78U) << line;
}

TEST(EncodeHeader, LeavesPlainTextAsItIs) { EXPECT_EQ(encode_header("\"a.mp4\" is ready", 9), "\"a.mp4\" is ready"); }

TEST(EncodeHeader, EncodesWholeCharacters)
{
    std::string text;
    for (int i = 0; i < 60; ++i)
        text += "\u00e9\u4e2d\U0001F600";
    std::string encoded = encode_header(text, 9);
    EXPECT_EQ(decode_words(encoded), text);
    // RFC 2047 section 5: each word must be text by itself.
    std::string_view rest = encoded;
    while (rest.contains("=?")) {
        auto end = rest.find("?=") + 2;
        EXPECT_TRUE(is_utf8(decode_words(rest.substr(0, end))));
        rest.remove_prefix(end);
    }
}

TEST(EncodeHeader, BrokenUtf8BecomesReplacementCharacters)
{
    EXPECT_EQ(decode_words(encode_header("a\xff\xc3", 9)), "a\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(decode_words(encode_header("a\tb\x7f", 9)), "a b ");
}

TEST(QuotedPrintable, KeepsWhatIsPlain) { EXPECT_EQ(quoted_printable("Hello, world!\n"), "Hello, world!\r\n"); }

TEST(QuotedPrintable, EncodesWhatIsNot)
{
    EXPECT_EQ(quoted_printable("1 = 1\n"), "1 =3D 1\r\n");
    EXPECT_EQ(quoted_printable("\u00e9\n"), "=C3=A9\r\n");
    EXPECT_EQ(quoted_printable("end \n"), "end=20\r\n");
    EXPECT_EQ(quoted_printable("a\rb\tc"), "a=0Db=09c");
    EXPECT_EQ(quoted_printable(".\n..x\n"), "=2E\r\n=2E.x\r\n");
    EXPECT_EQ(quoted_printable("From me\n"), "=46rom me\r\n");
}

TEST(QuotedPrintable, BreaksLongLinesSoftly)
{
    std::string encoded = quoted_printable(std::string(200, 'x'));
    EXPECT_EQ(encoded.substr(75, 4), "=\r\nx");
    std::string joined;
    for (auto line : lines_of(encoded + "\r\n")) {
        EXPECT_LE(line.size(), 76U);
        if (line.ends_with('='))
            line.pop_back();
        joined += line;
    }
    EXPECT_EQ(joined, std::string(200, 'x'));
}

TEST(Mailbox, IsStrict)
{
    for (const char* good : {"a@b", "ada.lovelace+files@mail.example.org", "gatehouse@localhost", "x_y-z@example.com"})
        EXPECT_TRUE(is_mailbox(good)) << good;
    for (const char* bad : {"",
                            "a",
                            "@b",
                            "a@",
                            "a@b@c",
                            "a b@c",
                            "a@b c",
                            "<a@b>",
                            "a@b>",
                            "a\r\n@b",
                            "a@b\n",
                            ".a@b",
                            "a.@b",
                            "a..b@c",
                            "a@.b",
                            "a@b..c",
                            "\"a\"@b",
                            "a@[127.0.0.1]",
                            "j\u00f6rg@example.org",
                            "a,b@c",
                            "a@b_c"})
        EXPECT_FALSE(is_mailbox(bad)) << bad;
    EXPECT_FALSE(is_mailbox(std::string(65, 'a') + "@example.org"));
    EXPECT_FALSE(is_mailbox("a@" + std::string(300, 'b')));
}

TEST(ParseAddress, TakesBothForms)
{
    EXPECT_EQ(parse_address("a@b.c"), (Address{"", "a@b.c"}));
    EXPECT_EQ(parse_address("Gatehouse <a@b.c>"), (Address{"Gatehouse", "a@b.c"}));
    EXPECT_EQ(parse_address(" \"Gate, house\" <a@b.c> "), (Address{"Gate, house", "a@b.c"}));
    EXPECT_EQ(parse_address("<a@b.c>"), (Address{"", "a@b.c"}));
    EXPECT_EQ(parse_address("nobody"), std::nullopt);
    EXPECT_EQ(parse_address("x <nobody>"), std::nullopt);
    EXPECT_EQ(parse_address("x <a@b.c"), std::nullopt);
    EXPECT_EQ(parse_address("x <a@b.c> y"), std::nullopt);
    EXPECT_EQ((Address{"", "a@b.c"}.host()), "b.c");
}

}  // namespace
}  // namespace gatehouse::notifier
