// SPDX-License-Identifier: Apache-2.0
// Identifiers: UUIDs in their lower-case text form (RFC 9562). Any thread.
#pragma once

#include "base/clock.hpp"

#include <string>
#include <string_view>

namespace gatehouse {

// A new version 7 id: ordered by time across calls of one process, unguessable in its random bits.
std::string make_id();
void assign_new_id(std::string& id);  // the same, in memory that is there already

// The version 8 id that belongs to `name` within `scope`: the same arguments give the same id (RFC 9562, B.2).
std::string make_derived_id(std::string_view scope, std::string_view name);

// True for a UUID of any version in the form that make_id() writes. Everything that comes from outside is checked.
bool is_id(std::string_view text);

}  // namespace gatehouse
