// SPDX-License-Identifier: Apache-2.0
// MongoDB as the file store needs it: documents, and the few operations on collections of one database. The only place
// that sees the driver's header; its other sources are mongo_*.cpp.
//
// Database may be called from any thread and blocks: call it on pool threads. Every operation has a deadline, a few
// seconds unless the URL says otherwise. Writes are acknowledged by a majority's journals, reads see only what such
// writes left.
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

#include <mongoc/mongoc.h>

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::files::mongo {

// An ObjectId.
struct ObjectId {
    std::array<std::uint8_t, 12> bytes{};
    auto operator<=>(const ObjectId&) const = default;
};
std::string to_text(const ObjectId& id);  // 24 hexadecimal digits

// A BSON document that is being built, or was read.
class Document final {
public:
    Document() : bson_(bson_new()) {}
    explicit Document(const bson_t& other) : bson_(bson_copy(&other)) {}
    Document(const Document& other) : bson_(bson_copy(other.get())) {}
    Document(Document&&) noexcept = default;
    Document& operator=(const Document&) = delete;
    Document& operator=(Document&&) noexcept = default;
    ~Document() = default;

    // Each appends a member and returns the document itself. Keys may be dotted paths, as updates and filters use them.
    Document& add(std::string_view key, std::string_view value);
    Document& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
    Document& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
    Document& add(std::string_view key, std::int32_t value);
    Document& add(std::string_view key, std::int64_t value);
    Document& add(std::string_view key, bool value);
    Document& add(std::string_view key, TimePoint value);
    Document& add(std::string_view key, const ObjectId& value);
    Document& add(std::string_view key, const Document& value);
    template <class T>
    Document& add(std::string_view key, const std::vector<T>& values)
    {
        Document array;
        for (std::size_t i = 0; i < values.size(); ++i)
            array.add(std::to_string(i), values[i]);
        return add_array(key, array);
    }
    Document& add_binary(std::string_view key, std::string_view value);

    const bson_t* get() const { return bson_.get(); }
    bool empty() const { return bson_empty(bson_.get()); }

    // The member at a dotted path; nothing when it is absent or of another type. Views live as long as the document.
    std::optional<std::string> find_text(const char* path) const;
    std::optional<std::int64_t> find_integer(const char* path) const;  // of either width, or a double without fraction
    std::optional<TimePoint> find_time(const char* path) const;
    std::optional<ObjectId> find_object_id(const char* path) const;
    std::optional<std::string_view> find_binary(const char* path) const;
    bool has(const char* path) const;
    bool find_flag(const char* path) const;  // true when it is there and true

    // The members of the document at `path` that are documents themselves.
    std::vector<std::pair<std::string, Document>> children(const char* path) const;

private:
    Document& add_array(std::string_view key, const Document& array);
    bson_t* writable() { return bson_.get(); }

    struct Free {
        void operator()(bson_t* bson) const { bson_destroy(bson); }
    };
    std::unique_ptr<bson_t, Free> bson_;
};

// The server does not answer: no connection, or one that broke. What was asked may have happened.
class Unreachable final : public Unavailable {
public:
    using Unavailable::Unavailable;
};

class Database final {
public:
    // Does not connect. Throws std::invalid_argument, without the URL's password, when `url` is no MongoDB URL or names
    // no database.
    Database(const std::string& url, std::uint32_t connections_max);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // All of these throw Unreachable, or Unavailable when the server refuses.

    void ping();

    // The answer to a command that changes nothing.
    Document ask(const Document& command);

    struct Index {
        Document keys;
        bool unique = false;
    };
    void create_indexes(const char* collection, const std::vector<Index>& indexes);

    // False when a unique index has it already. Of several documents those before the first such one are inserted.
    bool insert(const char* collection, const Document& document);
    bool insert(const char* collection, std::span<const Document> documents);

    // The number of documents that match; all of them change with update_many(), one with update_one().
    std::int64_t update_one(const char* collection, const Document& filter, const Document& change);
    std::int64_t update_many(const char* collection, const Document& filter, const Document& change);

    // Several update_one() in one go, in order.
    struct Update {
        Document filter;
        Document change;
    };
    void update_each(const char* collection, const std::vector<Update>& updates);

    // The number of documents removed.
    std::int64_t remove_one(const char* collection, const Document& filter);
    std::int64_t remove_many(const char* collection, const Document& filter);

    // Calls `visit` with each document found until it says false. `options` as the find command takes them: sort,
    // limit, projection, batchSize.
    using Visit = std::function<bool(const Document&)>;
    void find(const char* collection, const Document& filter, const Document& options, const Visit& visit);

    // The same with what the steps of an aggregation make.
    void aggregate(const char* collection, const std::vector<Document>& steps, const Visit& visit);

    std::optional<Document> find_one(const char* collection, const Document& filter,
                                     const Document& options = Document());

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace gatehouse::files::mongo
