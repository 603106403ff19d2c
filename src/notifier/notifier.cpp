// SPDX-License-Identifier: Apache-2.0
#include "notifier/notifier.hpp"

#include "base/blocking_pool.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"
#include "events/delivery_span.hpp"
#include "http/ask.hpp"
#include "identity/one_time_token.hpp"
#include "notifier/account_notice.hpp"
#include "notifier/mailer.hpp"
#include "notifier/notice.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace gatehouse::notifier {

namespace {

constexpr const char* queue_name = "notifier";
constexpr std::chrono::seconds lookup_time_max{10};
constexpr std::size_t lookup_bytes_max = 64U << 10U;

Address checked_sender(const std::string& from)
{
    auto address = parse_address(from);
    if (!address)
        throw std::invalid_argument("notifier.from: \"" + from +
                                    "\" is not an address such as Name <user@example.org>");
    return *std::move(address);
}

std::unique_ptr<Mailer> make_mailer(const Config& config, const std::filesystem::path& directory)
{
    return config.smtp.url.empty() ? make_directory_mailer(directory) : make_smtp_mailer(config.smtp);
}

// A pool's job cannot be cancelled, but the mailer can be asked to end it.
class InterruptOnCancel final {
public:
    InterruptOnCancel(asio::cancellation_slot slot, Mailer& mailer) : slot_(slot)
    {
        if (slot_.is_connected())
            slot_.assign([&mailer](asio::cancellation_type) { mailer.interrupt(); });
    }
    ~InterruptOnCancel() { slot_.clear(); }
    InterruptOnCancel(const InterruptOnCancel&) = delete;
    InterruptOnCancel& operator=(const InterruptOnCancel&) = delete;

private:
    asio::cancellation_slot slot_;
};

}  // namespace

class Notifier::Impl final {
public:
    Impl(Config config, Needs needs, std::string public_url, const std::filesystem::path& mail_directory)
        : config_(std::move(config)), needs_(needs), public_url_(std::move(public_url)),
          sender_(checked_sender(config_.from)), mailer_(make_mailer(config_, mail_directory)),
          pool_({.name = "notifier", .threads = config_.jobs})
    {
        while (public_url_.ends_with('/'))
            public_url_.pop_back();
    }

    Task<void> run()
    {
        auto handler = [this](events::Delivery delivery) { return handle(std::move(delivery)); };
        co_await needs_.queue.consume(queue_name, config_.jobs, handler);
    }
    void stop() { pool_.stop(); }

private:
    Task<void> handle(events::Delivery delivery);
    Task<void> tell(const events::Event& event);
    Task<void> tell_account(const events::Event& event);
    Mail compose_mail(const events::Event& event, Address to, Notice notice) const;
    Task<std::optional<Address>> find_recipient(std::string user_id, std::string traceparent);
    Task<std::optional<Address>> ask_auth(std::string user_id, std::string traceparent);
    Task<void> send(Mail mail);
    void skip(const events::Event& event, const char* why);
    void count(const char* result);

    Config config_;
    Needs needs_;
    std::string public_url_;
    Address sender_;
    std::unique_ptr<Mailer> mailer_;
    BlockingPool pool_;
};

// user.…: a mail to the address in the event.
Task<void> Notifier::Impl::tell_account(const events::Event& event)
{
    auto mailbox = find_string(event.data, "email").value_or("");
    auto ticket = find_string(event.data, "ticket");
    Secret token = ticket ? identity::one_time_token(needs_.service_key, *ticket) : Secret();
    auto notice = make_account_notice(event, token.reveal(), public_url_);
    if (!notice || !is_mailbox(mailbox)) {
        skip(event, notice ? "the address is not usable" : "no mail is sent for this type of event");
        co_return;
    }
    co_await send(compose_mail(event, {.name = "", .mailbox = std::move(mailbox)}, std::move(*notice)));
}

Mail Notifier::Impl::compose_mail(const events::Event& event, Address to, Notice notice) const
{
    return {.id = is_id(event.id) ? event.id : make_derived_id("mail", event.id),
            .from = sender_,
            .to = std::move(to),
            .subject = std::move(notice.subject),
            .date = event.time,
            .text = std::move(notice.text)};
}

