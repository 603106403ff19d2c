// SPDX-License-Identifier: Apache-2.0
#include "app/config_check.hpp"

#include "app/client_tls_check.hpp"
#include "app/listen_address.hpp"
#include "app/public_check.hpp"
#include "app/roles.hpp"
#include "app/store_url.hpp"
#include "app/values.hpp"
#include "auth/key_times.hpp"
#include "auth/secret_box.hpp"
#include "events/amqp_url.hpp"
#include "files/files.hpp"
#include "gateway/gateway.hpp"
#include "http/endpoint_set.hpp"
#include "http/url.hpp"
#include "identity/service_key.hpp"
#include "sql/mysql_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace gatehouse::app {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Another process runs the role, and this one can reach what it needs of it.
void check_needed_role(const Config& config, const RoleInfo& info, Role needed, Report& report)
{
    bool shared_stores = !is_embedded(config.files.store) && !is_embedded(config.events.store);
    if (info.role == Role::worker) {
        if (!shared_stores)
            report.add_at("", "roles",
                          "worker needs files in the same process, or a files.store and an events.store that both can "
                          "reach: mongodb://..., amqp://...");
        return;
    }
    const auto& urls = needed == Role::auth ? config.auth.urls : config.files.urls;
    if (urls.empty())
        report.add_at("", "roles",
                      fmt::format("{} needs {}: run it in the same process, or say in {}.urls where it listens",
                                  info.name, to_string(needed), to_string(needed)));
}

// What a process must be told when not all roles are in it.
void check_separate_process(const Config& config, const RoleSet& roles, Report& report)
{
    if (roles.complete() || roles.empty())
        return;
    bool announces = roles.has(Role::auth) || roles.has(Role::files);
    bool consumes = roles.has(Role::worker) || roles.has(Role::notifier);
    bool shares = (roles.has(Role::auth) && !is_embedded(config.auth.store)) ||
                  (roles.has(Role::files) && !is_embedded(config.files.store)) ||
                  (consumes && !(roles.has(Role::auth) && roles.has(Role::files)));
    if ((announces || consumes) && shares && is_embedded(config.events.store))
        report.add("events.store", "lies in this process alone, but roles of other processes need it: amqp://...");
    bool verifies = roles.has(Role::gateway) || roles.has(Role::auth) || roles.has(Role::files);
    bool whole_entrance = roles.has(Role::gateway) && roles.has(Role::auth) && roles.has(Role::files);
    if (((verifies && !whole_entrance) || roles.has(Role::notifier)) && config.gateway.public_url.empty())
        report.add("gateway.public_url",
                   "must be set, and the same, in processes that run some of the roles: it is the issuer of tokens and "
                   "where links in mails lead");
    bool asks_auth = !roles.has(Role::auth) && !config.auth.urls.empty() && (verifies || roles.has(Role::notifier));
    bool is_asked = roles.has(Role::auth) && !whole_entrance;
    if ((asks_auth || is_asked) && config.service_key.empty())
        report.add("service_key", "must be set, and the same, in processes that run some of the roles");
}

void check_roles(const Config& config, Report& report)
{
    for (std::size_t i = 0; i < config.roles.size(); ++i) {
        if (!is_role_word(config.roles[i]))
            report.add("roles", fmt::format("`{}` is no role; roles are gateway, auth, files, worker, notifier and all",
                                            config.roles[i]));
    }
    RoleSet roles = parse_roles(config.roles);
    if (roles.empty())
        report.add("roles", "names no role");
    for (const RoleInfo& info : all_roles()) {
        for (Role needed : info.needs) {
            if (roles.has(info.role) && !roles.has(needed))
                check_needed_role(config, info, needed, report);
        }
    }
    check_separate_process(config, roles, report);
}

void check_listen(const std::string& text, std::string_view key, Report& report)
{
    if (!parse_listen_address(text))
        report.add(key, fmt::format("must be ADDR:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080, not `{}`", text));
}

