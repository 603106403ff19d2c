// SPDX-License-Identifier: Apache-2.0
// Where mails go: an SMTP server, or a directory of .eml files for installations without one.
//
// send() blocks, so it belongs on a pool; any thread, several at once.
#pragma once

#include "notifier/config.hpp"
#include "notifier/mail.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace gatehouse::notifier {

struct SendResult {
    bool accepted = true;
    std::string reason;  // of a refusal, for the log
};

class Mailer {
public:
    virtual ~Mailer() = default;

    // Returns once the mail is somebody else's responsibility, or refused for good: this recipient, this content.
    // Throws Unavailable for everything that another try may cure, our own settings included. The same mail may be sent
    // again.
    virtual SendResult send(const Mail& mail) = 0;

    // Lets the sends in progress, and all after, end soon with Unavailable: the program is ending. Any thread.
    virtual void interrupt() = 0;
};

std::unique_ptr<Mailer> make_smtp_mailer(Smtp settings);

// Writes <mail.id>.eml, whole or not at all; a repeat replaces the same file. `directory` is made when missing.
std::unique_ptr<Mailer> make_directory_mailer(std::filesystem::path directory);

}  // namespace gatehouse::notifier
