// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_content.hpp"

#include "base/random.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::files::mongo {

namespace {

// An ObjectId: seconds, 5 random bytes, 3 bytes to count.
constexpr std::size_t time_bytes = 4;
constexpr std::size_t random_part_bytes = 5;
constexpr std::size_t count_at = time_bytes + random_part_bytes;

std::optional<Document> find_chunk(Database& database, const ObjectId& content, std::uint32_t n)
{
    Document by_id;
    by_id.add("_id", make_chunk_id(content, n));
    auto chunk = database.find_one(chunks_collection, by_id);
    if (chunk && chunk->find_object_id("files_id") == content)
        return chunk;
    // A tool that copied the bucket gave its chunks other ids.
    Document by_place;
    by_place.add("files_id", content).add("n", static_cast<std::int32_t>(n));
    return database.find_one(chunks_collection, by_place);
}

}  // namespace

ObjectId make_content_id()
{
    ObjectId id;
    auto seconds = static_cast<std::uint32_t>(to_unix_seconds(Clock().now()));
    for (std::size_t i = 0; i < time_bytes; ++i)
        id.bytes[i] = static_cast<std::uint8_t>(seconds >> (8 * (time_bytes - 1 - i)));
    std::ranges::copy(random_bytes(random_part_bytes), id.bytes.begin() + time_bytes);
    return id;
}

ObjectId make_chunk_id(const ObjectId& content, std::uint32_t n)
{
    GH_ASSERT(n < chunks_max);
    ObjectId id = content;
    id.bytes[count_at] = static_cast<std::uint8_t>(n >> 16U);
    id.bytes[count_at + 1] = static_cast<std::uint8_t>(n >> 8U);
    id.bytes[count_at + 2] = static_cast<std::uint8_t>(n);
    return id;
}

std::vector<Database::Index> chunk_indexes()
{
    std::vector<Database::Index> indexes(1);
    indexes[0].keys.add("files_id", 1).add("n", 1);
    indexes[0].unique = true;
    return indexes;
}

void write_chunks(Database& database, const ObjectId& content, std::uint32_t first, std::string_view bytes)
{
    std::vector<Document> chunks;
    for (std::uint32_t n = first; !bytes.empty(); ++n) {
        std::string_view data = bytes.substr(0, chunk_bytes);
        bytes.remove_prefix(data.size());
        chunks.emplace_back()
            .add("_id", make_chunk_id(content, n))
            .add("files_id", content)
            .add("n", static_cast<std::int32_t>(n))
            .add_binary("data", data);
    }
    if (!chunks.empty() && !database.insert(chunks_collection, chunks))
        throw Unavailable(fmt::format("content {} has chunks of another writer", to_text(content)));
}

Document read_chunk(Database& database, const ObjectId& content, std::uint32_t n, std::size_t size)
{
    auto chunk = find_chunk(database, content, n);
    if (!chunk)
        throw Unavailable(fmt::format("chunk {} of content {} is missing", n, to_text(content)));
    auto data = chunk->find_binary("data");
    if (!data || data->size() != size)
        throw Unavailable(fmt::format("chunk {} of content {} has {} bytes where {} belong", n, to_text(content),
                                      data ? data->size() : 0, size));
    return std::move(*chunk);
}

void remove_chunks(Database& database, const ObjectId& content)
{
    Document filter;
    filter.add("files_id", content);
    database.remove_many(chunks_collection, filter);
}

}  // namespace gatehouse::files::mongo
