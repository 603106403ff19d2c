// SPDX-License-Identifier: Apache-2.0
// The gateway's one form of paths: what is let through says the same before and after, is that form already when it is
// looked at again, and stays below its beginning however a service decodes it.
#include "gateway/path.hpp"

#include "base/error.hpp"
#include "http/tokens.hpp"
#include "http/url.hpp"
#include "pieces.hpp"

#include <algorithm>
#include <string>

using namespace gatehouse;
using namespace gatehouse::gateway;

namespace {

// What no service may find in a path that was let through, once decoded and twice: the second is a mistake that
// services make.
void check_stays_below(std::string path)
{
    for (int times = 0; times < 2; ++times) {
        GH_ASSERT((path + '/').find("/../") == std::string::npos && (path + '/').find("/./") == std::string::npos);
        if (times == 1)
            break;
        auto decoded = http::percent_decode(path);
        GH_ASSERT(decoded);
        path = std::move(*decoded);
    }
    for (char c : path)
        GH_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    auto input = fuzz::to_text(data, size);
    // The parser lets nothing else through.
    if (input.empty() || !http::tokens::all(input, http::tokens::path) || input.find("%00") != std::string_view::npos)
        return 0;
    auto normal = normalize_path(input);
    if (is_normal_path(input))
        GH_ASSERT(normal == std::string(input));
    if (!normal)
        return 0;
    GH_ASSERT(normal->starts_with('/') && normal->size() <= input.size());
    GH_ASSERT(normalize_path(*normal) == normal);
    GH_ASSERT(http::percent_decode(*normal) == http::percent_decode(input));
    GH_ASSERT(std::ranges::count(*normal, '/') == std::ranges::count(input, '/'));
    GH_ASSERT(normal->find("//") == std::string::npos && normal->find('\\') == std::string::npos);
    for (auto at = normal->find('%'); at != std::string::npos; at = normal->find('%', at + 1))
        for (char c : normal->substr(at + 1, 2))
            GH_ASSERT(http::tokens::is(c, http::tokens::hex) && !(c >= 'a' && c <= 'f'));
    check_stays_below(*normal);
    return 0;
}
