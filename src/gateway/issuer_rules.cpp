// SPDX-License-Identifier: Apache-2.0
#include "gateway/issuer_rules.hpp"

#include "gateway/gateway.hpp"
#include "http/https_get.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace gatehouse::gateway {

namespace {

// "value=role": the last '=' divides, as a value may have one.
std::optional<std::pair<std::string, std::string>> split_pair(const std::string& text)
{
    std::size_t at = text.rfind('=');
    if (at == text.npos || at == 0 || at + 1 == text.size())
        return std::nullopt;
    return std::pair(text.substr(0, at), text.substr(at + 1));
}

bool is_name(std::string_view text)
{
    return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

std::optional<IssuerError> find_pair_error(std::string_view key, const std::vector<std::string>& pairs)
{
    for (const std::string& pair : pairs)
        if (!split_pair(pair))
            return IssuerError{key, fmt::format("must be two words with = between them, not `{}`", pair)};
    return std::nullopt;
}

}  // namespace

std::optional<IssuerError> find_issuer_error(const IssuerConfig& config)
{
    if (!is_name(config.name))
        return IssuerError{"name", "must be small letters, digits and -, at most 32"};
    if (config.audience.empty())
        return IssuerError{"audience", "must not be empty"};
    constexpr std::string_view place = "must be https://, or http:// to this host";
    if (!http::is_fetchable_url(config.jwks_url.empty() ? config.issuer : config.jwks_url))
        return IssuerError{config.jwks_url.empty() ? "issuer" : "jwks_url", std::string(place)};
    for (const std::string& name : config.algorithms)
        if (!identity::find_algorithm(name))
            return IssuerError{"algorithms", fmt::format("`{}` is none of EdDSA, ES256, RS256", name)};
    if (auto wrong = find_pair_error("roles", config.roles))
        return wrong;
    return find_pair_error("permissions", config.permissions);
}

identity::ExternalRules issuer_rules(const IssuerConfig& config)
{
    if (auto wrong = find_issuer_error(config))
        throw std::runtime_error(fmt::format("gateway.issuers: {}: {}: {}", config.issuer, wrong->key, wrong->what));
    identity::ExternalRules rules;
    rules.name = config.name;
    rules.issuer = config.issuer;
    rules.audience = config.audience;
    for (const std::string& name : config.algorithms)
        rules.algorithms.push_back(*identity::find_algorithm(name));
    rules.require_access_token_type = config.require_access_token_type;
    rules.username_claim = config.username_claim;
    rules.roles_claim = config.roles_claim;
    for (const std::string& pair : config.roles)
        rules.roles.push_back(*split_pair(pair));
    for (const std::string& pair : config.permissions)
        rules.permissions.push_back(*split_pair(pair));
    return rules;
}

}  // namespace gatehouse::gateway
