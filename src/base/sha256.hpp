// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), incremental. One object belongs to one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace gatehouse {

class Sha256 final {
public:
    Sha256();
    void update(std::string_view bytes);

    // The 32 raw bytes of the digest. REQUIRES: called once, and nothing after it.
    std::string finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The 32 raw bytes of the digest of `bytes`.
std::string sha256(std::string_view bytes);

}  // namespace gatehouse
