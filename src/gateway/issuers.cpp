// SPDX-License-Identifier: Apache-2.0
#include "gateway/issuers.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "gateway/issuer_rules.hpp"
#include "http/https_get.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace gatehouse::gateway {

namespace {

// Their keys change rarely. Anybody can name a key that does not exist, so it is not asked for often.
constexpr identity::KeyFetcher::Pace pace{
    .refresh = std::chrono::minutes{5}, .cool_down = std::chrono::seconds{10}, .backoff_max = std::chrono::seconds{60}};
// Two of them are one fetch.
constexpr std::chrono::milliseconds get_time_max{4'500};
constexpr std::size_t token_bytes_max = 8 * 1024;

// Where the issuer says that its keys are (OpenID Connect Discovery section 4).
std::string find_jwks_url(const IssuerConfig& config, http::HttpsGet get)
{
    std::string base = config.issuer;
    while (base.ends_with('/'))
        base.pop_back();
    get.url = base + "/.well-known/openid-configuration";
    auto document = parse_json(http::https_get(get));
    if (!document || !document->is_object())
        throw Unavailable(fmt::format("{}: no JSON object", get.url));
    if (find_string(document->get_object(), "issuer") != config.issuer)
        throw Unavailable(fmt::format("{}: speaks for another issuer", get.url));
    auto url = find_string(document->get_object(), "jwks_uri");
    if (!url)
        throw Unavailable(fmt::format("{}: says no jwks_uri", get.url));
    // Who answers over TLS may not send us to somebody who does not.
    if (config.issuer.starts_with("https://") && !url->starts_with("https://"))
        throw Unavailable(fmt::format("{}: jwks_uri is not https://", get.url));
    return *url;
}

std::string get_key_set(const IssuerConfig& config, const std::atomic<bool>& interrupted)
{
    http::HttpsGet get;
    get.ca = config.ca;
    get.time_max = get_time_max;
    get.interrupted = &interrupted;
    get.url = config.jwks_url.empty() ? find_jwks_url(config, get) : config.jwks_url;
    return http::https_get(get);
}

}  // namespace

struct Issuers::Issuer {
    Issuer(IssuerConfig its_config, std::size_t threads, const identity::RevocationList& revocations,
           const Clock& clock)
        : config(std::move(its_config)), rules(issuer_rules(config)),
          authenticators(threads, [this, &revocations, &clock](std::size_t) {
              auto verify = [this](std::string_view token, const identity::KeySet& set, TimePoint now) {
                  return identity::verify_external_token(token, set, rules, now);
              };
              identity::Authenticator::Verifier verifier{std::move(verify), rules.leeway, rules.token_bytes_max};
              return std::make_unique<identity::Authenticator>(keys, revocations, std::move(verifier), clock);
          })
    {
    }

    IssuerConfig config;
    identity::ExternalRules rules;
    identity::KeySource keys;
    PerThread<identity::Authenticator> authenticators;
    std::unique_ptr<identity::KeyFetcher> fetcher;
};

Issuers::Issuers(const std::vector<IssuerConfig>& configs, std::size_t threads,
                 const identity::RevocationList& revocations, const Clock& clock)
    : pool_({.name = "issuers"})
{
    for (const IssuerConfig& config : configs) {
        auto& issuer = *issuers_.emplace_back(std::make_unique<Issuer>(config, threads, revocations, clock));
        auto get = [this, &issuer]() -> Task<std::string> {
            auto fetch = [this, &issuer] { return get_key_set(issuer.config, interrupted_); };
            return pool_.run(std::move(fetch));
        };
        issuer.fetcher = std::make_unique<identity::KeyFetcher>(config.issuer, std::move(get), issuer.keys, pace);
    }
}

Issuers::~Issuers() = default;

identity::Authenticator* Issuers::find(std::string_view token)
{
    if (issuers_.empty() || token.size() > token_bytes_max)
        return nullptr;
    // One that was verified before need not be taken apart to see whose it is.
    for (auto& issuer : issuers_)
        if (issuer->authenticators.local().remembers(token))
            return &issuer->authenticators.local();
    auto named = identity::peek_issuer(token);
    if (!named)
        return nullptr;
    for (auto& issuer : issuers_)
        if (issuer->config.issuer == *named)
            return &issuer->authenticators.local();
    return nullptr;
}

std::vector<Task<void>> Issuers::fetchers()
{
    std::vector<Task<void>> tasks;
    tasks.reserve(issuers_.size());
    for (auto& issuer : issuers_)
        tasks.push_back(issuer->fetcher->run());
    return tasks;
}

void Issuers::interrupt() { interrupted_.store(true); }

void Issuers::stop() { pool_.stop(); }

}  // namespace gatehouse::gateway
