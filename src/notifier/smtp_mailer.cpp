// SPDX-License-Identifier: Apache-2.0
// Mailer over SMTP (RFC 5321), by libcurl.
#include "notifier/mailer.hpp"

#include "base/error.hpp"
#include "http/curl.hpp"
#include "notifier/examination.hpp"

#include <algorithm>
#include <atomic>
#include <string_view>

namespace gatehouse::notifier {

namespace {

constexpr long connect_timeout_ms = 10'000;
constexpr long total_timeout_ms = 60'000;
constexpr long look_timeout_ms = 15'000;
constexpr std::size_t reply_bytes_max = 300;

// One mail's conversation with the server.
struct Conversation {
    std::string_view unsent;
    const std::atomic<bool>* interrupted = nullptr;
    std::string command;  // the last one that we sent, four letters: what follows may be a credential
    std::string reply;    // the last line that the server said
    bool ended = false;
};

std::size_t give_bytes(char* buffer, std::size_t size, std::size_t count, void* user)
{
    auto& conversation = *static_cast<Conversation*>(user);
    std::string_view piece = conversation.unsent.substr(0, size * count);
    std::ranges::copy(piece, buffer);
    conversation.unsent.remove_prefix(piece.size());
    return piece.size();
}

int watch_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return static_cast<Conversation*>(user)->interrupted->load() ? 1 : 0;
}

// libcurl tells the reply's code, but not which command it answered.
int note_conversation(CURL*, curl_infotype type, char* data, std::size_t size, void* user)
{
    auto& conversation = *static_cast<Conversation*>(user);
    std::string_view text(data, size);
    if (type == CURLINFO_HEADER_OUT) {
        // What the server says to a farewell is of no interest.
        conversation.ended |= text.starts_with("QUIT");
        if (conversation.ended)
            return 0;
        conversation.command = text.substr(0, 4);
        conversation.reply.clear();
    } else if (type == CURLINFO_HEADER_IN && !conversation.ended) {
        // A reply may have several lines, the last of which has a space after the code.
        text = text.substr(0, text.find_last_not_of("\r\n") + 1);
        if (text.size() >= 4 && text[3] == ' ')
            conversation.reply = text.substr(0, reply_bytes_max);
    }
    return 0;
}

// Everything about the connection but how long it may last.
void set_connection(CURL* handle, const Smtp& settings)
{
    curl_easy_setopt(handle, CURLOPT_URL, settings.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    // With smtps:// TLS comes first, whatever this says.
    bool upgrade = settings.starttls && settings.url.starts_with("smtp://");
    curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(upgrade ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, total_timeout_ms);
    if (settings.username.empty())
        return;
    // libcurl copies both; it wipes neither, but frees them with the handle, at the end of this mail.
    curl_easy_setopt(handle, CURLOPT_USERNAME, settings.username.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, std::string(settings.password.reveal()).c_str());
}

class SmtpMailer final : public Mailer {
public:
    explicit SmtpMailer(Smtp settings) : settings_(std::move(settings)) { http::start_curl(); }

    SendResult send(const Mail& mail) override
    {
        std::string bytes = compose(mail);
        Conversation conversation{
            .unsent = bytes, .interrupted = &interrupted_, .command = {}, .reply = {}, .ended = false};
        http::CurlHandle handle(curl_easy_init());
        http::CurlList recipients(curl_slist_append(nullptr, ("<" + mail.to.mailbox + ">").c_str()));
        if (!handle || !recipients)
            throw Unavailable("smtp: no memory");
        set_connection(handle.get(), settings_);
        set_message(handle.get(), mail, conversation, recipients.get(), bytes.size());
        CURLcode code = curl_easy_perform(handle.get());
        if (code == CURLE_OK)
            return {};
        long status = 0;
        curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
        // Refused for good is what is said of the recipient or the content. A refused sender, login or connection is a
        // matter of settings, which somebody may mend before the last try.
        bool about_mail = conversation.command == "RCPT" || conversation.command == "DATA";
        if (about_mail && status >= 500 && status < 600)
            return {.accepted = false, .reason = conversation.reply};
        throw Unavailable(std::string("smtp: ") + curl_easy_strerror(code) +
                          (conversation.reply.empty() ? "" : ": " + conversation.reply));
    }

    void interrupt() override { interrupted_ = true; }

private:
    static void set_message(CURL* handle, const Mail& mail, Conversation& conversation, curl_slist* recipients,
                            std::size_t size)
    {
        curl_easy_setopt(handle, CURLOPT_MAIL_FROM, ("<" + mail.from.mailbox + ">").c_str());
        curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients);
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_bytes);
        curl_easy_setopt(handle, CURLOPT_READDATA, &conversation);
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch_progress);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &conversation);
        curl_easy_setopt(handle, CURLOPT_VERBOSE, 1L);
        curl_easy_setopt(handle, CURLOPT_DEBUGFUNCTION, note_conversation);
        curl_easy_setopt(handle, CURLOPT_DEBUGDATA, &conversation);
    }

    Smtp settings_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace

std::unique_ptr<Mailer> make_smtp_mailer(Smtp settings) { return std::make_unique<SmtpMailer>(std::move(settings)); }

Finding examine_smtp(const Smtp& settings)
{
    http::start_curl();
    http::CurlHandle handle(curl_easy_init());
    if (!handle)
        return Finding::fail("libcurl has no memory", "free some memory");
    std::atomic<bool> never{false};
    Conversation conversation{.unsent = {}, .interrupted = &never, .command = {}, .reply = {}, .ended = false};
    set_connection(handle.get(), settings);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, look_timeout_ms);
    curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, "NOOP");
    curl_easy_setopt(handle.get(), CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_DEBUGFUNCTION, note_conversation);
    curl_easy_setopt(handle.get(), CURLOPT_DEBUGDATA, &conversation);
    CURLcode code = curl_easy_perform(handle.get());
    if (code == CURLE_OK)
        return Finding::ok(settings.url + " lets us in");
    std::string what =
        settings.url + ": " + curl_easy_strerror(code) + (conversation.reply.empty() ? "" : ": " + conversation.reply);
    if (code == CURLE_LOGIN_DENIED)
        return Finding::fail(std::move(what), "correct notifier.smtp.username and notifier.smtp.password");
    if (code == CURLE_USE_SSL_FAILED)
        return Finding::fail(std::move(what), "use a server that offers STARTTLS, or smtps://; for a relay on this "
                                              "host notifier.smtp.starttls: false");
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return Finding::fail(std::move(what), "let the server show a certificate for the name in notifier.smtp.url");
    return Finding::fail(std::move(what),
                         "see that it runs there and can be reached from here, or correct notifier.smtp.url");
}

}  // namespace gatehouse::notifier