Task<void> Notifier::Impl::handle(events::Delivery delivery)
{
    auto span = events::begin_delivery_span(needs_.tracer, "notifier", queue_name, delivery);
    std::exception_ptr error;
    try {
        co_await tell(delivery.event);
    } catch (...) {
        error = std::current_exception();
        span.fail();
    }
    if (error)
        std::rethrow_exception(error);
}

// file.processed, file.failed: a mail to the owner.
Task<void> Notifier::Impl::tell(const events::Event& event)
{
    if (event.type.starts_with("user.")) {
        co_await tell_account(event);
        co_return;
    }
    if (!make_notice(event, "", public_url_)) {
        skip(event, "no mail is sent for this type of event");
        co_return;
    }
    auto owner = find_string(event.data, "owner").value_or("");
    if (!is_id(owner)) {
        skip(event, "the event names no owner");
        co_return;
    }
    auto recipient = co_await find_recipient(std::move(owner), event.traceparent);
    if (!recipient) {
        skip(event, "the owner is gone or has no usable address");
        co_return;
    }
    auto notice = make_notice(event, recipient->name, public_url_).value();
    co_await send(compose_mail(event, std::move(*recipient), std::move(notice)));
}

Task<void> Notifier::Impl::send(Mail mail)
{
    auto state = co_await asio::this_coro::cancellation_state;
    InterruptOnCancel interrupt_on_cancel(state.slot(), *mailer_);
    auto work = [&] { return mailer_->send(mail); };
    std::string failure;
    SendResult result;
    try {
        result = co_await pool_.run(work);
    } catch (const Unavailable& e) {
        failure = e.what();
    }
    if (!failure.empty()) {
        count("retried");
        throw Unavailable(failure);
    }
    count(result.accepted ? "sent" : "rejected");
    if (result.accepted)
        log::info("notifier", "mail sent", {{"event", mail.id}});
    else
        log::warn("notifier", "mail refused for good", {{"event", mail.id}, {"reason", result.reason}});
}

Task<std::optional<Address>> Notifier::Impl::find_recipient(std::string user_id, std::string traceparent)
{
    auto asking = ask_auth(std::move(user_id), std::move(traceparent));
    co_return co_await with_timeout(std::move(asking), lookup_time_max, "asking auth for a user");
}

Task<std::optional<Address>> Notifier::Impl::ask_auth(std::string user_id, std::string traceparent)
{
    http::Headers headers;
    needs_.service_key.sign(headers);
    if (!traceparent.empty())
        headers.set("traceparent", traceparent);
    auto answer = co_await http::ask(needs_.auth, "/internal/users/" + user_id, std::move(headers), lookup_bytes_max);
    if (answer.status == 404)
        co_return std::nullopt;
    if (answer.status != 200)
        throw Unavailable(fmt::format("auth answered {} when asked for a user", answer.status));
    auto value = parse_json(answer.body);
    if (!value || !value->is_object())
        throw Unavailable("auth's answer about a user is no JSON object");
    const auto& user = value->get_object();
    auto mailbox = find_string(user, "email").value_or("");
    if (!is_mailbox(mailbox))
        co_return std::nullopt;
    co_return Address{.name = find_string(user, "username").value_or(""), .mailbox = std::move(mailbox)};
}

void Notifier::Impl::skip(const events::Event& event, const char* why)
{
    count("skipped");
    log::info("notifier", "no mail", {{"event", event.id}, {"type", event.type}, {"why", why}});
}

void Notifier::Impl::count(const char* result)
{
    needs_.metrics.counter("gatehouse_notifier_mails_total", "Mails by what became of them", {{"result", result}})
        .Increment();
}

Notifier::Notifier(Config config, Needs needs, std::string public_url, std::filesystem::path mail_directory)
    : impl_(std::make_unique<Impl>(std::move(config), needs, std::move(public_url), mail_directory))
{
}

Notifier::~Notifier() = default;

Task<void> Notifier::run() { co_await impl_->run(); }

void Notifier::stop() { impl_->stop(); }

}  // namespace gatehouse::notifier
