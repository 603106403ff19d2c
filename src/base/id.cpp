// SPDX-License-Identifier: Apache-2.0
#include "base/id.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/sha256.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

namespace gatehouse {

namespace {

using Bytes = std::array<char, 16>;

void write_uuid_text(Bytes bytes, unsigned version, std::string& text)
{
    bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0fU) | (version << 4U));
    bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3fU) | 0x80U);
    text.assign(36, '-');
    std::string_view rest(bytes.data(), bytes.size());
    char* out = text.data();
    for (std::size_t size : {4U, 2U, 2U, 2U, 6U}) {
        out = write_hex(rest.substr(0, size), out) + 1;
        rest.remove_prefix(size);
    }
}

// 48 bits of milliseconds and 12 bits of a counter, never the same twice and never smaller than before
// (RFC 9562 section 6.2, method 3: the counter stands where the sub-millisecond fraction would).
std::uint64_t next_tick()
{
    static std::atomic<std::uint64_t> last{0};
    auto now = std::chrono::system_clock::now().time_since_epoch();
    auto ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    std::uint64_t tick = (ns / 1'000'000 << 12U) | (ns % 1'000'000 * 4096 / 1'000'000);
    std::uint64_t previous = last.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do
        next = tick > previous ? tick : previous + 1;
    while (!last.compare_exchange_weak(previous, next, std::memory_order_relaxed));
    return next;
}

}  // namespace

std::string make_id()
{
    std::string id;
    assign_new_id(id);
    return id;
}

void assign_new_id(std::string& id)
{
    std::uint64_t tick = next_tick();
    std::uint64_t ms = tick >> 12U;
    Bytes bytes;
    fill_random(bytes);
    for (std::size_t i = 0; i < 6; ++i)
        bytes[i] = static_cast<char>(ms >> (40U - 8U * i));
    bytes[6] = static_cast<char>((tick >> 8U) & 0x0fU);
    bytes[7] = static_cast<char>(tick);
    write_uuid_text(bytes, 7, id);
}

std::string make_derived_id(std::string_view scope, std::string_view name)
{
    Sha256 hash;
    hash.update(scope);
    hash.update(std::string_view{"\0", 1});
    hash.update(name);
    std::string digest = hash.finish();
    Bytes bytes;
    std::copy_n(digest.begin(), bytes.size(), bytes.begin());
    std::string id;
    write_uuid_text(bytes, 8, id);
    return id;
}

bool is_id(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

}  // namespace gatehouse
