// SPDX-License-Identifier: Apache-2.0
#include "app/secret_keys.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"

#include <stdexcept>

namespace gatehouse::app {

namespace {

constexpr std::size_t key_bytes = 32;

Secret make_key() { return Secret(to_base64url(random_bytes(key_bytes))); }

}  // namespace

identity::ServiceKey find_service_key(const Config& config, DataDirectory& data)
{
    if (!config.service_key.empty())
        return identity::ServiceKey(config.service_key);
    return identity::ServiceKey(data.read_or_create("service.key", make_key));
}

auth::SecretBox find_secret_box(const Config& config, DataDirectory* data)
{
    if (!config.auth.encryption_key.empty())
        return auth::SecretBox(config.auth.encryption_key);
    if (!data)
        throw std::runtime_error("auth.encryption_key is not set: it must be that of the processes that use the store");
    return auth::SecretBox(data->read_or_create("auth.key", make_key));
}

}  // namespace gatehouse::app
