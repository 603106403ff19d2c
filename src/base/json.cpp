// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <fmt/format.h>

#include <cmath>

namespace gatehouse {

namespace {

constexpr std::size_t depth_usual = 4;

// Receives the parser's events and builds the value; says no (with a reason) to what Boost.JSON would let through.
struct StrictHandler {
    static constexpr std::size_t max_object_size = 10'000;
    static constexpr std::size_t max_array_size = 100'000;
    static constexpr std::size_t max_key_size = 4096;
    static constexpr std::size_t max_string_size = 16 * 1024 * 1024;

    using error_code = boost::system::error_code;

    json::storage_ptr memory;
    std::vector<json::value> stack;
    std::vector<std::string> keys;
    std::string text;
    std::string refusal;

    bool refuse(error_code& ec, std::string reason)
    {
        refusal = std::move(reason);
        ec = json::error::exception;
        return false;
    }

    bool add(json::value value, error_code& ec)
    {
        if (stack.empty()) {
            stack.push_back(std::move(value));
            return true;
        }
        if (auto* array = stack.back().if_array()) {
            array->push_back(std::move(value));
            return true;
        }
        auto [position, inserted] = stack.back().get_object().emplace(keys.back(), std::move(value));
        if (!inserted)
            return refuse(ec, fmt::format("duplicate key \"{}\"", keys.back()));
        keys.pop_back();
        return true;
    }
    bool close(error_code& ec)
    {
        if (stack.size() == 1)
            return true;
        json::value value = std::move(stack.back());
        stack.pop_back();
        return add(std::move(value), ec);
    }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_array_begin(error_code&) { return stack.emplace_back(json::array(memory)), true; }
    bool on_array_end(std::size_t, error_code& ec) { return close(ec); }
    bool on_object_begin(error_code&) { return stack.emplace_back(json::object(memory)), true; }
    bool on_object_end(std::size_t, error_code& ec) { return close(ec); }
    bool on_string_part(json::string_view part, std::size_t, error_code&) { return text.append(part), true; }
    bool on_string(json::string_view part, std::size_t, error_code& ec)
    {
        text.append(part);
        bool added = add(json::value(json::string(text, memory)), ec);
        text.clear();
        return added;
    }
    bool on_key_part(json::string_view part, std::size_t, error_code&) { return text.append(part), true; }
    bool on_key(json::string_view part, std::size_t, error_code& ec)
    {
        text.append(part);
        if (text.find('\0') != std::string::npos)
            return refuse(ec, "a key with a NUL character");
        keys.push_back(std::exchange(text, {}));
        return true;
    }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t number, json::string_view, error_code& ec) { return add(number, ec); }
    bool on_uint64(std::uint64_t number, json::string_view, error_code& ec) { return add(number, ec); }
    bool on_double(double number, json::string_view text_of_it, error_code& ec)
    {
        // An integer beyond 64 bits comes here, too, with its last digits lost.
        if (!std::isfinite(number) || text_of_it.find_first_of(".eE") == json::string_view::npos)
            return refuse(ec, "a number too large");
        return add(number, ec);
    }
    bool on_bool(bool value, error_code& ec) { return add(value, ec); }
    bool on_null(error_code& ec) { return add(nullptr, ec); }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }
};

}  // namespace

Result<json::value, std::string> parse_json(std::string_view text, json::storage_ptr memory)
{
    json::basic_parser<StrictHandler> parser(json::parse_options{}, std::move(memory));
    parser.handler().stack.reserve(depth_usual);
    parser.handler().keys.reserve(depth_usual);
    boost::system::error_code ec;
    std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && used < text.size())
        return std::unexpected(fmt::format("text after the JSON value at byte {}", used));
    if (ec) {
        auto& refusal = parser.handler().refusal;
        return std::unexpected(fmt::format("{} at byte {}", refusal.empty() ? ec.message() : refusal, used));
    }
    return std::move(parser.handler().stack.front());
}

std::optional<std::string> find_string(const json::object& object, std::string_view key)
{
    auto text = view_string(object, key);
    if (!text)
        return std::nullopt;
    return std::string(*text);
}

std::optional<std::string_view> view_string(const json::object& object, std::string_view key)
{
    const json::value* value = object.if_contains(key);
    if (!value || !value->is_string())
        return std::nullopt;
    return value->get_string();
}

std::optional<std::int64_t> find_integer(const json::object& object, std::string_view key)
{
    const json::value* value = object.if_contains(key);
    if (!value || !value->is_int64())
        return std::nullopt;
    return value->get_int64();
}

std::optional<bool> find_bool(const json::object& object, std::string_view key)
{
    const json::value* value = object.if_contains(key);
    if (!value || !value->is_bool())
        return std::nullopt;
    return value->get_bool();
}

}  // namespace gatehouse
