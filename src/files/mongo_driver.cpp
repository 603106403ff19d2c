// SPDX-License-Identifier: Apache-2.0
#include "files/mongo_driver.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <stdexcept>

namespace gatehouse::files::mongo {

namespace {

constexpr std::int32_t select_server_ms = 2'000;
constexpr std::int32_t connect_ms = 2'000;
constexpr std::int32_t socket_ms = 20'000;
constexpr std::int32_t wait_for_connection_ms = 5'000;
constexpr std::int64_t write_concern_ms = 10'000;
constexpr std::uint32_t duplicate_key = 11'000;

template <auto Function>
struct Call {
    template <class T>
    void operator()(T* object) const
    {
        Function(object);
    }
};
using Uri = std::unique_ptr<mongoc_uri_t, Call<mongoc_uri_destroy>>;
using Pool = std::unique_ptr<mongoc_client_pool_t, Call<mongoc_client_pool_destroy>>;
using Collection = std::unique_ptr<mongoc_collection_t, Call<mongoc_collection_destroy>>;
using Cursor = std::unique_ptr<mongoc_cursor_t, Call<mongoc_cursor_destroy>>;
using Bulk = std::unique_ptr<mongoc_bulk_operation_t, Call<mongoc_bulk_operation_destroy>>;
using ReadPreference = std::unique_ptr<mongoc_read_prefs_t, Call<mongoc_read_prefs_destroy>>;
using WriteConcern = std::unique_ptr<mongoc_write_concern_t, Call<mongoc_write_concern_destroy>>;
using ReadConcern = std::unique_ptr<mongoc_read_concern_t, Call<mongoc_read_concern_destroy>>;

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

bson_oid_t to_oid(const ObjectId& id)
{
    bson_oid_t oid;
    bson_oid_init_from_data(&oid, id.bytes.data());
    return oid;
}

// The driver's own messages join ours. It is started once and lives on.
void start_driver()
{
    static std::once_flag once;
    std::call_once(once, [] {
        mongoc_init();
        auto write = [](mongoc_log_level_t level, const char* domain, const char* message, void*) {
            // What it warns of comes back as the errors of operations.
            if (level <= MONGOC_LOG_LEVEL_CRITICAL)
                log::error("files", message, {{"driver", domain}});
        };
        mongoc_log_set_handler(write, nullptr);
    });
}

void set_default(mongoc_uri_t* uri, const char* option, std::int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

Uri parse_url(const std::string& url)
{
    bson_error_t error{};
    // The driver's words may repeat parts of the URL; only those that it says about options are safe to repeat.
    Uri uri(mongoc_uri_new_with_error(url.c_str(), &error));
    if (!uri)
        throw std::invalid_argument(
            "is not a MongoDB URL (mongodb://[user:password@]host[,host]/database[?option=value])");
    const char* database = mongoc_uri_get_database(uri.get());
    if (!database || *database == '\0')
        throw std::invalid_argument("the URL of MongoDB names no database (mongodb://host/database)");
    set_default(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, select_server_ms);
    set_default(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS, connect_ms);
    set_default(uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, socket_ms);
    set_default(uri.get(), MONGOC_URI_WAITQUEUETIMEOUTMS, wait_for_connection_ms);
    return uri;
}

[[noreturn]] void fail(const char* what, std::string_view where, const bson_error_t& error)
{
    std::string text = fmt::format("MongoDB: cannot {} {}: {}", what, where, error.message);
    if (error.domain == MONGOC_ERROR_SERVER_SELECTION || error.domain == MONGOC_ERROR_STREAM)
        throw Unreachable(text);
    throw Unavailable(text);
}

// Positions `iter` at a dotted path.
bool seek(const bson_t* bson, const char* path, bson_iter_t& iter)
{
    bson_iter_t begin;
    return bson_iter_init(&begin, bson) && bson_iter_find_descendant(&begin, path, &iter);
}

}  // namespace

std::string to_text(const ObjectId& id)
{
    return to_hex(std::string_view(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()));
}

Document& Document::add(std::string_view key, std::string_view value)
{
    // What is not UTF-8 the server would refuse for ever.
    if (!is_utf8(value)) {
        std::string repaired(value);
        std::ranges::replace_if(repaired, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
        return add(key, std::string_view(repaired));
    }
    GH_ASSERT(bson_append_utf8(writable(), key.data(), length_of(key), value.data(), length_of(value)));
    return *this;
}

Document& Document::add(std::string_view key, std::int32_t value)
{
    GH_ASSERT(bson_append_int32(writable(), key.data(), length_of(key), value));
    return *this;
}

Document& Document::add(std::string_view key, std::int64_t value)
{
    GH_ASSERT(bson_append_int64(writable(), key.data(), length_of(key), value));
    return *this;
}

Document& Document::add(std::string_view key, bool value)
{
    GH_ASSERT(bson_append_bool(writable(), key.data(), length_of(key), value));
    return *this;
}

Document& Document::add(std::string_view key, TimePoint value)
{
    GH_ASSERT(bson_append_date_time(writable(), key.data(), length_of(key), to_unix_ms(value)));
    return *this;
}

Document& Document::add(std::string_view key, const ObjectId& value)
{
    bson_oid_t oid = to_oid(value);
    GH_ASSERT(bson_append_oid(writable(), key.data(), length_of(key), &oid));
    return *this;
}

Document& Document::add(std::string_view key, const Document& value)
{
    GH_ASSERT(bson_append_document(writable(), key.data(), length_of(key), value.get()));
    return *this;
}

Document& Document::add_array(std::string_view key, const Document& array)
{
    GH_ASSERT(bson_append_array(writable(), key.data(), length_of(key), array.get()));
    return *this;
}

Document& Document::add_binary(std::string_view key, std::string_view value)
{
    GH_ASSERT(bson_append_binary(writable(), key.data(), length_of(key), BSON_SUBTYPE_BINARY,
                                 reinterpret_cast<const std::uint8_t*>(value.data()),
                                 static_cast<std::uint32_t>(value.size())));
    return *this;
}

std::optional<std::string> Document::find_text(const char* path) const
{
    bson_iter_t iter;
    if (!seek(get(), path, iter) || !BSON_ITER_HOLDS_UTF8(&iter))
        return std::nullopt;
    std::uint32_t size = 0;
    const char* text = bson_iter_utf8(&iter, &size);
    return std::string(text, size);
}

std::optional<std::int64_t> Document::find_integer(const char* path) const
{
    bson_iter_t iter;
    if (!seek(get(), path, iter))
        return std::nullopt;
    if (BSON_ITER_HOLDS_INT32(&iter) || BSON_ITER_HOLDS_INT64(&iter))
        return bson_iter_as_int64(&iter);
    if (!BSON_ITER_HOLDS_DOUBLE(&iter))
        return std::nullopt;
    // Tools of dynamically typed languages write any number as a double.
    constexpr double exact_max = 9'007'199'254'740'992.0;
    double number = bson_iter_double(&iter);
    if (!(number >= -exact_max && number <= exact_max))
        return std::nullopt;
    auto whole = static_cast<std::int64_t>(number);
    return static_cast<double>(whole) == number ? std::optional(whole) : std::nullopt;
}

std::optional<TimePoint> Document::find_time(const char* path) const
{
    bson_iter_t iter;
    if (!seek(get(), path, iter) || !BSON_ITER_HOLDS_DATE_TIME(&iter))
        return std::nullopt;
    return from_unix_ms(bson_iter_date_time(&iter));
}

std::optional<ObjectId> Document::find_object_id(const char* path) const
{
    bson_iter_t iter;
    if (!seek(get(), path, iter) || !BSON_ITER_HOLDS_OID(&iter))
        return std::nullopt;
    ObjectId id;
    std::copy_n(bson_iter_oid(&iter)->bytes, id.bytes.size(), id.bytes.begin());
    return id;
}

std::optional<std::string_view> Document::find_binary(const char* path) const
{
    bson_iter_t iter;
    if (!seek(get(), path, iter) || !BSON_ITER_HOLDS_BINARY(&iter))
        return std::nullopt;
    bson_subtype_t subtype{};
    std::uint32_t size = 0;
    const std::uint8_t* data = nullptr;
    bson_iter_binary(&iter, &subtype, &size, &data);
    return std::string_view(reinterpret_cast<const char*>(data), size);
}

bool Document::has(const char* path) const
{
    bson_iter_t iter;
    return seek(get(), path, iter);
}

bool Document::find_flag(const char* path) const
{
    bson_iter_t iter;
    return seek(get(), path, iter) && BSON_ITER_HOLDS_BOOL(&iter) && bson_iter_bool(&iter);
}

std::vector<std::pair<std::string, Document>> Document::children(const char* path) const
{
    std::vector<std::pair<std::string, Document>> list;
    bson_iter_t iter;
    bson_iter_t child;
    if (!seek(get(), path, iter) || !BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &child))
        return list;
    while (bson_iter_next(&child)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&child))
            continue;
        std::uint32_t size = 0;
        const std::uint8_t* data = nullptr;
        bson_iter_document(&child, &size, &data);
        bson_t view;
        if (bson_init_static(&view, data, size))
            list.emplace_back(bson_iter_key(&child), Document(view));
    }
    return list;
}

