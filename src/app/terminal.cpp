// SPDX-License-Identifier: Apache-2.0
#include "app/terminal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include <termios.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

constexpr std::size_t password_bytes_max = 4096;

// Reads up to the end of the line or of the input; nullopt when nothing can be read, or too much.
std::optional<Secret> read_line(int fd)
{
    std::string line;
    line.reserve(password_bytes_max);  // never reallocated: no copies stay behind
    while (line.size() < password_bytes_max) {
        char c = 0;
        ssize_t size = ::read(fd, &c, 1);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 || (size == 0 && line.empty()))
            return std::nullopt;
        if (size == 0 || c == '\n') {
            if (line.ends_with('\r'))
                line.pop_back();
            return Secret(std::move(line));
        }
        line += c;
    }
    wipe(line);
    return std::nullopt;
}

// Typed characters stay invisible as long as it lives.
class NoEcho final {
public:
    NoEcho()
    {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0)
            return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    ~NoEcho()
    {
        if (changed_)
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

private:
    termios before_{};
    bool changed_ = false;
};

std::optional<Secret> ask(const std::string& prompt)
{
    fmt::print(stderr, "{}", prompt);
    NoEcho no_echo;
    auto line = read_line(STDIN_FILENO);
    fmt::print(stderr, "\n");
    return line;
}

}  // namespace

Result<Secret, std::string> ask_new_password(const std::string& user)
{
    if (::isatty(STDIN_FILENO) == 0)
        return std::unexpected(
            std::string("standard input is no terminal: pipe the password in with --password-stdin"));
    auto first = ask(fmt::format("Password for {}: ", user));
    auto second = first ? ask("Once more: ") : std::nullopt;
    if (!first || !second || first->empty())
        return std::unexpected(std::string("no password was typed"));
    if (!constant_time_equal(first->reveal(), second->reveal()))
        return std::unexpected(std::string("the two are not the same"));
    return *first;
}

std::optional<std::string> ask_text(const std::string& prompt)
{
    if (::isatty(STDIN_FILENO) == 0)
        return std::nullopt;
    fmt::print(stderr, "{}", prompt);
    auto line = read_line(STDIN_FILENO);
    if (!line || line->empty())
        return std::nullopt;
    return std::string(line->reveal());
}

std::optional<Secret> ask_secret(const std::string& prompt)
{
    if (::isatty(STDIN_FILENO) == 0)
        return std::nullopt;
    auto line = ask(prompt);
    return line && !line->empty() ? line : std::nullopt;
}

Result<Secret, std::string> read_password_from_stdin()
{
    auto line = read_line(STDIN_FILENO);
    if (!line || line->empty())
        return std::unexpected(std::string("no password on standard input"));
    return *line;
}

bool wants_color(int fd)
{
    auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string_view(value ? value : "");
    };
    return ::isatty(fd) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

}  // namespace gatehouse::app
