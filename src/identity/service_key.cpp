// SPDX-License-Identifier: Apache-2.0
#include "identity/service_key.hpp"

#include "base/error.hpp"
#include "http/problem.hpp"

namespace gatehouse::identity {

ServiceKey::ServiceKey(Secret key) : key_(std::move(key)) { GH_ASSERT(key_.reveal().size() >= characters_min); }

void ServiceKey::sign(http::Request& request) const { request.head.headers.set(field_name, key_.reveal()); }

void ServiceKey::require(const http::Request& request) const
{
    auto field = request.head.headers.find(field_name);
    if (!field || request.head.headers.count(field_name) != 1 || !constant_time_equal(*field, key_.reveal()))
        throw http::Problem::unauthorized("unauthenticated", "This is for the services of this installation only.");
}

}  // namespace gatehouse::identity
