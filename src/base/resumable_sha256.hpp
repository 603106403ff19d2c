// SPDX-License-Identifier: Apache-2.0
// SHA-256 that can be put aside and taken up again later, by another process: for content that arrives over hours.
// A value; one object belongs to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

class ResumableSha256 final {
public:
    ResumableSha256();
    void update(std::string_view bytes);

    // The 32 raw bytes of the digest. REQUIRES: called once, and nothing after it.
    std::string finish();

    // The state in a form that does not depend on the machine; restore() gives nullopt for anything else.
    std::string save() const;
    static std::optional<ResumableSha256> restore(std::string_view saved);

private:
    void compress(std::string_view blocks);

    std::array<std::uint32_t, 8> state_;
    std::uint64_t size_ = 0;
    std::string rest_;  // less than a block
};

}  // namespace gatehouse
