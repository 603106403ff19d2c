// SPDX-License-Identifier: Apache-2.0
#include "identity/peek.hpp"

#include "identity/token_parts.hpp"

namespace gatehouse::identity {

std::optional<json::object> peek_token(std::string_view token)
{
    constexpr std::size_t token_bytes_max = 16 * 1024;
    if (token.size() > token_bytes_max)
        return std::nullopt;
    auto parts = split_token(token);
    if (!parts)
        return std::nullopt;
    auto header = decode_part(parts->header);
    auto claims = decode_part(parts->claims);
    if (!header || !claims)
        return std::nullopt;
    return json::object{{"header", std::move(*header)}, {"claims", std::move(*claims)}};
}

}  // namespace gatehouse::identity
