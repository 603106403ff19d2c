// SPDX-License-Identifier: Apache-2.0
#include "auth/foreign_hashes.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

#include <crypt.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace gatehouse::auth {

namespace {

constexpr std::string_view plain_mark = "{plain}";
// `users.password_hash` takes no more.
constexpr std::size_t stored_bytes_max = 255;
constexpr std::size_t digest_bytes_min = 16;
constexpr std::size_t digest_bytes_max = 64;
constexpr int bcrypt_cost_min = 4;
constexpr std::size_t bcrypt_size = 60;

constexpr std::string_view bcrypt_marks[] = {"$2a$", "$2b$", "$2y$"};

struct Scheme {
    std::string_view mark;
    const EVP_MD* (*digest)();
    bool django = false;  // the salt as it stands, base64 with padding
};
constexpr Scheme pbkdf2_schemes[] = {
    {"$pbkdf2-sha256$", EVP_sha256},      {"$pbkdf2-sha512$", EVP_sha512},  {"$pbkdf2$", EVP_sha1},
    {"pbkdf2_sha256$", EVP_sha256, true}, {"pbkdf2_sha1$", EVP_sha1, true},
};

struct Pbkdf2 {
    const EVP_MD* digest = nullptr;
    unsigned iterations = 0;
    std::string salt;
    std::string hash;
};

bool is_bcrypt(std::string_view stored)
{
    return std::ranges::any_of(bcrypt_marks, [&](std::string_view mark) { return stored.starts_with(mark); });
}

const Scheme* find_scheme(std::string_view stored)
{
    auto found = std::ranges::find_if(pbkdf2_schemes, [&](const Scheme& one) { return stored.starts_with(one.mark); });
    return found == std::ranges::end(pbkdf2_schemes) ? nullptr : found;
}

std::optional<unsigned> read_number(std::string_view text)
{
    unsigned number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

// Up to the next '$', which is taken too.
std::string_view take_part(std::string_view& text)
{
    auto end = std::min(text.find('$'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// Base64 of several customs: with or without padding, '.' for '+'.
std::optional<std::string> decode(std::string_view text)
{
    std::string canonical(text.substr(0, text.find_last_not_of('=') + 1));
    std::ranges::replace(canonical, '.', '+');
    canonical.append((4 - canonical.size() % 4) % 4, '=');
    return from_base64(canonical);
}

std::optional<Pbkdf2> parse_pbkdf2(std::string_view stored)
{
    const Scheme* scheme = find_scheme(stored);
    if (!scheme)
        return std::nullopt;
    stored.remove_prefix(scheme->mark.size());
    std::string_view rounds = take_part(stored);
    if (!scheme->django && rounds.starts_with("i="))
        rounds.remove_prefix(2);
    if (rounds.find(',') != rounds.npos)  // ",l=32": the length follows from the hash
        rounds = rounds.substr(0, rounds.find(','));
    auto iterations = read_number(rounds);
    std::string_view salt_text = take_part(stored);
    auto salt = scheme->django ? std::optional(std::string(salt_text)) : decode(salt_text);
    auto hash = decode(stored);
    if (!iterations || *iterations == 0 || !salt || salt->empty() || !hash)
        return std::nullopt;
    return Pbkdf2{scheme->digest(), *iterations, std::move(*salt), std::move(*hash)};
}

std::optional<std::string> check_bcrypt(std::string_view stored)
{
    constexpr std::string_view digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    auto cost = read_number(stored.substr(4, 2));
    bool whole = stored.size() == bcrypt_size && stored[6] == '$' &&
                 stored.substr(7).find_first_not_of(digits) == std::string_view::npos;
    if (!whole || !cost || *cost < bcrypt_cost_min)
        return "This is no whole bcrypt hash.";
    if (*cost > bcrypt_cost_max)
        return "Its cost is above 14: a login would take seconds.";
    return std::nullopt;
}

bool verify_bcrypt(std::string_view password, std::string_view stored)
{
    // crypt(3) ends at a zero byte, which must not make "a\0b" as good as "a".
    if (password.find('\0') != password.npos)
        return false;
    auto data = std::make_unique<crypt_data>();
    std::string phrase(password);
    std::string setting(stored);
    const char* result = crypt_r(phrase.c_str(), setting.c_str(), data.get());
    bool equal = result && constant_time_equal(result, stored);
    explicit_bzero(data.get(), sizeof *data);
    wipe(phrase);
    return equal;
}

bool verify_pbkdf2(std::string_view password, const Pbkdf2& stored)
{
    std::string made(stored.hash.size(), '\0');
    int done = PKCS5_PBKDF2_HMAC(
        password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(stored.salt.data()),
        static_cast<int>(stored.salt.size()), static_cast<int>(stored.iterations), stored.digest,
        static_cast<int>(made.size()), reinterpret_cast<unsigned char*>(made.data()));
    return done == 1 && constant_time_equal(made, stored.hash);
}

}  // namespace

bool is_foreign_hash(std::string_view stored)
{
    return stored.starts_with(plain_mark) || is_bcrypt(stored) || find_scheme(stored) != nullptr;
}

std::optional<std::string> check_foreign_hash(std::string_view stored)
{
    if (stored.size() > stored_bytes_max)
        return "It is longer than 255 bytes.";
    if (stored.starts_with(plain_mark))
        return stored.size() == plain_mark.size() ? std::optional<std::string>("The password is empty.") : std::nullopt;
    if (is_bcrypt(stored))
        return check_bcrypt(stored);
    if (!find_scheme(stored))
        return "It is none of bcrypt ($2a$, $2b$, $2y$), PBKDF2 ($pbkdf2-sha256$, pbkdf2_sha256$, ...) and {plain}.";
    auto parsed = parse_pbkdf2(stored);
    if (!parsed || parsed->hash.size() < digest_bytes_min || parsed->hash.size() > digest_bytes_max)
        return "This is no whole PBKDF2 hash.";
    if (parsed->iterations > pbkdf2_iterations_max)
        return "It asks for more than 2,000,000 iterations: a login would take seconds.";
    return std::nullopt;
}

bool verify_foreign_hash(std::string_view password, std::string_view stored)
{
    if (check_foreign_hash(stored))
        return false;
    if (stored.starts_with(plain_mark))
        return constant_time_equal(password, stored.substr(plain_mark.size()));
    if (is_bcrypt(stored))
        return verify_bcrypt(password, stored);
    return verify_pbkdf2(password, parse_pbkdf2(stored).value());
}

}  // namespace gatehouse::auth
