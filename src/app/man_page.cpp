// SPDX-License-Identifier: Apache-2.0
#include "app/command_model.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace gatehouse::app {

namespace {

// What roff would take for its own.
std::string escape(std::string_view text)
{
    std::string out;
    for (char c : text) {
        switch (c) {
        case '\\': out += "\\e"; break;
        case '-': out += "\\-"; break;
        case '\'': out += "\\(aq"; break;
        case '`': out += "\\(ga"; break;
        case '^': out += "\\(ha"; break;
        case '~': out += "\\(ti"; break;
        case '"': out += "\\(dq"; break;
        default: out += c;
        }
    }
    // A line that begins with one of these would be a request.
    if (out.starts_with('.'))
        out.insert(0, "\\&");
    return out;
}

// Lines that are indented are shown as they are; an empty line begins a paragraph.
void append_text(std::string& out, std::string_view text)
{
    bool literal = false;
    while (!text.empty()) {
        auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        bool indented = line.starts_with("  ");
        if (indented != literal) {
            out += indented ? ".PP\n.nf\n.RS 4\n" : ".RE\n.fi\n";
            literal = indented;
        }
        if (line.empty())
            out += ".PP\n";
        else
            out += escape(indented ? line.substr(2) : line) + '\n';
    }
    if (literal)
        out += ".RE\n.fi\n";
}

void append_options(std::string& out, const std::vector<CommandOption>& options)
{
    for (const CommandOption& option : options) {
        std::string names = option.long_name.empty() ? "" : fmt::format("\\fB{}\\fR", escape(option.long_name));
        if (!option.short_name.empty())
            names = fmt::format("\\fB{}\\fR, {}", escape(option.short_name), names);
        if (!option.value.empty())
            names += fmt::format("{}\\fI{}\\fR", names.empty() ? "" : " ", escape(option.value));
        fmt::format_to(std::back_inserter(out), ".TP\n{}\n{}\n", names, escape(option.help));
    }
}

void append_command(std::string& out, const CommandModel& command)
{
    if (!command.commands.empty()) {
        for (const CommandModel& below : command.commands)
            append_command(out, below);
        return;
    }
    std::string usage = fmt::format("\\fB{}\\fR", escape(command.path));
    if (!command.options.empty())
        usage += " [\\fIOPTIONS\\fR]";
    for (const CommandOption& place : command.places)
        usage +=
            fmt::format(" {}\\fI{}\\fR{}", place.required ? "" : "[", escape(place.value), place.required ? "" : "]");
    fmt::format_to(std::back_inserter(out), ".SS {}\n{}\n.PP\n{}.\n", escape(command.path), usage,
                   escape(command.help));
    append_options(out, command.places);
    append_options(out, command.options);
    if (!command.footer.empty()) {
        out += ".PP\n";
        append_text(out, command.footer);
    }
}

constexpr std::string_view head = R"(.TH GATEHOUSE 1 "" "Gatehouse {}" "User Commands"
.SH NAME
gatehouse \- API gateway, authentication, file uploads and background work
.SH SYNOPSIS
.B gatehouse
.I COMMAND
[\fIOPTIONS\fR] [\fIARGUMENTS\fR]
.SH DESCRIPTION
{}
.PP
The options of each command are those of its section below;
.B \-\-help
prints them, too.
.SH COMMANDS
)";

constexpr std::string_view tail = R"(.SH EXIT STATUS
0 when all is fine, 1 when something failed, 2 for bad usage or configuration.
.SH ENVIRONMENT
.TP
.B GATEHOUSE_CONFIG
Configuration file, where \fB\-\-config\fR names none.
.TP
.B GATEHOUSE_SECTION__KEY
A setting, instead of what the configuration file says: \fBGATEHOUSE_AUTH__STORE\fR is \fBauth.store\fR. With
\fB_FILE\fR at the end it names a file that holds the value.
.TP
.BR GATEHOUSE_SERVER ", " GATEHOUSE_TOKEN
Server and access token of \fBgatehouse upload\fR and \fBgatehouse files\fR.
.TP
.B NO_COLOR
When it is set and not empty, nothing is coloured.
.SH FILES
.TP
.I /etc/gatehouse/gatehouse.yaml
Configuration of the service that the Debian package installs.
.TP
.I $XDG_CONFIG_HOME/gatehouse/session.json
Session of \fBgatehouse login\fR.
.TP
.I $XDG_STATE_HOME/gatehouse/uploads
Unfinished uploads.
)";

}  // namespace

std::string man_page(const CommandModel& program)
{
    std::string out = fmt::format(head, GATEHOUSE_VERSION, escape(program.help));
    for (const CommandModel& command : program.commands)
        append_command(out, command);
    out += tail;
    return out;
}

}  // namespace gatehouse::app
