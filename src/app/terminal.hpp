// SPDX-License-Identifier: Apache-2.0
// Passwords from people and from pipes; whether what is printed may be coloured.
#pragma once

#include "base/error.hpp"
#include "base/secret.hpp"

#include <optional>
#include <string>

namespace gatehouse::app {

// Asks twice on the terminal, without echo. The error is a sentence: no terminal, nothing typed, or not the same twice.
Result<Secret, std::string> ask_new_password(const std::string& user);

// Asks once on the terminal, with or without echo; nullopt when there is no terminal or nothing is typed.
std::optional<std::string> ask_text(const std::string& prompt);
std::optional<Secret> ask_secret(const std::string& prompt);

// The first line of standard input, without its end.
Result<Secret, std::string> read_password_from_stdin();

// A terminal that can show colours, and nobody asked for none (NO_COLOR, as no-color.org has it).
bool wants_color(int fd);

}  // namespace gatehouse::app
