// SPDX-License-Identifier: Apache-2.0
#include "identity/authenticator.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "identity/bearer.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
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
    struct Place {
        std::uint64_t hash = 0;
        std::uint64_t used = 0;
        std::uint64_t checked = 0;  // the generation of the revocations that were looked at last
        std::shared_ptr<const Entry> entry;
    };

    explicit Cache(std::size_t entries_max) : set_count_(std::bit_floor(std::max<std::size_t>(entries_max / ways, 1)))
    {
        std::string bytes = random_bytes(key_.size());
        std::ranges::copy(bytes, key_.begin());
    }

    // Null when it is not there.
    Place* find(std::string_view token)
    {
        if (places_.empty())
            return nullptr;
        std::uint64_t hash = hash_of(token);
        for (Place& place : set_of(hash)) {
            // The hash finds it, the token itself decides.
            if (place.entry && place.hash == hash && place.entry->token == token) {
                place.used = ++tick_;
                return &place;
            }
        }
        return nullptr;
    }

    void insert(std::shared_ptr<const Entry> entry, std::uint64_t checked)
    {
        if (places_.empty())
            places_.resize(set_count_ * ways);
        std::uint64_t hash = hash_of(entry->token);
        Place& place = *std::ranges::min_element(set_of(hash), {}, &Place::used);
        if (!place.entry)
            add(tokens, 1);
        place = Place{hash, ++tick_, checked, std::move(entry)};
    }

    void forget(Place& place)
    {
        place = {};
        add(tokens, -1);
    }

    void clear()
    {
        add(flushes, places_.empty() ? 0 : 1);
        places_.clear();
        tokens.store(0, std::memory_order_relaxed);
    }

    // Only the cache's thread writes: that needs no atomic addition.
    using Count = std::atomic<std::uint64_t>;
    static void add(Count& count, std::int64_t value)
    {
        count.store(count.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(value),
                    std::memory_order_relaxed);
    }

    std::uint64_t generation = 0;
    Count hits{0}, misses{0}, flushes{0}, tokens{0};

private:
    static constexpr std::size_t ways = 4;

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

Authenticator::Authenticator(const KeySource& keys, const RevocationList& revocations, TokenRules rules,
                             const Clock& clock, std::size_t cached_tokens_max)
    : Authenticator(keys, revocations,
                    {[rules](std::string_view token, const KeySet& set, TimePoint now) {
                         return verify_token(token, set, rules, now);
                     },
                     rules.leeway, rules.token_bytes_max},
                    clock, cached_tokens_max)
{
}

Authenticator::Authenticator(const KeySource& keys, const RevocationList& revocations, Verifier verifier,
                             const Clock& clock, std::size_t cached_tokens_max)
    : keys_(keys), revocations_(revocations), verifier_(std::move(verifier)), clock_(clock),
      cache_(std::make_unique<Cache>(cached_tokens_max))
{
}

Authenticator::~Authenticator() = default;

Result<std::shared_ptr<const Claims>, TokenError> Authenticator::verify(std::string_view token)
{
    if (token.size() > verifier_.token_bytes_max)
        return std::unexpected(TokenError::malformed);
    // Before the keys are loaded: what is remembered under a generation was verified with its keys or newer ones.
    std::uint64_t generation = keys_.generation();
    if (generation == 0)
        throw Unavailable("the keys that verify tokens have not been fetched yet");
    if (!revocations_.ready())
        throw Unavailable("the list of revoked tokens has not been fetched yet");
    if (cache_->generation != generation) {
        cache_->clear();
        cache_->generation = generation;
    }
    TimePoint now = clock_.now();
    if (Cache::Place* place = cache_->find(token)) {
        const auto& entry = place->entry;
        if (to_unix_seconds(now) >= entry->claims.expires_at + verifier_.leeway.count()) {
            cache_->forget(*place);
            return std::unexpected(TokenError::expired);
        }
        if (is_revoked(entry->claims, place->checked)) {
            cache_->forget(*place);
            return std::unexpected(TokenError::revoked);
        }
        Cache::add(cache_->hits, 1);
        return std::shared_ptr<const Claims>(entry, &entry->claims);
    }
    Cache::add(cache_->misses, 1);
    auto keys = keys_.load();
    auto claims = verifier_.verify(token, *keys, now);
    if (!claims) {
        if (claims.error() == TokenError::unknown_key)
            keys_.report_unknown_key();
        return std::unexpected(claims.error());
    }
    std::uint64_t checked = 0;
    if (is_revoked(*claims, checked))
        return std::unexpected(TokenError::revoked);
    auto entry = std::make_shared<const Cache::Entry>(std::string(token), std::move(*claims));
    cache_->insert(entry, checked);
    return std::shared_ptr<const Claims>(entry, &entry->claims);
}

// Looks only when something was revoked since `checked`, which becomes the generation that was looked at.
bool Authenticator::is_revoked(const Claims& claims, std::uint64_t& checked) const
{
    std::uint64_t generation = revocations_.generation();
    if (checked == generation)
        return false;
    checked = generation;
    return revocations_.is_revoked(claims);
}

bool Authenticator::remembers(std::string_view token) const { return cache_->find(token) != nullptr; }

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

Authenticator::Figures Authenticator::figures() const
{
    return {cache_->hits.load(std::memory_order_relaxed), cache_->misses.load(std::memory_order_relaxed),
            cache_->flushes.load(std::memory_order_relaxed), cache_->tokens.load(std::memory_order_relaxed)};
}

}  // namespace gatehouse::identity
