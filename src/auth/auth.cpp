// SPDX-License-Identifier: Apache-2.0
#include "auth/auth.hpp"

#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/key_store.hpp"
#include "auth/key_times.hpp"
#include "auth/outbox.hpp"
#include "auth/schema.hpp"
#include "auth/setup_store.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

namespace gatehouse::auth {

namespace {

using std::chrono::milliseconds;

// How often the store is asked for keys that another process made: when it is there, and when it was away.
constexpr milliseconds keys_interval_max{15'000};
constexpr milliseconds away_interval{1'000};
// At most so often because somebody asks for the keys.
constexpr milliseconds refresh_pause_max{2'000};
// Of what a key is published ahead of its use, no more than this part is lost until every process has seen it.
constexpr int key_ahead_parts = 5;

identity::Algorithm require_algorithm(const Config& config)
{
    auto algorithm = identity::find_algorithm(config.signing_algorithm);
    if (!algorithm)
        throw std::runtime_error(
            fmt::format("auth.signing_algorithm: \"{}\" is none of EdDSA, ES256, RS256", config.signing_algorithm));
    return *algorithm;
}

Config require_issuer(Config config)
{
    if (config.issuer.empty())
        throw std::runtime_error("auth.issuer: the tokens' issuer is needed");
    return config;
}

// Until the last token that a revocation can concern has expired; longer when tokens are short, for those that were
// made before they became short.
std::chrono::seconds revocations_kept(const Config& config)
{
    return std::max<std::chrono::seconds>(config.access_token_ttl, std::chrono::hours{1}) +
           2 * identity::TokenRules{}.leeway;
}

using Endpoint = Task<http::Response> (*)(http::Request&, Context&);

}  // namespace

class Auth::Impl final {
public:
    Impl(Config config, Needs needs)
        : revocations_(needs.database, needs.revocations, needs.clock, revocations_kept(config)), keys_(needs.keys),
          algorithm_(require_algorithm(config)),
          context_{.config = require_issuer(config),
                   .database = needs.database,
                   .authenticators = needs.authenticators,
                   .service_key = needs.service_key,
                   .secrets = needs.secrets,
                   .clock = needs.clock,
                   .metrics = needs.metrics,
                   .passwords = Passwords(config, needs.metrics),
                   .signer = {},
                   .revocations = revocations_,
                   .announce = [] {},
                   .refresh_keys = [this] { return refresh_keys_now_and_then(); },
                   .queue = needs.queue},
          router_(routes())
    {
    }

    void start()
    {
        migrate(context_.database);
        make_keys();
        revocations_.start();
        started_.store(true);
    }

    // The first key, or one of the configured algorithm. Of several processes one makes it, the others find it.
    void make_keys()
    {
        TimePoint now = context_.clock.now();
        std::size_t sealed = 0;
        auto make = [&](sql::Connection& connection) -> Tended {
            sealed = seal_plain_keys(connection, context_.secrets);
            auto keys = load_keys(connection, context_.secrets);
            bool other_algorithm = !keys.empty() && keys.front().key.algorithm() != algorithm_;
            return tend(connection, now, other_algorithm);
        };
        auto tended = context_.database.write_blocking(make);
        if (sealed != 0)
            log::info("auth", "signing keys encrypted", {{"count", sealed}});
        use(std::move(tended));
    }

    void reload_keys()
    {
        auto load = [this](sql::Connection& connection) { return load_keys(connection, context_.secrets); };
        publish(context_.database.read_blocking(load));
    }

    Task<void> follow_keys()
    {
        while (true) {
            co_await sleep_for(ready() ? keys_interval() : away_interval);
            if (!started_.load())
                continue;
            co_await refresh_keys();
            if (keys_want_tending_.load())
                co_await tend_keys();
        }
    }

    // Without an error: what is published stays so, and ready() says whether the database is away.
    Task<void> refresh_keys()
    {
        try {
            refreshed_.store(std::chrono::steady_clock::now());
            auto load = [this](sql::Connection& connection) { return load_keys(connection, context_.secrets); };
            auto keys = co_await context_.database.read(load);
            publish(std::move(keys));
        } catch (const std::exception& error) {
            log::debug("auth", "signing keys not read", {{"error", error.what()}});
        }
    }

    // Makes the next key when it is time to, and removes those that are over. Of several processes one does it.
    Task<void> tend_keys()
    {
        try {
            TimePoint now = context_.clock.now();
            auto tend_now = [&](sql::Connection& connection) { return tend(connection, now, false); };
            use(co_await context_.database.write(tend_now));
        } catch (const std::exception& error) {
            log::debug("auth", "signing keys not tended", {{"error", error.what()}});
        }
    }

    // Somebody asks for the keys, perhaps because of a token that another process signed with a new one.
    Task<void> refresh_keys_now_and_then()
    {
        if (std::chrono::steady_clock::now() - refreshed_.load() > refresh_pause())
            co_await refresh_keys();
    }

    std::optional<Secret> make_setup_token()
    {
        auto make = [&](sql::Connection& connection) -> std::optional<Secret> {
            if (has_administrator(connection))
                return std::nullopt;
            return auth::make_setup_token(connection, context_.clock.now());
        };
        auto token = context_.database.write_blocking(make);
        if (token)
            log::info("auth", "set-up token made", {{"hours", setup_token_ttl.count()}});
        return token;
    }

    Task<std::vector<events::Event>> read_events(std::size_t limit)
    {
        if (!started_.load())
            throw Unavailable("auth has not started yet");
        TimePoint now = context_.clock.now();
        auto take = [&](sql::Connection& connection) { return take_from_outbox(connection, process_, now, limit); };
        co_return co_await context_.database.write(take);
    }

    Task<void> clear_events(std::vector<std::string> ids)
    {
        auto clear = [&ids](sql::Connection& connection) { clear_from_outbox(connection, ids); };
        co_await context_.database.write(clear);
    }

    Task<void> follow_revocations() { return revocations_.run(); }
    void read_revocations() { revocations_.notify(); }
    void stop_waiting() { revocations_.stop_waiting(); }

    void stop()
    {
        stopped_.store(true);
        context_.passwords.stop();
    }

    bool ready() const { return started_.load() && !stopped_.load() && context_.database.available(); }
    const http::Router& router() const { return router_; }
    void on_announce(std::function<void()> notify) { context_.announce = std::move(notify); }

private:
    struct Tended {
        std::vector<StoredKey> keys;
        std::string made;  // id of the key that was made, if one was
    };

    // A part of the time that a key is published ahead; never busy.
    milliseconds keys_interval() const { return part_of_ahead(keys_interval_max); }
    milliseconds refresh_pause() const { return part_of_ahead(refresh_pause_max); }
    milliseconds part_of_ahead(milliseconds at_most) const
    {
        milliseconds part = milliseconds{context_.config.key_publish_ahead} / key_ahead_parts;
        return std::clamp(part, milliseconds{100}, at_most);
    }

    // Keys that were retired before sign nothing that is still valid.
    TimePoint oldest_retired(TimePoint now) const { return now - key_overlap(context_.config.access_token_ttl); }

    bool is_over(const StoredKey& key, TimePoint now) const
    {
        return key.retires_at && *key.retires_at < oldest_retired(now);
    }

    TimePoint next_rotation(const std::vector<StoredKey>& keys) const
    {
        return keys.front().activates_at + context_.config.key_rotation_interval;
    }

    // One that is active `key_rotation_interval` after the one before must be published by the next time that we look.
    bool is_rotation_due(const std::vector<StoredKey>& keys, TimePoint now) const
    {
        const Config& config = context_.config;
        return keys.empty() || (config.key_rotation_interval.count() != 0 &&
                                now + config.key_publish_ahead + keys_interval() >= next_rotation(keys));
    }

    Tended tend(sql::Connection& connection, TimePoint now, bool rotate)
    {
        sweep_keys(connection, oldest_retired(now));
        auto keys = load_keys(connection, context_.secrets);
        if (!rotate && !is_rotation_due(keys, now))
            return {std::move(keys), ""};
        // Nobody waits for the first one.
        TimePoint activates_at = keys.empty() ? now : now + context_.config.key_publish_ahead;
        if (!keys.empty() && !rotate)
            activates_at = std::max(activates_at, next_rotation(keys));
        auto made = add_key(connection, context_.secrets, {algorithm_, now, activates_at});
        keys = load_keys(connection, context_.secrets);
        add_audit(connection, now, rotation_entry(made, activates_at, own_actor));
        return {std::move(keys), made.id()};
    }

    void use(Tended tended)
    {
        if (!tended.made.empty())
            log::info("auth", "signing key made",
                      {{"kid", tended.made},
                       {"algorithm", to_string(algorithm_)},
                       {"signs_from", format_rfc3339(tended.keys.front().activates_at)}});
        publish(std::move(tended.keys));
    }

    // Only what changed: verifiers forget what they know with every publication.
    void publish(std::vector<StoredKey> keys)
    {
        TimePoint now = context_.clock.now();
        keys_want_tending_.store(is_rotation_due(keys, now) ||
                                 std::ranges::any_of(keys, [&](auto& key) { return is_over(key, now); }));
        std::erase_if(keys, [&](const StoredKey& key) { return is_over(key, now); });
        std::vector<std::pair<std::string, TimePoint>> published;
        for (const StoredKey& stored : keys)
            published.emplace_back(stored.key.id(), stored.activates_at);
        std::scoped_lock lock(publishing_);
        // No key at all is a store that somebody else has emptied.
        if (published == published_ || keys.empty())
            return;
        context_.signer.use(std::move(keys), keys_);
        published_ = std::move(published);
        log::info("auth", "signing keys published",
                  {{"count", published_.size()}, {"newest", published_.front().first}});
    }

    // Without keys nothing can be signed, and the tables may not be there.
    Task<http::Response> answer(Endpoint endpoint, http::Request& request)
    {
        if (!started_.load())
            throw Unavailable("auth has not started yet: its database is away");
        context_.service_key.take_client_address(request);
        co_return co_await endpoint(request, context_);
    }

    std::vector<http::Route> routes()
    {
        auto to = [this](Endpoint endpoint) {
            return [this, endpoint](http::Request& request) { return answer(endpoint, request); };
        };
        return {
            {"POST", "/login", to(login)},
            {"GET", "/validate", to(validate)},
            {"POST", "/validate", to(validate)},
            {"POST", "/refresh", to(refresh)},
            {"POST", "/logout", to(logout)},
            {"GET", "/profile", to(get_profile)},
            {"PATCH", "/profile", to(change_profile)},
            {"POST", "/profile/password", to(change_password)},
            {"POST", "/profile/totp", to(begin_totp)},
            {"POST", "/profile/totp/confirm", to(confirm_totp)},
            {"DELETE", "/profile/totp", to(delete_totp)},
            {"POST", "/register", to(register_user)},
            {"POST", "/verify-email", to(verify_email)},
            {"POST", "/forgot-password", to(forgot_password)},
            {"POST", "/reset-password", to(reset_password)},
            {"GET", "/profile/sessions", to(list_own_sessions)},
            {"DELETE", "/profile/sessions", to(end_own_sessions)},
            {"DELETE", "/profile/sessions/{id}", to(end_own_session)},
            {"GET", "/setup", to(get_setup)},
            {"POST", "/setup", to(post_setup)},
            {"GET", "/admin/users", to(list_users_page)},
            {"POST", "/admin/users", to(create_user)},
            {"GET", "/admin/users/{id}", to(get_user)},
            {"PATCH", "/admin/users/{id}", to(change_user)},
            {"DELETE", "/admin/users/{id}", to(delete_user)},
            {"GET", "/admin/roles", to(list_roles_page)},
            {"POST", "/admin/roles", to(create_role)},
            {"GET", "/admin/roles/{name}", to(get_role)},
            {"PUT", "/admin/roles/{name}", to(put_role)},
            {"DELETE", "/admin/roles/{name}", to(delete_role)},
            {"GET", "/admin/audit", to(list_audit_page)},
            {"GET", "/admin/dead", to(list_dead_letters)},
            {"GET", "/admin/dead/{id}", to(get_dead_letter)},
            {"DELETE", "/admin/dead/{id}", to(drop_dead_letter)},
            {"POST", "/admin/dead/{id}/retry", to(retry_dead_letter)},
            {"GET", "/admin/sessions", to(list_sessions_page)},
            {"DELETE", "/admin/sessions", to(end_any_sessions)},
            {"DELETE", "/admin/sessions/{id}", to(end_any_session)},
            {"GET", "/.well-known/jwks.json", to(get_jwks)},
            {"GET", "/.well-known/openid-configuration", to(get_openid_metadata)},
            {"GET", "/.well-known/oauth-authorization-server", to(get_oauth_metadata)},
            {"GET", "/internal/users/{id}", to(get_internal_user)},
            {"GET", "/internal/revocations", to(get_internal_revocations)},
            {"GET", "/internal/token", to(check_internal_token)},
        };
    }

    RevocationFeed revocations_;
    identity::KeySource& keys_;
    identity::Algorithm algorithm_;
    Context context_;
    http::Router router_;
    const std::string process_ = make_id();  // names this process in leases
    std::atomic<bool> started_{false};
    std::atomic<bool> stopped_{false};
    std::atomic<std::chrono::steady_clock::time_point> refreshed_{};
    std::mutex publishing_;
    std::vector<std::pair<std::string, TimePoint>> published_;  // the ids, and from when on they sign
    std::atomic<bool> keys_want_tending_{false};
};

Auth::Auth(Config config, Needs needs) : impl_(std::make_unique<Impl>(std::move(config), needs)) {}
Auth::~Auth() = default;

void Auth::start() { impl_->start(); }
void Auth::reload_keys() { impl_->reload_keys(); }
Task<void> Auth::follow_keys() { return impl_->follow_keys(); }
Task<void> Auth::follow_revocations() { return impl_->follow_revocations(); }
void Auth::read_revocations() { impl_->read_revocations(); }
void Auth::stop_waiting() { impl_->stop_waiting(); }
std::optional<Secret> Auth::make_setup_token() { return impl_->make_setup_token(); }
const http::Router& Auth::router() const { return impl_->router(); }
void Auth::on_announce(std::function<void()> notify) { impl_->on_announce(std::move(notify)); }
bool Auth::ready() const { return impl_->ready(); }
void Auth::stop() { impl_->stop(); }

events::Outbox Auth::outbox()
{
    Impl* impl = impl_.get();
    return {.name = "auth",
            .read = [impl](std::size_t limit) { return impl->read_events(limit); },
            .clear = [impl](std::vector<std::string> ids) { return impl->clear_events(std::move(ids)); }};
}

}  // namespace gatehouse::auth
