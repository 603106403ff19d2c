// SPDX-License-Identifier: Apache-2.0
#include "auth/auth.hpp"

#include "auth/endpoints.hpp"
#include "auth/outbox.hpp"
#include "auth/schema.hpp"
#include "auth/setup_store.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

namespace gatehouse::auth {

namespace {

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

using Endpoint = Task<http::Response> (*)(http::Request&, Context&);

}  // namespace

class Auth::Impl final {
public:
    Impl(Config config, Needs needs)
        : keys_(needs.keys), algorithm_(require_algorithm(config)),
          context_{.config = require_issuer(config),
                   .database = needs.database,
                   .authenticators = needs.authenticators,
                   .service_key = needs.service_key,
                   .clock = needs.clock,
                   .metrics = needs.metrics,
                   .passwords = Passwords(config, needs.metrics),
                   .signer = {},
                   .announce = [] {}},
          router_(routes())
    {
    }

    void start()
    {
        migrate(context_.database);
        publish_keys(true);
        ready_.store(true);
    }

    void publish_keys(bool may_rotate)
    {
        TimePoint now = context_.clock.now();
        auto oldest = now - key_overlap(context_.config.access_token_ttl);
        auto load = [&](sql::Connection& connection) {
            sweep_keys(connection, oldest);
            auto keys = load_keys(connection);
            bool fits = !keys.empty() && !keys.front().retired_at && keys.front().key.algorithm() == algorithm_;
            if (fits || !may_rotate)
                return keys;
            auto made = rotate_key(connection, algorithm_, now);
            log::info("auth", "signing key made", {{"kid", made.id()}, {"algorithm", to_string(algorithm_)}});
            return load_keys(connection);
        };
        auto keys = context_.database.write_blocking(load);
        context_.signer.use(keys, keys_);
        log::info("auth", "signing keys published", {{"count", keys.size()}, {"active", keys.front().key.id()}});
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
        auto read = [limit](sql::Connection& connection) { return read_outbox(connection, limit); };
        co_return co_await context_.database.read(read);
    }

    Task<void> clear_events(std::vector<std::string> ids)
    {
        auto clear = [&ids](sql::Connection& connection) { clear_from_outbox(connection, ids); };
        co_await context_.database.write(clear);
    }

    void stop()
    {
        ready_.store(false);
        context_.passwords.stop();
    }

    bool ready() const { return ready_.load(); }
    const http::Router& router() const { return router_; }
    void on_announce(std::function<void()> notify) { context_.announce = std::move(notify); }

private:
    std::vector<http::Route> routes()
    {
        auto to = [this](Endpoint endpoint) {
            return [this, endpoint](http::Request& request) { return endpoint(request, context_); };
        };
        return {
            {"POST", "/login", to(login)},
            {"GET", "/validate", to(validate)},
            {"POST", "/validate", to(validate)},
            {"POST", "/refresh", to(refresh)},
            {"POST", "/logout", to(logout)},
            {"GET", "/profile", to(get_profile)},
            {"POST", "/profile/password", to(change_password)},
            {"GET", "/setup", to(get_setup)},
            {"POST", "/setup", to(post_setup)},
            {"GET", "/admin/users", to(list_users_page)},
            {"POST", "/admin/users", to(create_user)},
            {"GET", "/admin/users/{id}", to(get_user)},
            {"PATCH", "/admin/users/{id}", to(change_user)},
            {"GET", "/.well-known/jwks.json", to(get_jwks)},
            {"GET", "/.well-known/openid-configuration", to(get_discovery)},
            {"GET", "/.well-known/oauth-authorization-server", to(get_discovery)},
            {"GET", "/internal/users/{id}", to(get_internal_user)},
        };
    }

    identity::KeySource& keys_;
    identity::Algorithm algorithm_;
    Context context_;
    http::Router router_;
    std::atomic<bool> ready_{false};
};

Auth::Auth(Config config, Needs needs) : impl_(std::make_unique<Impl>(std::move(config), needs)) {}
Auth::~Auth() = default;

void Auth::start() { impl_->start(); }
void Auth::reload_keys() { impl_->publish_keys(false); }
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