void check_url(const std::string& url, const std::string& key, Report& report)
{
    auto endpoint = http::parse_endpoint(url);
    if (!endpoint || endpoint->scheme != "http")
        report.add(key, fmt::format("must be http://host:port, not `{}`", url));
}

bool is_secure(const std::string& url)
{
    auto endpoint = http::parse_endpoint(url);
    return endpoint && endpoint->scheme == "https";
}

// Of a service that may speak TLS.
void check_service_url(const std::string& url, const std::string& key, Report& report)
{
    auto endpoint = http::parse_endpoint(url);
    if (!endpoint || (endpoint->scheme != "http" && endpoint->scheme != "https"))
        report.add(key, fmt::format("must be http://host:port or https://host:port, not `{}`", url));
}

void check_urls(const std::vector<std::string>& urls, const std::string& key, Report& report)
{
    for (std::size_t i = 0; i < urls.size(); ++i)
        check_url(urls[i], fmt::format("{}[{}]", key, i), report);
}

void check_addresses(const Config& config, Report& report)
{
    if (!config.gateway.listen.empty())
        check_listen(config.gateway.listen, "gateway.listen", report);
    check_listen(config.auth.listen, "auth.listen", report);
    check_listen(config.files.listen, "files.listen", report);
    check_listen(config.ops.listen, "ops.listen", report);
    check_urls(config.auth.urls, "auth.urls", report);
    check_urls(config.files.urls, "files.urls", report);
    if (!config.service_key.empty() && config.service_key.reveal().size() < identity::ServiceKey::characters_min)
        report.add("service_key",
                   fmt::format("must have at least {} characters", identity::ServiceKey::characters_min));
    auto ops = parse_listen_address(config.ops.listen);
    auto gateway = parse_listen_address(config.gateway.listen);
    auto tls = parse_listen_address(config.gateway.tls.listen);
    if (ops && ops->port != 0 && (ops == gateway || ops == tls))
        report.add("ops.listen", "is the gateway's address too");

    const std::string& url = config.gateway.public_url;
    auto parsed = http::parse_endpoint(url);
    bool fine = parsed && (parsed->scheme == "http" || parsed->scheme == "https") && parsed->prefix.empty() &&
                !url.ends_with('/') && url.find_first_of("?#@ ") == std::string::npos;
    if (!url.empty() && !fine)
        report.add("gateway.public_url",
                   "must be http:// or https:// and a host, with a port if need be and nothing behind it");
}

