// SPDX-License-Identifier: Apache-2.0
#include "notifier/account_notice.hpp"

#include <fmt/format.h>

namespace gatehouse::notifier {

namespace {

struct Template {
    std::string_view type;
    std::string_view reason;  // data.reason; empty: any
    std::string_view subject;
    std::string_view page;  // of the console, which the link leads to; empty: no link
    std::string_view text;  // {url} of the installation, {name} of the account, {link}
};

constexpr Template templates[] = {
    {"user.email_verification_requested", "registration", "Confirm your e-mail address", "verify-email",
     R"(somebody, most likely you, wants to register at {url} with this e-mail
address. To finish, follow this link within 24 hours:

  {link}

If it was not you, do nothing. Without the link there will be no account.
)"},
    {"user.email_verification_requested", "email_change", "Confirm your new e-mail address", "verify-email",
     R"(a user of {url} gave this as their new e-mail address. If that was you,
follow this link within 24 hours:

  {link}

If it was not you, do nothing. Without the link nothing changes.
)"},
    {"user.registration_refused", "account_exists", "You have an account already", "forgot-password",
     R"(somebody, most likely you, gave this e-mail address at {url}, as a new one.
You have an account with it already. If you forgot the password, ask for a new one:

  {link}

If it was not you, there is nothing to do.
)"},
    {"user.registration_refused", "username_taken", "Choose another user name", "register",
     R"(somebody, most likely you, wants to register at {url} with this e-mail
address. The user name is taken. Please choose another one:

  {link}

If it was not you, there is nothing to do.
)"},
    {"user.password_reset_requested", "", "Set a new password", "reset-password",
     R"(somebody, most likely you, asked for a new password for your account "{name}" at
{url}. To set one, follow this link within an hour:

  {link}

If it was not you, do nothing. Your password stays as it is.
)"},
    {"user.invited", "", "You are invited", "accept-invitation",
     R"(an administrator of {url} made an account for you. Your user name is
"{name}". To set your password, follow this link within seven days:

  {link}
)"},
    {"user.password_changed", "", "Your password was changed", "",
     R"(the password of your account "{name}" at {url} was changed.

If it was not you, tell an administrator at once, and ask for a new password on the page
where you log in.
)"},
    {"user.email_changed", "", "Your e-mail address was changed", "",
     R"(your account "{name}" at {url} has another e-mail address from now on. Mails
will not come to this one any more.

If it was not you, tell an administrator at once.
)"},
};

const Template* find_template(const events::Event& event)
{
    std::string reason = find_string(event.data, "reason").value_or("");
    for (const Template& one : templates)
        if (one.type == event.type && (one.reason.empty() || one.reason == reason))
            return &one;
    return nullptr;
}

}  // namespace

std::optional<Notice> make_account_notice(const events::Event& event, std::string_view token,
                                          std::string_view public_url)
{
    const Template* found = find_template(event);
    if (!found)
        return std::nullopt;
    std::string name = printable(find_string(event.data, "username").value_or(""));
    // Behind a '#' the token is in no server's log and in no Referer field.
    std::string link = fmt::format("{}/console/{}{}{}", public_url, found->page, token.empty() ? "" : "#", token);
    std::string text = fmt::format(fmt::runtime(found->text), fmt::arg("url", public_url), fmt::arg("name", name),
                                   fmt::arg("link", link));
    return Notice{.subject = std::string(found->subject), .text = fmt::format("Hello,\n\n{}", text)};
}

}  // namespace gatehouse::notifier
