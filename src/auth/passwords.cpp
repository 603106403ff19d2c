// SPDX-License-Identifier: Apache-2.0
#include "auth/passwords.hpp"

#include "auth/foreign_hashes.hpp"
#include "auth/hash_memory.hpp"
#include "auth/password_rules.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/random.hpp"

#include <sodium.h>

#include <array>
#include <charconv>

namespace gatehouse::auth {

namespace {

// OWASP's second choice of parameters for argon2id; a hash takes this much memory while it runs.
constexpr std::size_t memory_kib = 19'456;
constexpr unsigned long long passes = 2;

// What a stored hash may ask for at most.
constexpr std::size_t memory_kib_max = 65'536;
constexpr std::size_t passes_max = 8;

constexpr int pool_nice = 5;

void start_sodium()
{
    // Idempotent; picks the fastest code for this processor.
    GH_ASSERT(sodium_init() >= 0);
}

// Reads "<name><number>" off the front.
std::optional<std::size_t> take_number(std::string_view& text, std::string_view name)
{
    if (!text.starts_with(name))
        return std::nullopt;
    text.remove_prefix(name.size());
    std::size_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

// $argon2id$v=19$m=19456,t=2,p=1$salt$hash
bool is_affordable(std::string_view stored)
{
    auto version = take_number(stored, "$argon2id$v=");
    auto memory = take_number(stored, "$m=");
    auto time = take_number(stored, ",t=");
    auto lanes = take_number(stored, ",p=");
    return version && memory && time && lanes && stored.starts_with('$') && *memory <= memory_kib_max &&
           *time <= passes_max && *lanes == 1;
}

std::string hash_bytes(std::string_view password)
{
    std::array<char, crypto_pwhash_STRBYTES> out{};
    if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), passes, memory_kib * 1024,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw Unavailable("not enough memory to hash a password");
    return out.data();
}

bool verify_bytes(std::string_view password, const std::string& stored)
{
    return crypto_pwhash_str_verify(stored.c_str(), password.data(), password.size()) == 0;
}

}  // namespace

Passwords::Passwords(const Config& config, Metrics& metrics)
    : queue_max_(config.hash_queue_max),
      pool_(
          {.name = "passwords", .threads = config.hash_threads, .queue_max = config.hash_queue_max, .nice = pool_nice}),
      hashes_(metrics.counter("gatehouse_auth_password_hashes_total", "Password hashes computed."))
{
    start_sodium();
    dummy_hash_ = hash_bytes(random_bytes(32));
}

void Passwords::require_room() const
{
    if (pool_.queued() >= queue_max_)
        throw Unavailable("too many passwords wait to be hashed");
}

Task<std::string> Passwords::hash(Secret password)
{
    auto job = [this, &password] {
        hashes_.Increment();
        HashMemory memory(pool_);
        return hash_bytes(password.reveal());
    };
    co_return co_await pool_.run(std::move(job));
}

Task<bool> Passwords::verify(Secret password, std::string stored)
{
    // What cannot be right is hashed all the same: the time must not tell.
    bool possible = password.reveal().size() <= password_bytes_max;
    bool foreign = is_foreign_hash(stored) && !check_foreign_hash(stored);
    if (!foreign && !is_affordable(stored)) {
        // Who was invited has no password yet.
        if (!stored.empty())
            log::error("auth", "a stored password hash is not one of ours");
        stored = dummy_hash_;
        possible = false;
    }
    auto job = [this, possible, foreign, &password, &stored] {
        hashes_.Increment();
        HashMemory memory(pool_);
        std::string_view text = password.reveal().substr(0, password_bytes_max);
        return (foreign ? verify_foreign_hash(text, stored) : verify_bytes(text, stored)) && possible;
    };
    co_return co_await pool_.run(std::move(job));
}

void Passwords::stop() { pool_.stop(); }

std::string hash_password(const Secret& password)
{
    start_sodium();
    return hash_bytes(password.reveal());
}

}  // namespace gatehouse::auth
