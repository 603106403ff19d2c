// SPDX-License-Identifier: Apache-2.0
#include "auth/auth.hpp"

#include "auth/audit_store.hpp"
#include "auth/endpoints.hpp"
#include "auth/outbox.hpp"
#include "auth/schema.hpp"
#include "auth/setup_store.hpp"
#include "base/id.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>

namespace gatehouse::auth {

namespace {

// How often the store is asked for keys that another process made: when it is there, and when it was away.
constexpr std::chrono::seconds keys_interval{15};
constexpr std::chrono::seconds away_interval{1};
// At most so often because somebody asks for the keys.
constexpr std::chrono::seconds refresh_pause{2};

identity::Algorithm require_algorithm(const Config& config)
{
    auto algorithm = find_algorithm(config.signing_algorithm);
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
                   .refresh_keys = [this] { return refresh_keys_now_and_then(); }},
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
        auto oldest = oldest_retired();
        auto make = [&](sql::Connection& connection) -> Made {
            sweep_keys(connection, oldest);
            std::size_t sealed = seal_plain_keys(connection, context_.secrets);
            auto keys = load_keys(connection, context_.secrets);
            if (!keys.empty() && !keys.front().retired_at && keys.front().key.algorithm() == algorithm_)
                return {std::move(keys), "", sealed};
            auto made = rotate_key(connection, context_.secrets, algorithm_, now);
            AuditEntry entry;
            entry.type = "key.rotated";
            entry.actor = own_actor;
            entry.target = made.id();
            add_audit(connection, now, entry);
            return {load_keys(connection, context_.secrets), made.id(), sealed};
        };
        auto made = context_.database.write_blocking(make);
        if (!made.id.empty())
            log::info("auth", "signing key made", {{"kid", made.id}, {"algorithm", to_string(algorithm_)}});
        if (made.sealed != 0)
            log::info("auth", "signing keys encrypted", {{"count", made.sealed}});
        publish(made.keys);
    }

    void reload_keys()
    {
        auto load = [this](sql::Connection& connection) { return load_current_keys(connection); };
        publish(context_.database.read_blocking(load));
    }

    Task<void> follow_keys()
    {
        while (true) {
            co_await sleep_for(ready() ? keys_interval : away_interval);
            if (started_.load())
                co_await refresh_keys();
        }
    }

    // Without an error: what is published stays so, and ready() says whether the database is away.
    Task<void> refresh_keys()
    {
        try {
            refreshed_.store(std::chrono::steady_clock::now());
            auto load = [this](sql::Connection& connection) { return load_current_keys(connection); };
            auto keys = co_await context_.database.read(load);
            publish(keys);
        } catch (const std::exception& error) {
            log::debug("auth", "signing keys not read", {{"error", error.what()}});
        }
    }

    // Somebody asks for the keys, perhaps because of a token that another process signed with a new one.
    Task<void> refresh_keys_now_and_then()
    {
        if (std::chrono::steady_clock::now() - refreshed_.load() > refresh_pause)
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
    struct Made {
        std::vector<StoredKey> keys;
        std::string id;          // of the key that was made, if one was
        std::size_t sealed = 0;  // keys that were not encrypted before
    };

    // Keys that were retired before sign nothing that is still valid.
    TimePoint oldest_retired() const { return context_.clock.now() - key_overlap(context_.config.access_token_ttl); }

    std::vector<StoredKey> load_current_keys(sql::Connection& connection) const
    {
        auto keys = load_keys(connection, context_.secrets);
        std::erase_if(keys, [oldest = oldest_retired()](const StoredKey& key) {
            return key.retired_at && *key.retired_at < oldest;
        });
        return keys;
    }

    // Only what changed: verifiers forget what they know with every publication.
    void publish(const std::vector<StoredKey>& keys)
    {
        std::vector<std::string> ids;
        for (const StoredKey& stored : keys)
            ids.push_back(stored.key.id());
        std::scoped_lock lock(publishing_);
        // The order counts: the first one signs. No active key is a store that somebody else has broken.
        if (ids == published_ || keys.empty() || keys.front().retired_at)
            return;
        context_.signer.use(keys, keys_);
        published_ = std::move(ids);
        log::info("auth", "signing keys published", {{"count", keys.size()}, {"active", published_.front()}});
    }

    // Without keys nothing can be signed, and the tables may not be there.
    Task<http::Response> answer(Endpoint endpoint, http::Request& request)
    {
        if (!started_.load())
            throw Unavailable("auth has not started yet: its database is away");
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
            {"GET", "/admin/audit", to(list_audit_page)},
            {"GET", "/admin/sessions", to(list_sessions_page)},
            {"DELETE", "/admin/sessions", to(end_any_sessions)},
            {"DELETE", "/admin/sessions/{id}", to(end_any_session)},
            {"GET", "/.well-known/jwks.json", to(get_jwks)},
            {"GET", "/.well-known/openid-configuration", to(get_discovery)},
            {"GET", "/.well-known/oauth-authorization-server", to(get_discovery)},
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
    std::vector<std::string> published_;  // the ids, the signing one first
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