struct Database::State {
    std::string name;
    Pool pool;
    ReadPreference primary{mongoc_read_prefs_new(MONGOC_READ_PRIMARY)};
    WriteConcern written{mongoc_write_concern_new()};
    ReadConcern committed{mongoc_read_concern_new()};
};

namespace {

// A connection for one operation.
class Lease final {
public:
    Lease(mongoc_client_pool_t* pool) : pool_(pool), client_(mongoc_client_pool_pop(pool))
    {
        if (!client_)
            throw Unavailable("MongoDB: no connection of the pool has become free in time");
    }
    ~Lease() { mongoc_client_pool_push(pool_, client_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    mongoc_client_t* client() const { return client_; }

private:
    mongoc_client_pool_t* pool_;
    mongoc_client_t* client_;
};

// A collection with a connection. Whatever the URL says: the store's promises need the primary and a majority.
class Opened final {
public:
    template <class State>
    Opened(const State& state, const char* collection)
        : lease_(state.pool.get()),
          collection_(mongoc_client_get_collection(lease_.client(), state.name.c_str(), collection))
    {
        mongoc_collection_set_write_concern(collection_.get(), state.written.get());
        mongoc_collection_set_read_concern(collection_.get(), state.committed.get());
        mongoc_collection_set_read_prefs(collection_.get(), state.primary.get());
    }
    mongoc_collection_t* get() const { return collection_.get(); }

private:
    Lease lease_;
    Collection collection_;
};

// The reply of a write, as long as it is looked at.
struct Reply {
    Reply() = default;
    ~Reply() { bson_destroy(&bson); }
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    std::int64_t count(const char* field) const
    {
        bson_iter_t iter;
        return seek(&bson, field, iter) ? bson_iter_as_int64(&iter) : 0;
    }
    bson_t bson{};
};

}  // namespace

Database::Database(const std::string& url, std::uint32_t connections_max) : state_(std::make_unique<State>())
{
    start_driver();
    Uri uri = parse_url(url);
    state_->name = mongoc_uri_get_database(uri.get());
    bson_error_t error{};
    state_->pool.reset(mongoc_client_pool_new_with_error(uri.get(), &error));
    if (!state_->pool)
        throw std::invalid_argument(fmt::format("MongoDB: {}", error.message));
    mongoc_client_pool_max_size(state_->pool.get(), connections_max);
    mongoc_client_pool_set_error_api(state_->pool.get(), MONGOC_ERROR_API_VERSION_2);
    mongoc_client_pool_set_appname(state_->pool.get(), "gatehouse");
    mongoc_write_concern_set_wmajority(state_->written.get(), static_cast<std::int32_t>(write_concern_ms));
    mongoc_write_concern_set_journal(state_->written.get(), true);
    mongoc_read_concern_set_level(state_->committed.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);
}

Database::~Database() = default;

void Database::ping()
{
    Document command;
    command.add("ping", 1);
    ask(command);
}

Document Database::ask(const Document& command)
{
    Lease lease(state_->pool.get());
    bson_error_t error{};
    Reply reply;
    if (!mongoc_client_command_simple(lease.client(), state_->name.c_str(), command.get(), state_->primary.get(),
                                      &reply.bson, &error))
        fail("ask", state_->name, error);
    return Document(reply.bson);
}

namespace {

std::set<std::string> index_names(const Opened& opened, const char* collection)
{
    Cursor cursor(mongoc_collection_find_indexes_with_opts(opened.get(), nullptr));
    std::set<std::string> names;
    const bson_t* found = nullptr;
    while (mongoc_cursor_next(cursor.get(), &found))
        names.insert(Document(*found).find_text("name").value_or(""));
    bson_error_t error{};
    constexpr std::uint32_t no_such_collection = 26;
    if (mongoc_cursor_error(cursor.get(), &error) && error.code != no_such_collection)
        fail("list the indexes of", collection, error);
    return names;
}

}  // namespace

// Only those that are missing are asked for: FerretDB 1.24 breaks the connection over one that is there.
void Database::create_indexes(const char* collection, const std::vector<Index>& indexes)
{
    Opened opened(*state_, collection);
    auto there = index_names(opened, collection);
    std::vector<Document> list;
    for (const Index& index : indexes) {
        std::unique_ptr<char, Call<bson_free>> name(mongoc_collection_keys_to_index_string(index.keys.get()));
        if (there.contains(name.get()))
            continue;
        Document& one = list.emplace_back();
        one.add("key", index.keys).add("name", name.get());
        if (index.unique)
            one.add("unique", true);
    }
    if (list.empty())
        return;
    Document command;
    command.add("createIndexes", collection).add("indexes", list);
    bson_error_t error{};
    if (!mongoc_collection_write_command_with_opts(opened.get(), command.get(), nullptr, nullptr, &error))
        fail("create the indexes of", collection, error);
}

bool Database::insert(const char* collection, const Document& document)
{
    return insert(collection, std::span(&document, 1));
}

bool Database::insert(const char* collection, std::span<const Document> documents)
{
    Opened opened(*state_, collection);
    std::vector<const bson_t*> list;
    list.reserve(documents.size());
    for (const Document& document : documents)
        list.push_back(document.get());
    bson_error_t error{};
    if (mongoc_collection_insert_many(opened.get(), list.data(), list.size(), nullptr, nullptr, &error))
        return true;
    if (error.code == duplicate_key)
        return false;
    fail("insert into", collection, error);
}

std::int64_t Database::update_one(const char* collection, const Document& filter, const Document& change)
{
    Opened opened(*state_, collection);
    bson_error_t error{};
    Reply reply;
    if (!mongoc_collection_update_one(opened.get(), filter.get(), change.get(), nullptr, &reply.bson, &error))
        fail("update", collection, error);
    return reply.count("matchedCount");
}

std::int64_t Database::update_many(const char* collection, const Document& filter, const Document& change)
{
    Opened opened(*state_, collection);
    bson_error_t error{};
    Reply reply;
    if (!mongoc_collection_update_many(opened.get(), filter.get(), change.get(), nullptr, &reply.bson, &error))
        fail("update", collection, error);
    return reply.count("matchedCount");
}

void Database::update_each(const char* collection, const std::vector<Update>& updates)
{
    if (updates.empty())
        return;
    Opened opened(*state_, collection);
    Bulk bulk(mongoc_collection_create_bulk_operation_with_opts(opened.get(), nullptr));
    bson_error_t error{};
    for (const Update& update : updates) {
        if (!mongoc_bulk_operation_update_one_with_opts(bulk.get(), update.filter.get(), update.change.get(), nullptr,
                                                        &error))
            fail("update", collection, error);
    }
    Reply reply;
    if (mongoc_bulk_operation_execute(bulk.get(), &reply.bson, &error) == 0)
        fail("update", collection, error);
}

std::int64_t Database::remove_one(const char* collection, const Document& filter)
{
    Opened opened(*state_, collection);
    bson_error_t error{};
    Reply reply;
    if (!mongoc_collection_delete_one(opened.get(), filter.get(), nullptr, &reply.bson, &error))
        fail("remove from", collection, error);
    return reply.count("deletedCount");
}

std::int64_t Database::remove_many(const char* collection, const Document& filter)
{
    Opened opened(*state_, collection);
    bson_error_t error{};
    Reply reply;
    if (!mongoc_collection_delete_many(opened.get(), filter.get(), nullptr, &reply.bson, &error))
        fail("remove from", collection, error);
    return reply.count("deletedCount");
}

namespace {

void visit_all(mongoc_cursor_t* cursor, const char* collection, const Database::Visit& visit)
{
    const bson_t* found = nullptr;
    while (mongoc_cursor_next(cursor, &found)) {
        if (!visit(Document(*found)))
            return;
    }
    bson_error_t error{};
    if (mongoc_cursor_error(cursor, &error))
        fail("read", collection, error);
}

}  // namespace

void Database::find(const char* collection, const Document& filter, const Document& options, const Visit& visit)
{
    Opened opened(*state_, collection);
    Cursor cursor(mongoc_collection_find_with_opts(opened.get(), filter.get(), options.get(), nullptr));
    visit_all(cursor.get(), collection, visit);
}

void Database::aggregate(const char* collection, const std::vector<Document>& steps, const Visit& visit)
{
    Opened opened(*state_, collection);
    Document pipeline;
    pipeline.add("pipeline", steps);
    Cursor cursor(mongoc_collection_aggregate(opened.get(), MONGOC_QUERY_NONE, pipeline.get(), nullptr, nullptr));
    visit_all(cursor.get(), collection, visit);
}

std::optional<Document> Database::find_one(const char* collection, const Document& filter, const Document& options)
{
    Document one(options);
    one.add("limit", std::int64_t{1});
    std::optional<Document> result;
    find(collection, filter, one, [&](const Document& found) {
        result.emplace(found);
        return false;
    });
    return result;
}

}  // namespace gatehouse::files::mongo
