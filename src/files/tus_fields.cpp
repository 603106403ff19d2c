// SPDX-License-Identifier: Apache-2.0
#include "files/tus_fields.hpp"

#include "base/encoding.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "http/list.hpp"
#include "http/problem.hpp"
#include "http/tokens.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <limits>
#include <set>

namespace gatehouse::files::tus {

namespace {

constexpr std::size_t metadata_bytes_max = 4096;

[[noreturn]] void refuse(std::string_view field, std::string_view why)
{
    throw http::Problem::bad_request("invalid_request", fmt::format("{}: {}", field, why));
}

// A field that stands twice would be read by some as the first, by others as the last.
std::optional<std::string_view> find_single(const http::Headers& headers, std::string_view name)
{
    if (headers.count(name) > 1)
        refuse(name, "stands more than once.");
    return headers.find(name);
}

bool is_key(std::string_view key)
{
    for (char c : key)
        if (c <= ' ' || c >= 0x7f)
            return false;
    return !key.empty();
}

}  // namespace

std::optional<std::uint64_t> find_count(const http::Headers& headers, std::string_view name)
{
    auto field = find_single(headers, name);
    if (!field)
        return std::nullopt;
    std::uint64_t count = 0;
    auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), count);
    bool whole = error == std::errc() && end == field->data() + field->size();
    if (!whole || !http::tokens::all(*field, http::tokens::digit) ||
        count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        refuse(name, "must be a count of bytes, in decimal digits.");
    return count;
}

bool has_deferred_length(const http::Headers& headers)
{
    auto field = find_single(headers, "upload-defer-length");
    if (field && *field != "1")
        refuse("upload-defer-length", "must be 1.");
    return field.has_value();
}

// An address may be a path, or a whole URL as a client puts it together.
Concat find_concat(const http::Headers& headers)
{
    constexpr std::string_view field_name = "upload-concat";
    constexpr std::string_view final_prefix = "final;";
    constexpr std::string_view folder = "/uploads/";
    Concat concat;
    auto field = find_single(headers, field_name);
    if (!field)
        return concat;
    if (*field == "partial") {
        concat.partial = true;
        return concat;
    }
    if (!field->starts_with(final_prefix))
        refuse(field_name, "must be partial, or final; with the addresses of the parts behind it.");
    std::set<std::string, std::less<>> seen;
    auto add = [&](std::string_view address) {
        std::size_t at = address.rfind(folder);
        std::string id(at == std::string_view::npos ? "" : address.substr(at + folder.size()));
        if (!is_id(id))
            refuse(field_name, fmt::format("part {} is not the address of an upload here.", concat.parts.size() + 1));
        if (!seen.insert(id).second)
            refuse(field_name, fmt::format("the upload {} stands more than once.", id));
        if (concat.parts.size() == parts_max)
            refuse(field_name, fmt::format("at most {} uploads can be joined.", parts_max));
        concat.parts.push_back(std::move(id));
    };
    for_each_word(field->substr(final_prefix.size()), add);
    if (concat.parts.empty())
        refuse(field_name, "names no parts.");
    return concat;
}

std::string write_concat(const std::vector<std::string>& parts)
{
    return fmt::format("final;/uploads/{}", fmt::join(parts, " /uploads/"));
}

Metadata read_metadata(const http::Headers& headers)
{
    Metadata metadata;
    auto field = find_single(headers, "upload-metadata");
    if (!field || field->empty())
        return metadata;
    if (field->size() > metadata_bytes_max)
        refuse("upload-metadata", fmt::format("may have at most {} bytes.", metadata_bytes_max));
    metadata.text = *field;
    std::set<std::string, std::less<>> keys;
    std::string other_name;
    auto visit = [&](std::string_view pair) {
        std::size_t space = std::min(pair.find(' '), pair.size());
        std::string key(pair.substr(0, space));
        auto value = from_base64(pair.substr(std::min(space + 1, pair.size())));
        if (!is_key(key) || !value)
            refuse("upload-metadata", "must be pairs of a key and a value in base64, separated by commas.");
        if (!keys.insert(key).second)
            refuse("upload-metadata", fmt::format("the key {} stands more than once.", key));
        if (key == "filename")
            metadata.name = *value;
        else if (key == "name")
            other_name = *value;
    };
    http::for_each_element(*field, visit);
    if (metadata.name.empty())
        metadata.name = other_name;
    return metadata;
}

std::optional<Checksum> find_checksum(const http::Headers& headers)
{
    auto field = find_single(headers, "upload-checksum");
    if (!field)
        return std::nullopt;
    std::size_t space = std::min(field->find(' '), field->size());
    auto digest = Digest::find(field->substr(0, space));
    if (!digest)
        refuse("upload-checksum", fmt::format("the algorithm must be one of {}.", checksum_algorithms));
    auto expected = from_base64(field->substr(std::min(space + 1, field->size())));
    if (!expected || expected->size() != digest->size())
        refuse("upload-checksum", "after the algorithm and a space must come the digest in base64.");
    return Checksum{std::move(*digest), std::move(*expected)};
}

}  // namespace gatehouse::files::tus