// What is wrong with the rest of a server's URL, as far as it can be told without its driver.
std::optional<std::string> find_server_error(const std::string& url)
{
    if (url.starts_with("mysql") || url.starts_with("mariadb")) {
        try {
            sql::parse_mysql_url(url);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    }
    if (url.starts_with("amqp")) {
        auto parsed = events::parse_amqp_url(url);
        if (!parsed)
            return parsed.error();
    }
    return std::nullopt;
}

void check_store(const std::string& url, std::string_view key, const StoreKind& kind, Report& report)
{
    auto wrong = find_store_error(url, kind);
    if (!wrong)
        wrong = find_server_error(url);
    if (wrong)
        report.add(key, *wrong);
}

void check_stores(const Config& config, Report& report)
{
    if (config.data.empty())
        report.add("data", "must name a directory");
    check_store(config.auth.store, "auth.store", auth_store_kind(), report);
    check_store(config.files.store, "files.store", files_store_kind(), report);
    check_store(config.events.store, "events.store", events_store_kind(), report);
    // The data directory of one process is not where the others look, and often gone when the store is not.
    if (config.auth.encryption_key.empty() && !is_embedded(config.auth.store) &&
        !find_store_error(config.auth.store, auth_store_kind()) && parse_roles(config.roles).has(Role::auth))
        report.add("auth.encryption_key",
                   "must be set, and the same, in every process that uses an auth.store on a server");
    if (!config.auth.encryption_key.empty() &&
        config.auth.encryption_key.reveal().size() < auth::SecretBox::characters_min)
        report.add("auth.encryption_key",
                   fmt::format("must have at least {} characters", auth::SecretBox::characters_min));
    // Each file has one writer; two of them on one would block each other.
    if (config.auth.store == config.events.store)
        report.add("events.store", "is the file of auth.store too: each needs one of its own");
}

void check_service(const Config& config, const gateway::RouteConfig& route, const std::string& path, Report& report)
{
    if (route.forward_auth) {
        if (!route.upstreams.empty() || !route.upstream.empty())
            report.add(path + (route.upstream.empty() ? ".upstreams" : ".upstream"),
                       "must be empty with forward_auth: the proxy that asks serves this path");
        if (!route.upgrade.empty())
            report.add(path + ".upgrade", "must be empty with forward_auth: the proxy that asks serves this path");
        return;
    }
    for (std::size_t i = 0; i < route.upgrade.size(); ++i)
        if (!gateway::is_upgrade_protocol(route.upgrade[i]))
            report.add(fmt::format("{}.upgrade[{}]", path, i),
                       "must be the name of a protocol in small letters, and not another form of HTTP or TLS");
    if (!route.upstream.empty()) {
        if (!route.upstreams.empty())
            report.add(path + ".upstreams", "must be empty where `upstream` names the service");
        auto named = std::ranges::find(config.gateway.upstreams, route.upstream, &gateway::UpstreamConfig::name);
        if (named == config.gateway.upstreams.end())
            report.add(path + ".upstream", fmt::format("`{}` is none of gateway.upstreams", route.upstream));
        else if (named->options.protocol == http::Protocol::http2 && !route.upgrade.empty())
            report.add(path + ".upgrade",
                       fmt::format("must be empty: `{}` speaks HTTP/2, which has no such change", route.upstream));
        return;
    }
    if (route.upstreams.empty())
        report.add(path + ".upstreams", "must name at least one upstream");
    if (route.upstreams.size() > http::EndpointSet::endpoints_max)
        report.add(path + ".upstreams", fmt::format("are more than {}", http::EndpointSet::endpoints_max));
    for (std::size_t i = 0; i < route.upstreams.size(); ++i)
        check_service_url(route.upstreams[i], fmt::format("{}.upstreams[{}]", path, i), report);
}

void check_endpoints(const gateway::UpstreamConfig& upstream, const std::string& key, Report& report)
{
    if (upstream.endpoints.empty() || upstream.endpoints.size() > http::EndpointSet::endpoints_max)
        report.add(key, fmt::format("must be 1 to {}", http::EndpointSet::endpoints_max));
    std::set<std::string_view> urls;
    for (std::size_t i = 0; i < upstream.endpoints.size(); ++i) {
        std::string path = fmt::format("{}[{}].url", key, i);
        const std::string& url = upstream.endpoints[i].url;
        check_service_url(url, path, report);
        if (!urls.insert(url).second)
            report.add(path, "stands here twice: give it more weight");
        if (upstream.options.protocol == http::Protocol::http2 && is_secure(url))
            report.add(path, "must be http://host:port: HTTP/2 is spoken with services without TLS alone");
    }
}

void check_upstreams(const Config& config, Report& report)
{
    const auto& upstreams = config.gateway.upstreams;
    // Other processes with the same file need not have the keys.
    bool reads_files = parse_roles(config.roles).has(Role::gateway);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < upstreams.size(); ++i) {
        const gateway::UpstreamConfig& upstream = upstreams[i];
        const http::UpstreamOptions& options = upstream.options;
        std::string key = fmt::format("gateway.upstreams[{}]", i);
        bool word = !upstream.name.empty() && upstream.name.size() <= 64 &&
                    std::ranges::all_of(upstream.name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
        if (!word)
            report.add(key + ".name", "must be small letters, digits and '-', 64 at most");
        else if (!names.insert(upstream.name).second)
            report.add(key + ".name", fmt::format("`{}` stands twice", upstream.name));
        check_endpoints(upstream, key + ".endpoints", report);
        if (reads_files) {
            bool secure =
                std::ranges::any_of(upstream.endpoints, [](const auto& endpoint) { return is_secure(endpoint.url); });
            check_client_tls(upstream.tls, secure, key + ".tls", report);
        }
        if (options.hash_balance_factor != 0 && options.hash_balance_factor < 100)
            report.add(key + ".hash_balance_factor", "must be 100 or more, or 0 for none");
        if (options.ejection.time > options.ejection.time_max)
            report.add(key + ".ejection.time", "must not be longer than ejection.time_max");
        const http::HealthOptions& health = options.health;
        if (!health.path.empty() && (!health.path.starts_with('/') || !http::is_unambiguous_path(health.path) ||
                                     health.path.find_first_of(" ?#") != std::string::npos))
            report.add(key + ".health.path", "must be a path that begins with /, without a query");
        if (health.timeout > health.interval)
            report.add(key + ".health.timeout", "must not be longer than health.interval");
    }
}

void check_routes(const Config& config, Report& report)
{
    for (const gateway::RouteError& error : gateway::find_gateway_errors(config.gateway))
        report.add("gateway." + error.key, error.what);
    const auto& routes = config.gateway.routes;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const gateway::RouteConfig& route = routes[i];
        std::string key = fmt::format("gateway.routes[{}]", i);
        for (const gateway::RouteError& error : gateway::find_route_errors(route, config.gateway))
            report.add(fmt::format("{}.{}", key, error.key), error.what);
        check_service(config, route, key, report);
        if (!route.permission.empty() && !is_permission(route.permission))
            report.add(key + ".permission",
                       fmt::format("`{}` is no permission: name:action, such as orders:read", route.permission));
        else if (!route.permission.empty() && route.authentication != gateway::Authentication::required)
            report.add(key + ".permission", "needs authentication: required");
        for (std::size_t j = 0; j < i; ++j) {
            if (gateway::routes_contradict(route, routes[j]))
                report.add(key, fmt::format("takes what gateway.routes[{}] takes already", j));
        }
    }
}

