// SPDX-License-Identifier: Apache-2.0
#include "app/process_endpoints.hpp"

namespace gatehouse::app {

namespace {

std::optional<notifier::MailDirectory> kept_mails(const Config& config, const RoleSet& roles,
                                                  const std::filesystem::path& data)
{
    if (!roles.has(Role::notifier) || !config.notifier.smtp.url.empty())
        return std::nullopt;
    return notifier::MailDirectory(mail_directory(data));
}

}  // namespace

ProcessEndpoints::ProcessEndpoints(Reloader& reloader, BlockingPool& pool,
                                   PerThread<identity::Authenticator>& authenticators, const RoleSet& roles,
                                   const std::filesystem::path& data)
    : config_(reloader, pool, authenticators), mails_(kept_mails(reloader.running(), roles, data), pool, authenticators)
{
}

std::vector<http::Route> ProcessEndpoints::routes()
{
    auto all = mails_.routes();
    all.push_back(config_.route());
    return all;
}

std::filesystem::path mail_directory(const std::filesystem::path& data) { return data / "mail"; }

}  // namespace gatehouse::app
