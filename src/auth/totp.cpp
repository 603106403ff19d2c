// SPDX-License-Identifier: Apache-2.0
#include "auth/totp.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "http/url.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace gatehouse::auth {

namespace {

constexpr std::size_t secret_bytes = 20;
constexpr std::int64_t step_seconds = 30;
constexpr std::uint32_t modulus = 1'000'000;
constexpr std::size_t code_digits = 6;
constexpr std::size_t hash_bytes = 20;
// Clocks differ, and people need time to type.
constexpr std::int64_t drift_steps = 1;

}  // namespace

Secret make_totp_secret() { return Secret(random_bytes(secret_bytes)); }

std::int64_t totp_step(TimePoint at) { return to_unix_seconds(at) / step_seconds; }

// RFC 4226 section 5.3: the HMAC of the counter, 31 bits of it from an offset that its last four bits give.
std::string totp_code(std::string_view secret, std::int64_t step)
{
    std::array<unsigned char, 8> counter{};
    for (std::size_t i = 0; i < counter.size(); ++i)
        counter[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (8 * (counter.size() - 1 - i)));
    std::array<unsigned char, hash_bytes> hash{};
    unsigned size = 0;
    GH_ASSERT(HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter.data(), counter.size(),
                   hash.data(), &size) != nullptr);
    GH_ASSERT(size == hash.size());
    std::size_t offset = hash.back() & 0xfU;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = (number << 8U) | hash.at(offset + i);
    return fmt::format("{:06}", (number & 0x7fffffffU) % modulus);
}

std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, TimePoint now,
                                       std::optional<std::int64_t> last_step)
{
    std::string digits(code);
    std::erase(digits, ' ');
    if (digits.size() != code_digits)
        return std::nullopt;
    std::optional<std::int64_t> matched;
    for (std::int64_t step = totp_step(now) - drift_steps; step <= totp_step(now) + drift_steps; ++step)
        if (constant_time_equal(digits, totp_code(secret, step)) && (!last_step || step > *last_step))
            matched = step;
    return matched;
}

std::string to_base32(std::string_view bytes)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (char byte : bytes) {
        bits = (bits << 8U) | static_cast<unsigned char>(byte);
        for (count += 8; count >= 5; count -= 5)
            text += alphabet[(bits >> static_cast<unsigned>(count - 5)) & 31U];
    }
    if (count > 0)
        text += alphabet[(bits << static_cast<unsigned>(5 - count)) & 31U];
    return text;
}

std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view username)
{
    std::string by = http::percent_encode(issuer);
    return fmt::format("otpauth://totp/{}:{}?secret={}&issuer={}", by, http::percent_encode(username),
                       to_base32(secret), by);
}

}  // namespace gatehouse::auth
