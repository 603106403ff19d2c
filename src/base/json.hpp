// SPDX-License-Identifier: Apache-2.0
// Strict JSON (RFC 8259): Boost.JSON's parser, which also refuses duplicate keys and numbers that do not fit.
// Tokens, request bodies and events all come through here.
#pragma once

#include "base/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

namespace json = boost::json;

// Depth at most 32. The error is a sentence for the sender, with the place: "duplicate key \"sub\" at byte 14".
// With `memory` the value lives in it, and must not outlive it.
Result<json::value, std::string> parse_json(std::string_view text, json::storage_ptr memory = {});

// The member if it is there and of that type.
std::optional<std::string> find_string(const json::object& object, std::string_view key);
std::optional<std::string_view> view_string(const json::object& object, std::string_view key);  // into the object
std::optional<std::int64_t> find_integer(const json::object& object, std::string_view key);
std::optional<bool> find_bool(const json::object& object, std::string_view key);

}  // namespace gatehouse
