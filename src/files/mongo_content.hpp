// SPDX-License-Identifier: Apache-2.0
// Content as GridFS chunks: the collection fs.chunks, {_id, files_id, n, data}.
//
// A content id is new for each writer, so two writers of one file never meet. The last three of its twelve bytes are
// zero; those of a chunk's _id hold n. A chunk is therefore read by its primary key, which is the cheapest read that
// any server knows. All calls block and throw Unavailable. Any thread.
#pragma once

#include "files/mongo_driver.hpp"

#include <cstdint>
#include <string_view>

namespace gatehouse::files::mongo {

inline constexpr const char* chunks_collection = "fs.chunks";
inline constexpr std::size_t chunk_bytes = 255 * 1024;  // as the drivers of MongoDB write it
inline constexpr std::uint64_t chunks_max = 1ULL << 24U;

ObjectId make_content_id();
ObjectId make_chunk_id(const ObjectId& content, std::uint32_t n);

std::vector<Database::Index> chunk_indexes();

// Writes `bytes` as the chunks from `first` on, each of chunk_bytes but the last.
void write_chunks(Database& database, const ObjectId& content, std::uint32_t first, std::string_view bytes);

// The chunk's document with `size` bytes at "data". Unavailable when it is missing or of another size.
Document read_chunk(Database& database, const ObjectId& content, std::uint32_t n, std::size_t size);

void remove_chunks(Database& database, const ObjectId& content);

}  // namespace gatehouse::files::mongo
