// SPDX-License-Identifier: Apache-2.0
#include "app/cli.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv)
{
    try {
        return gatehouse::app::run_command_line(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gatehouse: %s\n", error.what());
        return 1;
    }
}
