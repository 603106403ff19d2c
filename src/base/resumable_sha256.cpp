// SPDX-License-Identifier: Apache-2.0
#include "base/resumable_sha256.hpp"

#include "base/error.hpp"

#include <openssl/sha.h>

namespace gatehouse {

namespace {

constexpr std::size_t block_bytes = 64;
constexpr std::size_t word_bytes = 4;
constexpr std::size_t size_bytes = 8;
constexpr char format = 1;
constexpr std::size_t head_bytes = 1 + 8 * word_bytes + size_bytes;

void append_number(std::string& out, std::uint64_t number, std::size_t bytes)
{
    for (std::size_t i = bytes; i-- > 0;)
        out += static_cast<char>(number >> (8 * i));
}

std::uint64_t read_number(std::string_view bytes)
{
    std::uint64_t number = 0;
    for (char c : bytes)
        number = number << 8U | static_cast<unsigned char>(c);
    return number;
}

}  // namespace

ResumableSha256::ResumableSha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
{
}

// OpenSSL's EVP interface does not give its state away; the one below it does, and uses the same instructions.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
void ResumableSha256::compress(std::string_view blocks)
{
    SHA256_CTX context{};
    GH_ASSERT(SHA256_Init(&context) == 1);
    for (std::size_t i = 0; i < state_.size(); ++i)
        context.h[i] = state_[i];
    // Only whole blocks are given, so that nothing stays in the context but these words.
    GH_ASSERT(blocks.size() % block_bytes == 0 && SHA256_Update(&context, blocks.data(), blocks.size()) == 1);
    for (std::size_t i = 0; i < state_.size(); ++i)
        state_[i] = static_cast<std::uint32_t>(context.h[i]);
}
#pragma clang diagnostic pop

void ResumableSha256::update(std::string_view bytes)
{
    size_ += bytes.size();
    if (!rest_.empty()) {
        std::string_view part = bytes.substr(0, block_bytes - rest_.size());
        rest_ += part;
        bytes.remove_prefix(part.size());
        if (rest_.size() < block_bytes)
            return;
        compress(rest_);
        rest_.clear();
    }
    std::size_t whole = bytes.size() / block_bytes * block_bytes;
    if (whole > 0)
        compress(bytes.substr(0, whole));
    rest_ = bytes.substr(whole);
}

std::string ResumableSha256::finish()
{
    std::string last = rest_;
    last += static_cast<char>(0x80);
    while (last.size() % block_bytes != block_bytes - size_bytes)
        last += '\0';
    append_number(last, size_ * 8, size_bytes);
    compress(last);
    std::string digest;
    for (std::uint32_t word : state_)
        append_number(digest, word, word_bytes);
    return digest;
}

std::string ResumableSha256::save() const
{
    std::string saved(1, format);
    for (std::uint32_t word : state_)
        append_number(saved, word, word_bytes);
    append_number(saved, size_, size_bytes);
    return saved + rest_;
}

std::optional<ResumableSha256> ResumableSha256::restore(std::string_view saved)
{
    if (saved.size() < head_bytes || saved[0] != format)
        return std::nullopt;
    ResumableSha256 hash;
    for (std::size_t i = 0; i < hash.state_.size(); ++i)
        hash.state_[i] = static_cast<std::uint32_t>(read_number(saved.substr(1 + i * word_bytes, word_bytes)));
    hash.size_ = read_number(saved.substr(head_bytes - size_bytes, size_bytes));
    hash.rest_ = saved.substr(head_bytes);
    if (hash.rest_.size() != hash.size_ % block_bytes)
        return std::nullopt;
    return hash;
}

}  // namespace gatehouse
