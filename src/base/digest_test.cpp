// SPDX-License-Identifier: Apache-2.0
#include "base/digest.hpp"
#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace gatehouse {

TEST(Digest, OfTheStandardsExamples)
{
    struct Row {
        const char* algorithm;
        const char* digest;
    };
    for (auto [algorithm, expected] :
         {Row{"md5", "900150983cd24fb0d6963f7d28e17f72"}, Row{"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
          Row{"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}) {
        auto digest = Digest::find(algorithm);
        ASSERT_TRUE(digest) << algorithm;
        digest->update("a");
        digest->update("bc");
        EXPECT_EQ(digest->size() * 2, std::string(expected).size());
        EXPECT_EQ(to_hex(digest->finish()), expected);
    }
}

TEST(Digest, OthersAreUnknown)
{
    for (const char* name : {"", "crc32", "SHA1", "sha512"})
        EXPECT_FALSE(Digest::find(name)) << name;
}

}  // namespace gatehouse
