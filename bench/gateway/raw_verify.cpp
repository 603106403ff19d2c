// SPDX-License-Identifier: Apache-2.0
// raw_verify ES256|EdDSA|RS256 KEY.pem TOKENS SECONDS: CPU microseconds for one verification of a signature by OpenSSL
// and nothing else. Keys, contexts and the decoded signatures are made beforehand.
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct Signed {
    std::string text;
    std::string signature;
};

std::string from_base64url(std::string text)
{
    for (char& c : text)
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    std::size_t padding = (4 - text.size() % 4) % 4;
    text.append(padding, '=');
    std::string bytes(text.size() / 4 * 3, '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::string to_der(const std::string& raw)
{
    const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
    ECDSA_SIG* signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
    unsigned char* der = nullptr;
    int size = i2d_ECDSA_SIG(signature, &der);
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(signature);
    return out;
}

double cpu_seconds()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 5)
        return 2;
    std::string algorithm = argv[1];
    std::FILE* file = std::fopen(argv[2], "r");
    EVP_PKEY* key = file ? PEM_read_PUBKEY(file, nullptr, nullptr, nullptr) : nullptr;
    if (!key)
        return 1;
    std::fclose(file);
    std::vector<Signed> tokens;
    std::ifstream lines(argv[3]);
    for (std::string line; tokens.size() < 1000 && std::getline(lines, line);) {
        std::size_t dot = line.rfind('.');
        std::string signature = from_base64url(line.substr(dot + 1));
        tokens.push_back({line.substr(0, dot), algorithm == "ES256" ? to_der(signature) : signature});
    }
    EVP_MD* digest = algorithm == "EdDSA" ? nullptr : EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    double begin = cpu_seconds();
    double passed = 0;
    long count = 0;
    while (passed < std::atof(argv[4])) {
        const Signed& token = tokens[static_cast<std::size_t>(count) % tokens.size()];
        EVP_MD_CTX_reset(context);
        if (EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key) != 1 ||
            EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(token.signature.data()),
                             token.signature.size(), reinterpret_cast<const unsigned char*>(token.text.data()),
                             token.text.size()) != 1)
            return 1;
        ++count;
        passed = cpu_seconds() - begin;
    }
    std::printf("%f\n", passed / static_cast<double>(count) * 1e6);
}
