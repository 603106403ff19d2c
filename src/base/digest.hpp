// SPDX-License-Identifier: Apache-2.0
// A digest whose algorithm somebody else chose, to compare with what they say. Not for secrets: MD5 and SHA-1 find
// damage, not intent. One object belongs to one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace gatehouse {

class Digest final {
public:
    // "md5", "sha1", "sha256"; nullopt for any other.
    static std::optional<Digest> find(std::string_view algorithm);

    std::size_t size() const;  // of the result
    void update(std::string_view bytes);
    std::string finish();  // raw bytes. REQUIRES: called once, and nothing after it.

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    explicit Digest(evp_md_ctx_st* context) : context_(context) {}
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace gatehouse
