// SPDX-License-Identifier: Apache-2.0
#include "identity/service_key.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "http/problem.hpp"

#include <sodium.h>

namespace gatehouse::identity {

namespace {

bool carries(const http::Request& request, std::string_view name, const Secret& expected)
{
    auto field = request.head.headers.find(name);
    return field && request.head.headers.count(name) == 1 && constant_time_equal(*field, expected.reveal());
}

}  // namespace

ServiceKey::ServiceKey(Secret key) : key_(std::move(key)), forwarded_(to_base64url(derive("forwarded", "")))
{
    GH_ASSERT(key_.reveal().size() >= characters_min);
}

void ServiceKey::sign(http::Headers& headers) const { headers.set(field_name, key_.reveal()); }

void ServiceKey::require(const http::Request& request) const
{
    if (!carries(request, field_name, key_))
        throw http::Problem::unauthorized("unauthenticated", "This is for the services of this installation only.");
}

std::string ServiceKey::derive(std::string_view purpose, std::string_view text) const
{
    auto bytes = [](std::string_view from) { return reinterpret_cast<const unsigned char*>(from.data()); };
    std::string result(crypto_auth_hmacsha256_BYTES, '\0');
    const unsigned char separator = 0;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes(key_.reveal()), key_.reveal().size());
    crypto_auth_hmacsha256_update(&state, bytes(purpose), purpose.size());
    crypto_auth_hmacsha256_update(&state, &separator, 1);
    crypto_auth_hmacsha256_update(&state, bytes(text), text.size());
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(result.data()));
    sodium_memzero(&state, sizeof state);
    return result;
}

void ServiceKey::sign_forwarded(http::Request& request) const
{
    request.head.headers.set(forwarded_field_name, forwarded_.reveal());
}

bool ServiceKey::is_forwarded(const http::Request& request) const
{
    return carries(request, forwarded_field_name, forwarded_) && request.head.headers.count("x-forwarded-for") == 1;
}

void ServiceKey::take_client_address(http::Request& request) const
{
    if (is_forwarded(request))
        request.remote_address = *request.head.headers.find("x-forwarded-for");
}

}  // namespace gatehouse::identity
