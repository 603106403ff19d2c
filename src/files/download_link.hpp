// SPDX-License-Identifier: Apache-2.0
// Links by which somebody without an account downloads one file, for a while: the path of its content with the time of
// its end and a signature.
//
// A link is bound to the file, to its end, to being saved, not shown, and to the file's generation of links: when that
// goes on, all links made before are over. It is kept nowhere: it ends by its time, with its generation, with the file,
// or with the service key. Immutable; any thread.
#pragma once

#include "base/clock.hpp"
#include "identity/service_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::files {

class LinkSigner final {
public:
    // It outlives this. Processes with the same key take each other's links.
    explicit LinkSigner(const identity::ServiceKey& key) : key_(key) {}

    // "/files/ID/content?expires=SECONDS&signature=...", with "&generation=N" before the signature unless it is 0.
    // REQUIRES: `id` is an id.
    std::string make(std::string_view id, TimePoint expires_at, std::int64_t generation = 0) const;

    // Whether the query has the form of a link's; a request with one needs no token.
    static bool is_link(std::string_view query);

    // The generation of the link. Throws Problem: 403 link_invalid, and 403 link_expired for a right one that is over.
    std::int64_t require(std::string_view id, std::string_view query, TimePoint now) const;

private:
    std::string sign(std::string_view id, std::string_view expires, std::int64_t generation) const;

    const identity::ServiceKey& key_;
};

}  // namespace gatehouse::files