void check_issuers(const Config& config, Report& report)
{
    const auto& issuers = config.gateway.issuers;
    // Each is a task that fetches keys.
    constexpr std::size_t issuers_max = 8;
    if (issuers.size() > issuers_max)
        report.add("gateway.issuers", fmt::format("are more than {}", issuers_max));
    const std::string& own = config.auth.issuer.empty() ? config.gateway.public_url : config.auth.issuer;
    for (std::size_t i = 0; i < issuers.size(); ++i) {
        std::string key = fmt::format("gateway.issuers[{}]", i);
        if (auto wrong = gateway::find_issuer_error(issuers[i]))
            report.add(fmt::format("{}.{}", key, wrong->key), wrong->what);
        if (issuers[i].issuer == own)
            report.add(key + ".issuer", "is Gatehouse's own");
        for (std::size_t j = 0; j < i; ++j)
            if (issuers[j].issuer == issuers[i].issuer || issuers[j].name == issuers[i].name)
                report.add(key, fmt::format("has the issuer or the name of gateway.issuers[{}]", j));
    }
}

void check_worker(const Config& config, Report& report)
{
    // Each says its key first.
    for (const std::string& problem : worker::check(config.worker)) {
        std::size_t end = std::min(problem.find(": "), problem.size());
        report.add(problem.substr(0, end), std::string_view(problem).substr(std::min(end + 2, problem.size())));
    }
}

void check_notifier(const Config& config, Report& report)
{
    const notifier::Smtp& smtp = config.notifier.smtp;
    bool scheme = smtp.url.starts_with("smtp://") || smtp.url.starts_with("smtps://");
    if (!smtp.url.empty() && (!scheme || smtp.url.find("://") + 3 == smtp.url.size()))
        report.add("notifier.smtp.url", "must be smtp://host:port or smtps://host:port");
    else if (smtp.url.find('@') != std::string::npos)
        report.add("notifier.smtp.url", "must not hold user or password: notifier.smtp.username and .password do");
    if (smtp.url.empty() && !smtp.username.empty())
        report.add("notifier.smtp.username", "is set, but notifier.smtp.url is not");
    if (smtp.username.empty() && !smtp.password.empty())
        report.add("notifier.smtp.password", "is set, but notifier.smtp.username is not");
    if (config.notifier.from.find('@') == std::string::npos)
        report.add("notifier.from", "must be an address, such as Gatehouse <gatehouse@example.org>");
}

