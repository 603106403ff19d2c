// SPDX-License-Identifier: Apache-2.0
// What a process tells administrators besides its status: its configuration, and the mails that it keeps. For the
// gateway's router; lives as long as it.
#pragma once

#include "app/config_endpoint.hpp"
#include "app/mail_endpoint.hpp"
#include "app/roles.hpp"

namespace gatehouse::app {

class ProcessEndpoints final {
public:
    // The references outlive it. `data` is the directory of the process.
    ProcessEndpoints(Reloader& reloader, BlockingPool& pool, PerThread<identity::Authenticator>& authenticators,
                     const RoleSet& roles, const std::filesystem::path& data);

    bool keeps_mails() const { return mails_.keeps_mails(); }
    std::vector<http::Route> routes();

private:
    ConfigEndpoint config_;
    MailEndpoint mails_;
};

// Where the notifier writes mails for which there is no server.
std::filesystem::path mail_directory(const std::filesystem::path& data);

}  // namespace gatehouse::app
