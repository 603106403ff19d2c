// SPDX-License-Identifier: Apache-2.0
#include "auth/examination.hpp"

#include "auth/key_store.hpp"
#include "base/error.hpp"

namespace gatehouse::auth {

std::optional<std::string> find_key_error(sql::Connection& connection, const SecretBox& box)
{
    try {
        load_keys(connection, box);
    } catch (const Unavailable&) {
        throw;
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return std::nullopt;
}

}  // namespace gatehouse::auth
