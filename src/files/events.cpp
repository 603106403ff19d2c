// SPDX-License-Identifier: Apache-2.0
#include "files/file_json.hpp"
#include "files/handlers.hpp"

#include "http/interruption.hpp"
#include "identity/bearer.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::files {

namespace {

constexpr std::size_t told_at_first = 50;
constexpr std::chrono::seconds heartbeat{15};
// A stream ends with its token; and before the server ends the request.
constexpr std::chrono::minutes lifetime_max{50};
constexpr std::string_view first_line = "retry: 2000\n\n";

using SteadyTime = std::chrono::steady_clock::time_point;

// The body of a stream: it waits for events, says every 15 seconds that it is still there, and ends with its token, its
// session, its client or the process.
class EventStream final : public http::BodyReader {
public:
    struct Session {
        Context& context;
        http::Interruption* interruption;  // may be null
        std::string token;
        SteadyTime end;
    };

    EventStream(Session session, std::shared_ptr<Waker> waker, std::unique_ptr<FileEvents::Subscription> subscription,
                std::string first)
        : session_(std::move(session)), waker_(std::move(waker)), subscription_(std::move(subscription)),
          text_(std::move(first))
    {
        if (!session_.interruption)
            return;
        session_.interruption->set_wake([](void* self) { static_cast<EventStream*>(self)->waker_->wake(); }, this);
        session_.interruption->set_watch([](void* self) { return !static_cast<EventStream*>(self)->is_valid(); }, this);
    }
    ~EventStream() override
    {
        if (!session_.interruption)
            return;
        session_.interruption->clear_wake(this);
        session_.interruption->clear_watch(this);
    }
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;

    Task<std::string_view> read() override
    {
        bool first = std::exchange(first_, false);
        if (first)
            co_return text_;
        auto beat = std::chrono::steady_clock::now() + heartbeat;
        while (true) {
            if (session_.interruption && session_.interruption->fired())
                throw http::BodyError(*session_.interruption->fired());
            auto now = std::chrono::steady_clock::now();
            if (subscription_->over() || now >= session_.end)
                co_return std::string_view{};
            text_ = subscription_->take();
            if (text_.empty() && now >= beat)
                text_ = ":\n\n";
            if (!text_.empty()) {
                if (!is_valid())
                    throw http::BodyError(http::BodyError::Kind::revoked);
                co_return text_;
            }
            auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none)
                throw http::BodyError(http::BodyError::Kind::closed);
            co_await waker_->wait(std::chrono::ceil<std::chrono::milliseconds>(std::min(beat, session_.end) - now));
        }
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }

private:
    bool is_valid() const { return session_.context.authenticators.local().verify(session_.token).has_value(); }

    Session session_;
    std::shared_ptr<Waker> waker_;
    std::unique_ptr<FileEvents::Subscription> subscription_;
    std::string text_;
    bool first_ = true;
};

SteadyTime end_of(const identity::Claims& caller, const Clock& clock)
{
    auto left = from_unix_ms(caller.expires_at * 1000) - clock.now();
    return std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(left, lifetime_max);
}

Task<std::string> tell_all(Context& context, std::string owner)
{
    auto files = co_await context.store.list({.owner = std::move(owner), .after = "", .limit = told_at_first});
    std::vector<std::string> ids;
    ids.reserve(files.size());
    for (const File& file : files)
        ids.push_back(file.id);
    auto derived = co_await context.store.derived(std::move(ids));
    std::string text(first_line);
    for (auto file = files.rbegin(); file != files.rend(); ++file)
        text += format_event("file", json::serialize(to_json(*file, derived)), context.events.next_id());
    co_return text;
}

}  // namespace

// GET /events: the caller's own files as server-sent events. First the latest 50 uploads as they are, the oldest of
// them first, so that nothing is missed by a client that comes back; then each one that changes: `file` with the record
// of GET /files/{id}, or `removed` with {"id"}. It ends when the token does.
Task<http::Response> follow_events(http::Request& request, Context& context)
{
    auto caller = require(context, request, read_permission);
    http::Response response;
    response.headers.set("content-type", "text/event-stream");
    response.headers.set("cache-control", "no-store");
    response.headers.set("x-accel-buffering", "no");  // nginx before us
    if (request.head.method == "HEAD")
        co_return response;
    std::string token(identity::find_bearer_token(request.head.headers).value_or(""));
    auto waker = std::make_shared<Waker>(co_await asio::this_coro::executor);
    auto subscription = context.events.subscribe(caller->subject, waker);
    std::string first = co_await tell_all(context, caller->subject);
    EventStream::Session session{context, request.interruption, std::move(token), end_of(*caller, context.clock)};
    response.stream =
        std::make_unique<EventStream>(std::move(session), std::move(waker), std::move(subscription), std::move(first));
    co_return response;
}

}  // namespace gatehouse::files
