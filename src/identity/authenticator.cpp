// SPDX-License-Identifier: Apache-2.0
#include "identity/authenticator.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "identity/bearer.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>

namespace gatehouse::identity {

// A table of sets with four places each: a token can only be in the set that its hash names, the place used longest ago
// is given to the next. Bounded work and no allocation for a token that is there.
class Authenticator::Cache final {
public:
    struct Entry {
        std::string token;
        Claims claims;
    };

    explicit Cache(std::size_t entries_max) : set_count_(std::bit_floor(std::max<std::size_t>(entries_max / ways, 1)))
    {
        std::string bytes = random_bytes(key_.size());
        std::ranges::copy(bytes, key_.begin());
    }

    // Null when it is not there.
    const std::shared_ptr<const Entry>* find(std::string_view token)
    {
        if (places_.empty())
            return nullptr;
        std::uint64_t hash = hash_of(token);
        for (Place& place : set_of(hash)) {
            // The hash finds it, the token itself decides.
            if (place.entry && place.hash == hash && place.entry->token == token) {
                place.used = ++tick_;
                return &place.entry;
            }
        }
        return nullptr;
    }

    void insert(std::shared_ptr<const Entry> entry)
    {
        if (places_.empty())
            places_.resize(set_count_ * ways);
        std::uint64_t hash = hash_of(entry->token);
        Place& place = *std::ranges::min_element(set_of(hash), {}, &Place::used);
        place = Place{hash, ++tick_, std::move(entry)};
    }

    void erase(std::string_view token)
    {
        std::uint64_t hash = hash_of(token);
        for (Place& place : set_of(hash))
            if (place.entry && place.entry->token == token)
                place = {};
    }

    void clear() { places_.clear(); }

    std::uint64_t generation = 0;
    Figures figures;

private:
    static constexpr std::size_t ways = 4;

    struct Place {
        std::uint64_t hash = 0;
        std::uint64_t used = 0;
        std::shared_ptr<const Entry> entry;
    };

    // Keyed, so that nobody can choose tokens that fall into one set.
    std::uint64_t hash_of(std::string_view token) const
    {
        std::array<unsigned char, crypto_shorthash_BYTES> digest;
        crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(token.data()), token.size(),
                         key_.data());
        return std::bit_cast<std::uint64_t>(digest);
    }
    std::span<Place> set_of(std::uint64_t hash)
    {
        return std::span(places_).subspan((hash & (set_count_ - 1)) * ways, ways);
    }

    std::array<unsigned char, crypto_shorthash_KEYBYTES> key_;
    std::size_t set_count_;  // a power of two
    std::vector<Place> places_;
    std::uint64_t tick_ = 0;
};

Authenticator::Authenticator(const KeySource& keys, TokenRules rules, const Clock& clock, std::size_t cached_tokens_max)
    : keys_(keys), rules_(std::move(rules)), clock_(clock), cache_(std::make_unique<Cache>(cached_tokens_max))
{
}

Authenticator::~Authenticator() = default;

Result<std::shared_ptr<const Claims>, TokenError> Authenticator::verify(std::string_view token)
{
    if (token.size() > rules_.token_bytes_max)
        return std::unexpected(TokenError::malformed);
    // Before the keys are loaded: what is remembered under a generation was verified with its keys or newer ones.
    std::uint64_t generation = keys_.generation();
    if (generation == 0)
        throw Unavailable("the keys that verify tokens have not been fetched yet");
    if (cache_->generation != generation) {
        cache_->clear();
        cache_->generation = generation;
    }
    TimePoint now = clock_.now();
    if (const auto* found = cache_->find(token)) {
        const auto& entry = *found;
        if (to_unix_seconds(now) >= entry->claims.expires_at + rules_.leeway.count()) {
            cache_->erase(token);
            return std::unexpected(TokenError::expired);
        }
        ++cache_->figures.hits;
        return std::shared_ptr<const Claims>(entry, &entry->claims);
    }
    ++cache_->figures.misses;
    auto keys = keys_.load();
    auto claims = verify_token(token, *keys, rules_, now);
    if (!claims) {
        if (claims.error() == TokenError::unknown_key)
            keys_.report_unknown_key();
        return std::unexpected(claims.error());
    }
    auto entry = std::make_shared<const Cache::Entry>(std::string(token), std::move(*claims));
    cache_->insert(entry);
    return std::shared_ptr<const Claims>(entry, &entry->claims);
}

std::shared_ptr<const Claims> Authenticator::require(const http::Request& request)
{
    auto token = find_bearer_token(request.head.headers);
    if (!token)
        throw malformed_credentials();
    if (token->empty())
        throw unauthenticated();
    auto claims = verify(*token);
    if (!claims)
        throw invalid_token(claims.error());
    return std::move(*claims);
}

std::shared_ptr<const Claims> Authenticator::require(const http::Request& request, std::string_view permission)
{
    auto claims = require(request);
    if (!claims->may(permission))
        throw insufficient_scope(permission);
    return claims;
}

Authenticator::Figures Authenticator::figures() const { return cache_->figures; }

}  // namespace gatehouse::identity
