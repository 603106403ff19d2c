// SPDX-License-Identifier: Apache-2.0
// raw_hashes SECONDS: how many passwords one thread verifies in a second with libsodium and nothing else, with the
// parameters that Gatehouse stores.
#include <sodium.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int argc, char** argv)
{
    if (argc != 2 || sodium_init() < 0)
        return 2;
    constexpr std::string_view password = "correct horse battery staple";
    char stored[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str_alg(stored, password.data(), password.size(), 2, 19456ULL * 1024,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return 1;
    auto begin = std::chrono::steady_clock::now();
    auto passed = std::chrono::duration<double>{};
    int count = 0;
    while (passed.count() < std::atof(argv[1])) {
        if (crypto_pwhash_str_verify(stored, password.data(), password.size()) != 0)
            return 1;
        ++count;
        passed = std::chrono::steady_clock::now() - begin;
    }
    std::printf("%f\n", count / passed.count());
}
