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
#include <utility>

namespace gatehouse::identity {

// A table of sets with four places each: a token can only be in the set that its hash names, the place used longest ago
// is given to the next. Bounded work and no allocation for a token that is there.
//
// Where all four are taken, a token gets one when it comes for the second time: those that are used once, however many,
// push out none that is in use, and cost nothing but their verification.
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

    // Keyed, so that nobody can choose tokens that fall into one set.
    std::uint64_t hash_of(std::string_view token) const
    {
        std::array<unsigned char, crypto_shorthash_BYTES> digest;
        crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(token.data()), token.size(),
                         key_.data());
        return std::bit_cast<std::uint64_t>(digest);
    }

    // Null when it is not there.
    Place* find(std::string_view token, std::uint64_t hash)
    {
        if (places_.empty())
            return nullptr;
        for (Place& place : set_of(hash)) {
            // The hash finds it, the token itself decides.
            if (place.entry && place.hash == hash && place.entry->token == token) {
                place.used = ++tick_;
                return &place;
            }
        }
        return nullptr;
    }

    // Whether a token that is not there is to be inserted: it may be answered otherwise the next time.
    bool admits(std::uint64_t hash)
    {
        if (places_.empty()) {
            places_.resize(set_count_ * ways);
            seen_.resize(set_count_ * ways * seen_for_each_place);
        }
        if (!std::ranges::min_element(set_of(hash), {}, &Place::used)->entry)
            return true;
        // Other bits of the hash than those that chose the place; one token in 65,536 is taken for another.
        auto mark = static_cast<std::uint16_t>(hash >> 48);
        return std::exchange(seen_[hash % seen_.size()], mark) == mark;
    }

    void insert(std::shared_ptr<const Entry> entry, std::uint64_t hash, std::uint64_t checked)
    {
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
        seen_.clear();
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
    static constexpr std::size_t seen_for_each_place = 4;

    std::span<Place> set_of(std::uint64_t hash)
    {
        return std::span(places_).subspan((hash & (set_count_ - 1)) * ways, ways);
    }

    std::array<unsigned char, crypto_shorthash_KEYBYTES> key_;
    std::size_t set_count_;  // a power of two
    std::vector<Place> places_;
    std::vector<std::uint16_t> seen_;  // marks of tokens that found their set full
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
    std::uint64_t hash = cache_->hash_of(token);
    if (Cache::Place* place = cache_->find(token, hash)) {
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
    if (!cache_->admits(hash))
        return std::make_shared<const Claims>(std::move(*claims));
    auto entry = std::make_shared<const Cache::Entry>(std::string(token), std::move(*claims));
    cache_->insert(entry, hash, checked);
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

bool Authenticator::remembers(std::string_view token) const
{
    return cache_->find(token, cache_->hash_of(token)) != nullptr;
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

Authenticator::Figures Authenticator::figures() const
{
    return {cache_->hits.load(std::memory_order_relaxed), cache_->misses.load(std::memory_order_relaxed),
            cache_->flushes.load(std::memory_order_relaxed), cache_->tokens.load(std::memory_order_relaxed)};
}

}  // namespace gatehouse::identity