void check_key_times(const auth::Config& auth, Report& report)
{
    using std::chrono::seconds;
    // Two fetches have a pause of a second between them, and auth itself may be as late.
    constexpr seconds fetch_margin{3};
    if (auth.key_publish_ahead < auth.key_fetch_interval + fetch_margin)
        report.add("auth.key_publish_ahead",
                   fmt::format("must be at least {} longer than auth.key_fetch_interval: a key that signs before every "
                               "process has fetched it makes tokens that are refused",
                               format_duration(fetch_margin)));
    seconds life = auth.key_publish_ahead + auth::key_overlap(auth.access_token_ttl);
    seconds shortest = life / static_cast<seconds::rep>(auth::keys_published_max - 2) + seconds{1};
    if (auth.key_rotation_interval.count() != 0 && auth.key_rotation_interval < shortest)
        report.add("auth.key_rotation_interval",
                   fmt::format("must be 0 or at least {}, or more than {} keys are published at once",
                               format_duration(shortest), auth::keys_published_max));
}

void check_limits(const Config& config, Report& report)
{
    constexpr std::string_view algorithms[] = {"EdDSA", "ES256", "RS256"};
    if (std::ranges::find(algorithms, config.auth.signing_algorithm) == std::end(algorithms))
        report.add("auth.signing_algorithm", "must be EdDSA, ES256 or RS256");
    if (config.auth.audience.empty())
        report.add("auth.audience", "must not be empty");
    check_key_times(config.auth, report);
    if (config.auth.access_token_ttl > config.auth.refresh_token_ttl)
        report.add("auth.access_token_ttl", "must not outlive auth.refresh_token_ttl");
    if (config.auth.access_token_ttl > std::chrono::hours{24})
        report.add("auth.access_token_ttl", "must not be longer than 24h: revocations are kept for as long");
    if (config.events.retry.delay_first > config.events.retry.delay_max)
        report.add("events.delay_first", "must not be longer than events.delay_max");
    for (const files::ConfigError& error : files::find_config_errors(config.files))
        report.add("files." + error.key, error.what);
    if (config.files.upload_bytes_max > config.gateway.body_bytes_max)
        report.add("files.upload_bytes_max",
                   "must not be larger than gateway.body_bytes_max, which ends the upload first");
}

void check_tracing(const Config& config, Report& report)
{
    const std::string& url = config.tracing.endpoint;
    auto endpoint = http::parse_endpoint(url);
    if (!url.empty())
        check_service_url(url, "tracing.endpoint", report);
    check_client_tls(config.tracing.tls, endpoint && endpoint->scheme == "https", "tracing.tls", report);
    if (endpoint && endpoint->prefix.ends_with("/v1/traces"))
        report.add("tracing.endpoint", "must not name /v1/traces: that is added to it");
}

}  // namespace

void check_config(const Config& config, Report& report)
{
    check_roles(config, report);
    check_addresses(config, report);
    check_tls(config, report);
    check_proxies(config.gateway, report);
    check_http2(config.gateway.http2, report);
    check_stores(config, report);
    check_upstreams(config, report);
    check_routes(config, report);
    check_issuers(config, report);
    check_worker(config, report);
    check_notifier(config, report);
    check_limits(config, report);
    check_tracing(config, report);
}

bool is_permission(std::string_view text)
{
    if (text == "*")
        return true;
    if (text.empty() || text.size() > 128)
        return false;
    std::size_t begin = 0;
    while (true) {
        std::size_t end = std::min(text.find(':', begin), text.size());
        std::string_view part = text.substr(begin, end - begin);
        bool last = end == text.size();
        bool word = !part.empty() && std::ranges::all_of(part, [](char c) {
            return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
        });
        if (!word && !(last && begin != 0 && part == "*"))
            return false;
        if (last)
            return true;
        begin = end + 1;
    }
}

}  // namespace gatehouse::app
