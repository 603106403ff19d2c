// SPDX-License-Identifier: Apache-2.0
// Percent-encoding, queries, paths and endpoints: what is encoded decodes to the same, an endpoint written out is read
// as the same again, an unambiguous path stays below its beginning.
#include "http/url.hpp"

#include "base/error.hpp"
#include "pieces.hpp"

#include <string>

using namespace gatehouse;
using namespace gatehouse::http;

namespace {

void check_endpoint(std::string_view input)
{
    auto endpoint = parse_endpoint(input);
    if (!endpoint || endpoint->scheme == "unix")
        return;
    GH_ASSERT(endpoint->port != 0 && !endpoint->host.empty());
    GH_ASSERT(endpoint->prefix.empty() || (endpoint->prefix.starts_with('/') && !endpoint->prefix.ends_with('/')));
    GH_ASSERT(parse_endpoint(endpoint->scheme + "://" + endpoint->authority() + endpoint->prefix) == endpoint);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    auto input = fuzz::to_text(data, size);
    if (input.find('\0') == std::string_view::npos)
        GH_ASSERT(percent_decode(percent_encode(input)) == input);
    if (auto decoded = percent_decode(input))
        GH_ASSERT(decoded->size() <= input.size() &&
                  (decoded->find('\0') == std::string::npos || input.find('\0') != std::string_view::npos));
    (void)find_query_parameter(input, "a");
    if (is_unambiguous_path(input)) {
        auto decoded = percent_decode(input);
        GH_ASSERT(decoded && (*decoded + '/').find("/../") == std::string::npos &&
                  (*decoded + '/').find("/./") == std::string::npos && decoded->find("//") == std::string::npos);
    }
    check_endpoint(input);
    return 0;
}
