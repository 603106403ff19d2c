// SPDX-License-Identifier: Apache-2.0
// The mails that the directory mailer wrote, to be read where there is no mail server. Every name is made from an id,
// so that none leads out of the directory.
//
// Blocking: belongs on a pool. No state, any thread.
#pragma once

#include "base/clock.hpp"
#include "notifier/mail_reader.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::notifier {

struct KeptMail {
    std::string id;
    TimePoint at;  // when it was written
    ReadableMail mail;
};

class MailDirectory final {
public:
    explicit MailDirectory(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // The newest, at most `max` of them; their text may be cut short. Throws Unavailable when they cannot be read.
    std::vector<KeptMail> newest(std::size_t max) const;

    // nullopt: there is no such mail. Text beyond 256 KiB is cut off. Throws Unavailable when it cannot be read.
    std::optional<KeptMail> find(std::string_view id) const;

private:
    std::filesystem::path directory_;
};

}  // namespace gatehouse::notifier
