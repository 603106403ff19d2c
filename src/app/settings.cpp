// SPDX-License-Identifier: Apache-2.0
#include "app/settings.hpp"

#include <array>

namespace gatehouse::app {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// An enumeration whose enumerators count from 0 in the order of `words`.
template <class Enum>
Choice choice(Enum& value, std::vector<std::string_view> words)
{
    Choice result;
    result.words = std::move(words);
    result.get = [&value] { return static_cast<std::size_t>(value); };
    result.set = [&value](std::size_t index) { value = static_cast<Enum>(index); };
    return result;
}

template <class T>
Items items(std::vector<T>& list, std::vector<Setting> (*settings_of)(T&))
{
    Items result;
    result.clear = [&list] { list.clear(); };
    result.add = [&list, settings_of] { return settings_of(list.emplace_back()); };
    result.all = [&list, settings_of] {
        std::vector<std::vector<Setting>> all;
        all.reserve(list.size());
        for (T& item : list)
            all.push_back(settings_of(item));
        return all;
    };
    result.prototype = [settings_of] {
        static T fresh;
        return settings_of(fresh);
    };
    return result;
}

std::vector<Setting> endpoint_settings(gateway::UpstreamEndpointConfig& endpoint)
{
    return {
        {"url", &endpoint.url, "where the service listens, http://host:port or https://host:port", Setting::required},
        {"weight", Count{&endpoint.weight, 1, 1'000}, "its share of the requests, beside the others'"},
    };
}

std::vector<Setting> upstream_settings(gateway::UpstreamConfig& upstream)
{
    http::UpstreamOptions& options = upstream.options;
    constexpr milliseconds shortest{10};
    return {
        {"name", &upstream.name, "by which routes refer to it: small letters, digits, '-'", Setting::required},
        {"endpoints", items(upstream.endpoints, endpoint_settings), "where the service listens, 1 to 64 of them",
         Setting::required},
        {"protocol", choice(options.protocol, {"http1", "http2"}),
         "what is spoken with the endpoints: HTTP/1.1, or HTTP/2 from the first byte and without TLS, as gRPC needs "
         "it"},
        {"balance", choice(options.balance, {"round_robin", "least_requests", "hash_user", "hash_address"}),
         "which endpoint takes a request: in turn; the less busy one of two chosen by chance; the same one for "
         "a user (or, without one, a client address), or for a client address"},
        {"hash_balance_factor", Count{&options.hash_balance_factor, 0, 1'000},
         "with a hash: how many requests an endpoint may have in progress, in percent of its share of them all (100 "
         "and "
         "up); what is more goes to the next one; 0: any number"},
        {"timeouts.connect", Milliseconds{&options.limits.connect, shortest}, "for a connection to an endpoint"},
        {"timeouts.first_byte", Milliseconds{&options.limits.first_byte, shortest},
         "from the sent request to the head of its answer"},
        {"timeouts.idle", Milliseconds{&options.limits.idle, shortest}, "between two pieces of a body, either way"},
        {"timeouts.tunnel_idle", Milliseconds{&options.limits.tunnel_idle, shortest},
         "without a byte in either direction after a change to WebSocket or another protocol"},
        {"timeouts.total", Milliseconds{&options.limits.total, milliseconds{0}},
         "for a request with all its tries and its whole answer; 0: no limit"},
        {"requests_max", Count{&options.requests_max, 0, 1'000'000},
         "requests in progress at the service; beyond it 503 at once; 0: as many as the endpoints may have"},
        {"connections_max", Count{&options.connections_max, 1, 100'000},
         "requests in progress at one endpoint; over HTTP/1.1 each on a connection of its own"},
        {"retry.attempts", Count{&options.retry.attempts, 0, 10},
         "times that an idempotent request without a body goes to yet another endpoint; one that could not be "
         "connected to is not counted"},
        {"retry.refusals", &options.retry.refusals, "an answer 502, 503 or 504 is tried again, too"},
        {"retry.budget_percent", Count{&options.retry.budget_percent, 0, 100}, "retries, as a part of the requests"},
        {"retry.per_second", Count{&options.retry.per_second, 0, 10'000},
         "retries that are allowed however few requests there are"},
        {"ejection.failures", Count{&options.ejection.failures, 1, 1'000},
         "failed tries in a row (no connection, no answer in time, a broken one, 502, 503, 504) after which an "
         "endpoint is left out"},
        {"ejection.time", Milliseconds{&options.ejection.time, milliseconds{100}},
         "for how long; it doubles when the endpoint fails again"},
        {"ejection.time_max", Milliseconds{&options.ejection.time_max, milliseconds{100}}, "longest such time"},
        {"ejection.percent_max", Count{&options.ejection.percent_max, 0, 100},
         "how many of the endpoints may be left out at once; when none is fit all are asked"},
        {"ejection.slow_start", Milliseconds{&options.ejection.slow_start, milliseconds{0}},
         "how long the share of an endpoint that comes back grows"},
        {"health.path", &options.health.path, "asked of every endpoint with GET; empty: no such checks"},
        {"health.interval", Milliseconds{&options.health.interval, milliseconds{100}}, "between two checks"},
        {"health.timeout", Milliseconds{&options.health.timeout, shortest}, "for the answer"},
        {"health.status", Count{&options.health.status, 200, 599}, "the answer of a healthy endpoint"},
        {"health.healthy_after", Count{&options.health.healthy_after, 1, 100}, "good answers in a row"},
        {"health.unhealthy_after", Count{&options.health.unhealthy_after, 1, 100}, "bad ones, or none, in a row"},
        {"tls.authorities", &upstream.tls.authorities,
         "for endpoints with https://: PEM file of the authorities that may vouch for them; empty: the system's. The "
         "files of TLS are read again at every reload"},
        {"tls.server_name", &upstream.tls.server_name,
         "name or address that their certificates must be valid for; empty: the host of the URL"},
        {"tls.certificate", &upstream.tls.identity.certificate,
         "PEM file with Gatehouse's own certificate for services that ask for one, followed by the chain to its "
         "authority; empty: none"},
        {"tls.key", &upstream.tls.identity.key, "PEM file with the key of that certificate, without a password"},
    };
}

using RateLimitKeys = std::array<std::string_view, 4>;  // requests, per, burst, key

void add_rate_limit_settings(std::vector<Setting>& table, gateway::RateLimitConfig& limit, const RateLimitKeys& keys,
                             std::string_view requests, unsigned flags = Setting::plain)
{
    table.insert(table.end(),
                 {
                     {keys[0], Count{&limit.requests, 0, 1'000'000}, requests, flags},
                     {keys[1], Seconds{&limit.per, seconds{1}}, "time in which that many come back", flags},
                     {keys[2], Count{&limit.burst, 0, 1'000'000}, "requests at once; 0: as many as `requests`", flags},
                     {keys[3], choice(limit.key, {"address", "user", "route", "none"}),
                      "whose requests are counted together: of an address (IPv6: of its /64), of a user (an anonymous "
                      "caller's by the address), or of all; none: no limit",
                      flags},
                 });
}

void add_header_edit_settings(std::vector<Setting>& table, gateway::HeaderEditsConfig& edits,
                              const std::array<std::string_view, 3>& keys)
{
    table.insert(table.end(), {
                                  {keys[0], &edits.remove, "names of fields that are taken out, first"},
                                  {keys[1], &edits.set, "fields, `Name: value`, instead of any of that name"},
                                  {keys[2], &edits.add, "fields, `Name: value`, beside those of that name"},
                              });
}

void add_route_policy_settings(std::vector<Setting>& table, gateway::RouteConfig& route)
{
    add_rate_limit_settings(table, route.rate_limit,
                            {"rate_limit.requests", "rate_limit.per", "rate_limit.burst", "rate_limit.key"},
                            "requests that may come in `per`; 0: as gateway.rate_limit says");
    table.insert(
        table.end(),
        {
            {"cors.origins", &route.cors.origins,
             "origins whose pages may use the route, such as https://app.example.com; \"*\": all; empty: no CORS"},
            {"cors.methods", &route.cors.methods,
             "methods that they may use; empty: the route's, or GET, POST, PUT, PATCH and DELETE"},
            {"cors.headers", &route.cors.headers, "request fields that they may send beyond the plain ones, or \"*\""},
            {"cors.expose", &route.cors.expose, "response fields that their scripts may read, or \"*\""},
            {"cors.credentials", &route.cors.credentials, "whether browsers send cookies along; not with all origins"},
            {"cors.max_age", Seconds{&route.cors.max_age, seconds{0}}, "how long browsers may keep the answer"},
        });
    add_header_edit_settings(table, route.request_headers,
                             {"request_headers.remove", "request_headers.set", "request_headers.add"});
    add_header_edit_settings(table, route.response_headers,
                             {"response_headers.remove", "response_headers.set", "response_headers.add"});
    table.insert(
        table.end(),
        {
            {"maintenance.enabled", &route.maintenance.enabled, "answer every request 503 maintenance"},
            {"maintenance.message", &route.maintenance.message, "what people are told"},
            {"maintenance.retry_after", Seconds{&route.maintenance.retry_after, seconds{1}},
             "when clients are told to come again"},
            {"compression.enabled", &route.compression.enabled,
             "compress answers with brotli or gzip; not where secrets and what others chose are in one answer"},
            {"compression.types", &route.compression.types, "media types that are compressed"},
            {"compression.min_bytes", Size{&route.compression.min_bytes, 0}, "smaller bodies stay as they are"},
        });
}

std::vector<Setting> route_settings(gateway::RouteConfig& route)
{
    std::vector<Setting> table{
        {"path", &route.path,
         "whole segments: /orders takes /orders and /orders/7, /orders/{id} takes any segment in its place",
         Setting::required},
        {"match", choice(route.match, {"prefix", "exact"}), "whether what is below `path` belongs to the route too"},
        {"methods", &route.methods, "methods that the route takes; empty: all"},
        {"hosts", &route.hosts, "hosts that the route is for, such as shop.example.com or *.example.com; empty: all"},
        {"headers", &route.headers, "header fields that must be there: name=value, or name with any value"},
        {"upstream", &route.upstream, "the service: a name from gateway.upstreams"},
        {"upstreams", &route.upstreams,
         "for short, instead of a name: where the service listens, http://host:port or https://host:port, one or more"},
        {"authentication", choice(route.authentication, {"required", "optional", "none"}),
         "whether a valid access token must be there"},
        {"permission", &route.permission, "permission that the user needs; empty: any user"},
        {"strip_prefix", &route.strip_prefix, "the service sees the path without `path`"},
        {"rewrite", &route.rewrite,
         "path that the service sees instead of `path`, such as /v2/{id}/items; what is below follows"},
        {"preserve_host", &route.preserve_host, "the service sees the client's Host field instead of its own"},
        {"body_bytes_max", Size{&route.body_bytes_max, 0}, "largest request body; 0: the gateway's"},
        {"revocation_stale", choice(route.revocation_stale, {"allow", "ask", "deny"}),
         "what happens to a request with a valid token while the list of revoked ones is older than "
         "gateway.revocation_max_age: it passes, auth is asked about it, or it is answered 503"},
        {"upgrade", &route.upgrade,
         "protocols that a connection may change to, such as websocket; empty: none, and such a wish is ignored"},
        {"forward_auth", &route.forward_auth, "another proxy serves this path and asks /validate: no upstreams"},
    };
    add_route_policy_settings(table, route);
    return table;
}

std::vector<Setting> issuer_settings(gateway::IssuerConfig& issuer)
{
    return {
        {"name", &issuer.name,
         "stands in front of its users' ids and names, as in corp:4711: small letters, digits, '-'", Setting::required},
        {"issuer", &issuer.issuer, "iss of its tokens, to the letter", Setting::required},
        {"audience", &issuer.audience, "aud of its tokens", Setting::required},
        {"jwks_url", &issuer.jwks_url,
         "where its keys are, https://, or http:// on this host; empty: as its discovery document says"},
        {"ca", &issuer.ca, "file with the certificate authorities that vouch for it; empty: the system's"},
        {"algorithms", &issuer.algorithms, "that it may sign with; empty: EdDSA, ES256 and RS256"},
        {"require_access_token_type", &issuer.require_access_token_type,
         "typ must be at+jwt (RFC 9068); else it may be JWT or missing"},
        {"username_claim", &issuer.username_claim, "claim with the user's name; when it is missing, sub"},
        {"roles_claim", &issuer.roles_claim,
         "claim with a list or a text of words: groups, scope, realm_access.roles; empty: no roles"},
        {"roles", &issuer.roles, "value=role: what a value of that claim means here; others mean nothing"},
        {"permissions", &issuer.permissions, "role=permission: what such a role may"},
    };
}

std::vector<Setting> processor_settings(worker::Processor& processor)
{
    return {
        {"name", &processor.name, "names the derived files: small letters, digits and '-'", Setting::required},
        {"types", &processor.types, "media types it takes, such as video/* or image/png", Setting::required},
        {"command", &processor.command,
         "program and arguments, {input} and {output} stand for paths; builtin:audio and builtin:thumbnail are shipped",
         Setting::required},
        {"suffix", &processor.suffix, "of the derived file's name, such as .mp3", Setting::required},
        {"timeout", Seconds{&processor.timeout, seconds{1}}, "wall-clock limit; then the program is killed"},
        {"memory_bytes_max", Size{&processor.memory_bytes_max, 1U << 20U}, "address space of the program"},
        {"output_bytes_max", Size{&processor.output_bytes_max, 1}, "largest file that it may write"},
    };
}

void add_process_settings(std::vector<Setting>& table, Config& config)
{
    table.insert(
        table.end(),
        {
            {"data", &config.data, "directory that holds everything the embedded stores keep"},
            {"roles", &config.roles,
             "roles that this process runs: all, or some of gateway, auth, files, worker, notifier"},
            {"service_key", &config.service_key,
             "by which the roles know each other, at least 32 characters, the same in every process; empty: one made "
             "for "
             "the data directory",
             Setting::secret},

            {"log.format", choice(config.log.format, {"auto", "text", "json"}), "auto: text on a terminal, else json"},
            {"log.level", choice(config.log.level, {"debug", "info", "warn", "error"}), "least level that is written",
             Setting::reloadable},

            {"ops.listen", &config.ops.listen, "address of /livez, /readyz, /startupz and /metrics"},

            {"io.threads", Count{&config.io.threads, 0, 256}, "I/O threads; 0: one for each core"},
        });
}

std::vector<Setting> certificate_settings(http::CertificateFiles& files)
{
    return {
        {"certificate", &files.certificate, "PEM file: the certificate, then those that lead to its authority",
         Setting::required},
        {"key", &files.key, "PEM file with its private key, without a password", Setting::required},
    };
}

void add_tls_settings(std::vector<Setting>& table, gateway::TlsConfig& tls)
{
    table.insert(
        table.end(),
        {
            {"gateway.tls.listen", &tls.listen, "public address of HTTPS, ADDR:PORT; empty: none"},
            {"gateway.tls.certificates", items(tls.certificates, certificate_settings),
             "chosen by the name that a client asks for, out of the names in them; the first is for all other names. "
             "The files are read again at every reload",
             Setting::reloadable},
            {"gateway.tls.version_min", choice(tls.version_min, {"1.2", "1.3"}), "oldest version of TLS"},
            {"gateway.tls.handshake_timeout", Milliseconds{&tls.handshake_timeout, milliseconds{100}},
             "how long a client may take for it"},
            {"gateway.tls.redirect", &tls.redirect, "what comes to gateway.listen is sent to https:// (308)",
             Setting::reloadable},
            {"gateway.tls.hsts", Seconds{&tls.hsts, seconds{0}},
             "how long browsers shall use https:// alone (Strict-Transport-Security); 0: they are not told",
             Setting::reloadable},
        });
}

void add_proxy_settings(std::vector<Setting>& table, gateway::Config& gateway)
{
    table.insert(table.end(),
                 {
                     {"gateway.trusted_proxies", &gateway.trusted_proxies,
                      "addresses and ranges (10.0.0.0/8) of proxies in front of the gateway: what they say about their "
                      "client by "
                      "X-Forwarded-For, -Proto and -Host is believed; from others these fields mean nothing",
                      Setting::reloadable},
                     {"gateway.proxy_protocol", &gateway.proxy_protocol,
                      "every connection from gateway.trusted_proxies must begin with a PROXY header of version 2"},
                     {"gateway.connections_per_address_max", Count{&gateway.connections_per_address_max, 0, 1'000'000},
                      "connections that one client may hold open, an IPv4 address or an IPv6 network of 64 bits; "
                      "trusted proxies "
                      "may hold any number; 0: no limit"},
                 });
}

void add_gateway_settings(std::vector<Setting>& table, gateway::Config& gateway)
{
    add_rate_limit_settings(
        table, gateway.rate_limit,
        {"gateway.rate_limit.requests", "gateway.rate_limit.per", "gateway.rate_limit.burst", "gateway.rate_limit.key"},
        "requests that may come in `per` to all routes without a limit of their own, Gatehouse's among them; 0: any",
        Setting::reloadable);
    table.push_back({"gateway.rate_limit_buckets", Count{&gateway.rate_limit_buckets, 1'024, 16'777'216},
                     "addresses and users that are counted at a time, 16 bytes each; a change forgets what was counted",
                     Setting::reloadable});
    table.insert(
        table.end(),
        {
            {"gateway.listen", &gateway.listen,
             "public address, ADDR:PORT; port 0 is any free one; empty: gateway.tls.listen alone"},
            {"gateway.public_url", &gateway.public_url,
             "how clients reach the gateway, also the issuer of tokens; empty: https:// or http:// and the listen "
             "address"},
            {"gateway.access_log", &gateway.access_log, "one log line for each request", Setting::reloadable},
            {"gateway.access_log_sample_ratio", Ratio{&gateway.access_log_sampling.ratio},
             "the part of the requests that are logged; those that failed or were slow always are",
             Setting::reloadable},
            {"gateway.access_log_slow", Milliseconds{&gateway.access_log_sampling.slow, milliseconds{0}},
             "from this duration on a request is slow", Setting::reloadable},
            {"gateway.body_bytes_max", Size{&gateway.body_bytes_max, 1}, "largest request body", Setting::reloadable},
            {"gateway.drain", Milliseconds{&gateway.drain, milliseconds{0}},
             "how long requests may take to finish at the end", Setting::reloadable},
            {"gateway.drain_delay", Milliseconds{&gateway.drain_delay, milliseconds{0}},
             "at the end, how long everything goes on while /readyz says no, and how long idle connections have for "
             "one more request after that",
             Setting::reloadable},
            {"gateway.recent_requests", Count{&gateway.recent_requests, 0, 1'000'000},
             "how many requests /admin/requests knows, less than a kilobyte each; 0: none", Setting::reloadable},
            {"gateway.reuse_port", &gateway.reuse_port,
             "another gateway of the same user may listen on the same address: the next one, while this one ends"},
            {"gateway.revocation_max_age", Milliseconds{&gateway.revocation_max_age, milliseconds{100}},
             "how old the list of revoked tokens may be before the routes' revocation_stale decides",
             Setting::reloadable},
            {"gateway.revocation_stale", choice(gateway.revocation_stale, {"allow", "ask", "deny"}),
             "the same as in gateway.routes, for Gatehouse's own routes", Setting::reloadable},
            {"gateway.upstreams", items(gateway.upstreams, upstream_settings),
             "services of your own, to which routes refer by name", Setting::reloadable},
            {"gateway.routes", items(gateway.routes, route_settings), "routes to services of your own",
             Setting::reloadable},
            {"gateway.issuers", items(gateway.issuers, issuer_settings),
             "other issuers whose tokens those routes accept; Gatehouse's own routes never do"},
        });
}

void add_http2_settings(std::vector<Setting>& table, gateway::Http2Config& http2)
{
    table.insert(table.end(),
                 {
                     {"gateway.http2", &http2.enabled,
                      "offer HTTP/2 to clients; false: HTTP/1.1 is all that is offered and accepted"},
                     {"gateway.http2_cleartext", &http2.cleartext,
                      "speak HTTP/2 without TLS with clients that begin with it, such as a proxy in front"},
                 });
}

void add_overload_settings(std::vector<Setting>& table, gateway::OverloadConfig& overload)
{
    table.insert(
        table.end(),
        {
            {"gateway.overload.requests_max", Count{&overload.requests_max, 0, 10'000'000},
             "requests that may wait for the head of their answer; from 70 % of it on logins are answered 503, "
             "then anonymous requests, then those of users that can be repeated, at last all; 0: 4096 for each I/O "
             "thread",
             Setting::reloadable},
            {"gateway.overload.lag_max", Milliseconds{&overload.lag_max, milliseconds{0}},
             "how late an I/O thread may be with its work until the same happens; 0: however late",
             Setting::reloadable},
        });
}

void add_auth_settings(std::vector<Setting>& table, auth::Config& auth)
{
    table.insert(
        table.end(),
        {
            {"auth.listen", &auth.listen, "address of the role where not all roles are one process"},
            {"auth.urls", &auth.urls, "where processes without the role reach it: http://host:port, one or more"},
            {"auth.store", &auth.store,
             "users, sessions and keys: sqlite:FILE, relative to the data directory, or "
             "mysql://user:password@host/name",
             Setting::url},
            {"auth.encryption_key", &auth.encryption_key,
             "encrypts signing keys and second factors in the store, at least 32 characters, the same in every process "
             "with that store; empty: one made for the data directory, with sqlite: alone",
             Setting::secret},
            {"auth.issuer", &auth.issuer, "iss of the tokens; empty: the gateway's public URL"},
            {"auth.audience", &auth.audience, "aud of the tokens"},
            {"auth.signing_algorithm", &auth.signing_algorithm,
             "of the keys that are made from now on: EdDSA, ES256 or RS256"},
            {"auth.key_publish_ahead", Seconds{&auth.key_publish_ahead, seconds{1}},
             "how long a new signing key is published before it signs: longer than any verifier keeps the keys"},
            {"auth.key_rotation_interval", Seconds{&auth.key_rotation_interval, seconds{0}},
             "how long a signing key signs before the next one does; 0: until `gatehouse key rotate`"},
            {"auth.key_fetch_interval", Seconds{&auth.key_fetch_interval, seconds{1}},
             "how often processes without auth fetch the published keys"},
            {"auth.access_token_ttl", Seconds{&auth.access_token_ttl, seconds{1}}, "life of an access token"},
            {"auth.refresh_token_ttl", Seconds{&auth.refresh_token_ttl, seconds{1}},
             "life of a refresh token, and of a session that is not refreshed"},
            {"auth.session_ttl", Seconds{&auth.session_ttl, seconds{1}}, "life of a session, however often refreshed"},
            {"auth.registration", &auth.registration, "whether anybody may register, by a link in a mail"},
            {"auth.hash_threads", Count{&auth.hash_threads, 1, 64},
             "threads that hash passwords, 19 MiB each while they do"},
            {"auth.hash_queue_max", Count{&auth.hash_queue_max, 1, 100'000},
             "logins that may wait for one; beyond it they are answered 503"},
            {"auth.throttle.enabled", &auth.throttle.enabled, "slow down who guesses passwords"},
            {"auth.throttle.account_failures", Count{&auth.throttle.account_failures, 1, 1'000'000},
             "failed logins to one account after which further ones must wait, 1, 2, 4 ... 60 seconds"},
            {"auth.throttle.address_failures", Count{&auth.throttle.address_failures, 1, 1'000'000},
             "the same, from one address"},
        });
}

std::vector<Setting> role_quota_settings(files::RoleQuota& quota)
{
    return {
        {"role", &quota.role, "a role of the user", Setting::required},
        {"bytes", Size{&quota.bytes, 0}, "what the user may store; 0: no limit", Setting::required},
    };
}

void add_files_settings(std::vector<Setting>& table, files::Config& files)
{
    table.insert(
        table.end(),
        {
            {"files.listen", &files.listen, "address of the role where not all roles are one process"},
            {"files.urls", &files.urls, "where processes without the role reach it: http://host:port, one or more"},
            {"files.store", &files.store,
             "content and records: local:DIRECTORY, relative to the data directory, or mongodb://host/name",
             Setting::url},
            {"files.upload_bytes_max", Size{&files.upload_bytes_max, 1}, "largest file"},
            {"files.quota_bytes", Size{&files.quota_bytes, 0},
             "how much the uploads of one user may be together, without what is made from them; 0: no limit"},
            {"files.quota_by_role", items(files.quota_by_role, role_quota_settings),
             "the same for those who have a role; of several the largest counts"},
            {"files.allowed_types", &files.allowed_types,
             "media types of files that are accepted, such as image/* or application/pdf, by their content; empty: "
             "all"},
            {"files.trash_ttl", Milliseconds{&files.trash_ttl, milliseconds{0}},
             "how long a removed upload stays in the trash, where it can be restored and counts for the quota; 0: it "
             "is "
             "removed for good at once"},
            {"files.link_lifetime_max", Seconds{&files.link_lifetime_max, seconds{1}},
             "longest life of a link by which anybody may download a file"},
            {"files.event_streams_max", Count{&files.event_streams_max, 1, 100'000},
             "streams of GET /events at once, in each process; beyond it they are answered 503"},
            {"files.event_streams_per_user", Count{&files.event_streams_per_user, 1, 1'000},
             "of them those of one user; beyond it they are answered 429"},
            {"files.upload_ttl", Milliseconds{&files.upload_ttl, milliseconds{1'000}},
             "how long an unfinished resumable upload is kept after the last of it arrived"},
            {"files.unfinished_uploads_max", Count{&files.unfinished_uploads_max, 1, 1'000'000},
             "unfinished resumable uploads of one user at a time"},
            {"files.abandoned_after", Milliseconds{&files.abandoned_after, milliseconds{1'000}},
             "MongoDB alone: when the chunks of an upload that nobody works on, or of a removed file, are swept; a "
             "download of a removed file may take this long"},
        });
}

void add_worker_settings(std::vector<Setting>& table, worker::Config& worker)
{
    table.insert(table.end(), {
                                  {"worker.jobs", Count{&worker.jobs, 1, 64}, "files processed at once"},
                                  {"worker.ffmpeg", &worker.ffmpeg, "the ffmpeg program: a name on PATH, or a path"},
                                  {"worker.processors", items(worker.processors, processor_settings),
                                   "programs that make derived files; a list here replaces the shipped one"},
                              });
}

void add_notifier_settings(std::vector<Setting>& table, notifier::Config& notifier)
{
    table.insert(
        table.end(),
        {
            {"notifier.smtp.url", &notifier.smtp.url,
             "smtp://host:port or smtps://host; empty: mails become .eml files in the data directory", Setting::url},
            {"notifier.smtp.username", &notifier.smtp.username, "empty: no authentication"},
            {"notifier.smtp.password", &notifier.smtp.password, "of that user", Setting::secret},
            {"notifier.smtp.starttls", &notifier.smtp.starttls,
             "smtp:// must become TLS; false only for a relay on the same host"},
            {"notifier.from", &notifier.from, "sender of the mails"},
            {"notifier.jobs", Count{&notifier.jobs, 1, 64}, "mails sent at once"},
        });
}

void add_events_settings(std::vector<Setting>& table, EventsConfig& events)
{
    table.insert(table.end(), {
                                  {"events.store", &events.store,
                                   "the queue: sqlite:FILE, relative to the data directory, or "
                                   "amqp://user:password@host/vhost",
                                   Setting::url},
                                  {"events.attempts_max", Number{&events.retry.attempts_max, 1, 100},
                                   "tries before an event becomes a dead letter"},
                                  {"events.delay_first", Milliseconds{&events.retry.delay_first, milliseconds{1}},
                                   "pause before the second try; it doubles with each"},
                                  {"events.delay_max", Milliseconds{&events.retry.delay_max, milliseconds{1}},
                                   "longest pause between two tries"},
                              });
}

void add_tracing_settings(std::vector<Setting>& table, TracingConfig& tracing)
{
    table.insert(table.end(),
                 {
                     {"tracing.endpoint", &tracing.endpoint,
                      "OTLP collector, http://host:4318 or https://, that spans are sent to, at /v1/traces below it; "
                      "empty: none are recorded"},
                     {"tracing.tls.authorities", &tracing.tls.authorities,
                      "for a collector with https://: PEM file of the authorities that may vouch for it; empty: the "
                      "system's"},
                     {"tracing.tls.server_name", &tracing.tls.server_name,
                      "name or address that its certificate must be valid for; empty: the host of the URL"},
                     {"tracing.tls.certificate", &tracing.tls.identity.certificate,
                      "PEM file with Gatehouse's own certificate for a collector that asks for one; empty: none"},
                     {"tracing.tls.key", &tracing.tls.identity.key,
                      "PEM file with the key of that certificate, without a password"},
                     {"tracing.sample_ratio", Ratio{&tracing.sample_ratio},
                      "the part of the traces that are recorded, of those that begin at the gateway"},
                     {"tracing.continue_traces", &tracing.continue_traces,
                      "go on with a trace that the client began, and record it when the client does; false: every "
                      "request begins a trace of its own"},
                     {"tracing.queue_max", Count{&tracing.queue_max, 64, 1'000'000},
                      "finished spans that may wait for the collector; beyond it they are dropped"},
                     {"tracing.timeout", Milliseconds{&tracing.timeout, milliseconds{100}},
                      "how long the collector may take to answer"},
                 });
}

}  // namespace

std::vector<Setting> settings(Config& config)
{
    std::vector<Setting> table;
    add_process_settings(table, config);
    add_gateway_settings(table, config.gateway);
    add_http2_settings(table, config.gateway.http2);
    add_overload_settings(table, config.gateway.overload);
    add_tls_settings(table, config.gateway.tls);
    add_proxy_settings(table, config.gateway);
    add_auth_settings(table, config.auth);
    add_files_settings(table, config.files);
    add_worker_settings(table, config.worker);
    add_notifier_settings(table, config.notifier);
    add_events_settings(table, config.events);
    add_tracing_settings(table, config.tracing);
    return table;
}

const std::vector<Section>& sections()
{
    static const std::vector<Section> all{
        {"", "The process"},
        {"log", "The log, on standard error"},
        {"ops", "Probes and metrics"},
        {"io", "I/O threads"},
        {"gateway", "The public entrance"},
        {"auth", "Users, sessions and tokens"},
        {"files", "Uploads and downloads"},
        {"worker", "Work on uploaded files"},
        {"notifier", "Mail"},
        {"events", "The queue between the roles"},
        {"tracing", "Spans for a collector of traces"},
    };
    return all;
}

}  // namespace gatehouse::app
