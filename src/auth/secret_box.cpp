// SPDX-License-Identifier: Apache-2.0
#include "auth/secret_box.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"
#include "base/random.hpp"

#include <fmt/format.h>

#include <sodium.h>

namespace gatehouse::auth {

namespace {

constexpr std::string_view prefix = "enc:v1:";
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
// Another use of the same configured key would begin with another word.
constexpr std::string_view key_purpose = "gatehouse auth encryption v1";

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// The configured key is a text of any length.
Secret derive(const Secret& key)
{
    std::string derived(key_bytes, '\0');
    std::string_view text = key.reveal();
    crypto_generichash_state state;
    crypto_generichash_init(&state, bytes_of(key_purpose), key_purpose.size(), derived.size());
    crypto_generichash_update(&state, bytes_of(text), text.size());
    crypto_generichash_final(&state, bytes_of(derived), derived.size());
    sodium_memzero(&state, sizeof(state));
    return Secret(std::move(derived));
}

}  // namespace

SecretBox::SecretBox(const Secret& key)
{
    GH_ASSERT(key.reveal().size() >= characters_min);
    GH_ASSERT(sodium_init() >= 0);
    key_ = derive(key);
}

std::string SecretBox::seal(const Secret& text, std::string_view place) const
{
    std::string_view plain = text.reveal();
    std::string sealed = random_bytes(nonce_bytes);
    std::string nonce = sealed;
    sealed.resize(nonce_bytes + plain.size() + tag_bytes);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed) + nonce_bytes, nullptr, bytes_of(plain), plain.size(),
                                               bytes_of(place), place.size(), nullptr, bytes_of(nonce),
                                               bytes_of(key_.reveal()));
    return std::string(prefix) + to_base64url(sealed);
}

Secret SecretBox::open(std::string_view sealed, std::string_view place) const
{
    auto bytes = is_sealed(sealed) ? from_base64url(sealed.substr(prefix.size())) : std::nullopt;
    if (!bytes || bytes->size() < nonce_bytes + tag_bytes)
        throw std::runtime_error(fmt::format("{}: what the store holds is not encrypted as this program does", place));
    std::string plain(bytes->size() - nonce_bytes - tag_bytes, '\0');
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        bytes_of(plain), nullptr, nullptr, bytes_of(*bytes) + nonce_bytes, bytes->size() - nonce_bytes, bytes_of(place),
        place.size(), bytes_of(*bytes), bytes_of(key_.reveal()));
    if (opened != 0)
        throw std::runtime_error(fmt::format("{}: cannot be decrypted: auth.encryption_key (or, when that is not set, "
                                             "auth.key in the data directory) is not the key that it was encrypted "
                                             "with, or the store was altered",
                                             place));
    return Secret(std::move(plain));
}

bool SecretBox::is_sealed(std::string_view text) { return text.starts_with(prefix); }

}  // namespace gatehouse::auth
