// SPDX-License-Identifier: Apache-2.0
#include "app/version.hpp"

#include "base/json.hpp"

#include <fmt/format.h>

#include <build_info.inc>

namespace gatehouse::app {

int print_version(const CommandLine& line)
{
    constexpr std::string_view commit = GATEHOUSE_COMMIT;
    constexpr std::string_view date = GATEHOUSE_DATE;
    if (line.json) {
        auto text_or_null = [](std::string_view text) {
            return text.empty() ? json::value(nullptr) : json::value(json::string(text));
        };
        fmt::print("{}\n", json::serialize(json::object{{"version", GATEHOUSE_VERSION},
                                                        {"commit", text_or_null(commit)},
                                                        {"date", text_or_null(date)},
                                                        {"compiler", GATEHOUSE_COMPILER},
                                                        {"build_type", GATEHOUSE_BUILD_TYPE}}));
        return 0;
    }
    fmt::print("gatehouse {}\n", GATEHOUSE_VERSION);
    if (!commit.empty())
        fmt::print("commit    {}{}{}\n", commit, date.empty() ? "" : " of ", date);
    fmt::print("compiler  {}, {}\n", GATEHOUSE_COMPILER, GATEHOUSE_BUILD_TYPE);
    return 0;
}

}  // namespace gatehouse::app
