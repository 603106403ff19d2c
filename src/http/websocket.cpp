// SPDX-License-Identifier: Apache-2.0
#include "http/websocket.hpp"

#include "base/encoding.hpp"
#include "base/error.hpp"

#include <openssl/evp.h>

#include <array>

namespace gatehouse::http {

bool has_websocket_key(const Headers& headers)
{
    auto key = headers.find("sec-websocket-key");
    if (!key || headers.count("sec-websocket-key") != 1)
        return false;
    auto bytes = from_base64(*key);
    return bytes && bytes->size() == 16;
}

std::string websocket_accept(std::string_view key)
{
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    GH_ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
    return to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace gatehouse::http
