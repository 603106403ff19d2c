// SPDX-License-Identifier: Apache-2.0
// HTTP messages as values: what the parsers fill, the handlers read and write, the serializer sends (RFC 9110).
//
// Header names are kept in lower case in one flat buffer, so that a message that is reset and used again allocates
// nothing. Views into Headers are valid until the next change of that object.
#pragma once

#include "base/task.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::http {

struct Field {
    std::string_view name;   // lower case
    std::string_view value;  // without surrounding white space
};

class Headers final {
public:
    void add(std::string_view name, std::string_view value);
    void set(std::string_view name, std::string_view value);  // instead of every field of that name
    std::size_t remove(std::string_view name);                // how many there were
    // Those for which `predicate(Field)` holds. It may not look at this object.
    template <class Predicate>
    void remove_if(Predicate predicate)
    {
        std::erase_if(entries_, [&](const Entry& entry) {
            return predicate(Field{view(entry.name_begin, entry.name_size), view(entry.value_begin, entry.value_size)});
        });
    }

    // The first field of that name. `name` in lower case.
    std::optional<std::string_view> find(std::string_view name) const;
    bool contains(std::string_view name) const { return find(name).has_value(); }
    std::size_t count(std::string_view name) const;

    std::size_t size() const { return entries_.size(); }
    Field operator[](std::size_t index) const;
    std::size_t bytes() const { return text_.size(); }
    void clear();
    // Room for so much, in one piece instead of step by step.
    void reserve(std::size_t bytes, std::size_t fields);

    class Iterator {
    public:
        Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}
        Field operator*() const { return (*headers_)[index_]; }
        Iterator& operator++() { return ++index_, *this; }
        bool operator==(const Iterator& other) const { return index_ == other.index_; }

    private:
        const Headers* headers_;
        std::size_t index_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }

private:
    friend class HeadParser;

    struct Entry {
        std::uint32_t name_begin, name_size, value_begin, value_size;
    };
    std::string_view view(std::uint32_t begin, std::uint32_t size) const { return {text_.data() + begin, size}; }

    // For the parser: "Name: value" as received, in one copy.
    void add_line(std::string_view line, std::size_t name_size, std::size_t value_begin);

    // May hold bytes of removed fields; they go with clear().
    std::string text_;
    std::vector<Entry> entries_;
};

enum class Version { http10, http11, http2 };

// A body as a stream of pieces, pulled by who consumes it: back-pressure is not pulling.
class BodyReader {
public:
    virtual ~BodyReader() = default;

    // The next piece, empty at the end (and from then on). Valid until the next call. Throws BodyError when the sender
    // broke off or broke the rules, Unavailable when a store failed.
    virtual Task<std::string_view> read() = 0;

    // The whole length in bytes, where it is known beforehand.
    virtual std::optional<std::uint64_t> length() const = 0;

    // The fields after the body (RFC 9110 section 6.5): null when none can come, else what there is of them, which is
    // all once read() has given the end.
    virtual const Headers* trailers() const { return nullptr; }
};

// The body did not arrive as announced: closed early, too large, malformed framing, too slow; or its sender's access
// was revoked on the way. `status` is what to answer.
class BodyError final : public std::exception {
public:
    enum class Kind { closed, too_large, malformed, too_slow, revoked };
    explicit BodyError(Kind kind) : kind_(kind) {}
    Kind kind() const { return kind_; }
    const char* what() const noexcept override;

private:
    Kind kind_;
};

// A body that is in memory already, or none.
class StringBody final : public BodyReader {
public:
    explicit StringBody(std::string text = {}) : text_(std::move(text)) {}
    Task<std::string_view> read() override;
    std::optional<std::uint64_t> length() const override { return text_.size(); }

private:
    std::string text_;
    bool done_ = false;
};

struct RequestHead {
    std::string method;  // as received; methods are case-sensitive
    std::string target;  // origin form: path and query, percent-encoding untouched
    Version version = Version::http11;
    Headers headers;

    void clear();
};

struct ResponseHead {
    int status = 200;
    Version version = Version::http11;
    Headers headers;

    void clear();
};

class Interruption;  // interruption.hpp
class Tunnel;        // tunnel.hpp

// Runs what goes on beside the answer to a request: the rest of its body on the way to a service that answers while it
// reads. Implemented by the server; on the request's thread.
class Companions {
public:
    // False, and `task` is dropped, when there are too many. The request and its body live until the task has ended;
    // when its answer is over the body's read() throws.
    virtual bool start(Task<void> task) = 0;

protected:
    ~Companions() = default;
};

// A request as a handler sees it. It outlives the handler's coroutine; one thread owns it.
struct Request {
    RequestHead head;
    BodyReader* body = nullptr;  // never null in a handler
    std::string request_id;      // set by the gateway (or by the server where a role is called directly)
    std::string remote_address;  // the peer's IP address in text form
    std::string scheme = "http";

    // Set by the server, for who waits on behalf of the request; null for one that this program makes up.
    Interruption* interruption = nullptr;
    // The protocol that the connection shall change to (RFC 9110 section 7.8), where the gateway lets it; else empty.
    std::string upgrade;
    // The client takes fields after the answer's body (TE: trailers).
    bool takes_trailers = false;
    // Set by the server where an answer may begin before the body was read; null where it must not.
    Companions* companions = nullptr;
    // What `body` is part of, where that may go away before a companion has ended.
    std::shared_ptr<void> body_holds;

    // Filled by the router: the pieces of the path that stand for {names}, decoded, in the order of the template.
    std::vector<std::string> path_parameters;
    std::string_view route;  // the template that matched, for metrics and logs; static storage

    std::string_view path() const;   // the target up to '?'
    std::string_view query() const;  // after '?', may be empty
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;                    // used when there is no stream
    std::unique_ptr<BodyReader> stream;  // sent as it comes, chunked when its length is unknown

    // With status 101: what the connection becomes.
    std::shared_ptr<Tunnel> tunnel;
    // Let go when the answer was sent.
    std::shared_ptr<const void> holds;

    // For an answer to HEAD or a 304 whose content-length tells the length of what a GET would send.
    std::optional<std::uint64_t> content_length;

    // Why this is a 5xx, for the log alone; answer() (problem.hpp) logs it and takes it away.
    std::string cause;
};

Response no_content();  // 204

// What answers requests: a role's router, the gateway, an upstream. An exception becomes a problem (problem.hpp).
using Handler = std::function<Task<Response>(Request&)>;

// "Not Found" for 404; "" for a status that no specification names.
std::string_view reason_phrase(int status);

// ASCII case-insensitive comparison, as for header names and most tokens.
bool iequals(std::string_view a, std::string_view b);

}  // namespace gatehouse::http
