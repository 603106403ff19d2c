// SPDX-License-Identifier: Apache-2.0
// The mails that this process wrote into its data directory because it has no mail server, over HTTP:
//
//   GET /admin/mails        the newest 100
//   GET /admin/mails/{id}   one of them, with its text
//
// Mails hold links that set passwords, of administrators as well: who reads them may become anybody. So it takes the
// permission to everything, `admin:*`. With a mail server, or where the notifier is another process, it is 404.
#pragma once

#include "base/blocking_pool.hpp"
#include "base/io_threads.hpp"
#include "http/router.hpp"
#include "identity/authenticator.hpp"
#include "notifier/mail_directory.hpp"

#include <optional>
#include <vector>

namespace gatehouse::app {

class MailEndpoint final {
public:
    // The pool, on which files are read, and the authenticators outlive it.
    MailEndpoint(std::optional<notifier::MailDirectory> mails, BlockingPool& pool,
                 PerThread<identity::Authenticator>& authenticators)
        : mails_(std::move(mails)), pool_(pool), authenticators_(authenticators)
    {
    }

    bool keeps_mails() const { return mails_.has_value(); }
    std::vector<http::Route> routes();  // for a router that this object outlives

private:
    const notifier::MailDirectory& require_mails() const;
    Task<http::Response> list(http::Request& request);
    Task<http::Response> show(http::Request& request);

    std::optional<notifier::MailDirectory> mails_;
    BlockingPool& pool_;
    PerThread<identity::Authenticator>& authenticators_;
};

}  // namespace gatehouse::app
