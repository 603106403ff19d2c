// SPDX-License-Identifier: Apache-2.0
#include "app/mail_endpoint.hpp"

#include "base/log.hpp"
#include "http/json_body.hpp"
#include "http/problem.hpp"

#include <string>
#include <string_view>

namespace gatehouse::app {

namespace {

constexpr std::string_view permission = "admin:*";
constexpr std::size_t listed_max = 100;

json::object to_json(const notifier::KeptMail& kept)
{
    return {{"id", kept.id},
            {"at", format_rfc3339(kept.at)},
            {"from", kept.mail.from},
            {"to", kept.mail.to},
            {"subject", kept.mail.subject}};
}

http::Response answer(const json::object& body)
{
    auto response = http::json_response(body);
    response.headers.set("cache-control", "no-store");
    return response;
}

}  // namespace

std::vector<http::Route> MailEndpoint::routes()
{
    using http::Request;
    return {
        {"GET", "/admin/mails", [this](Request& request) { return list(request); }},
        {"GET", "/admin/mails/{id}", [this](Request& request) { return show(request); }},
    };
}

// Throws Problem 404 where no mails are kept.
const notifier::MailDirectory& MailEndpoint::require_mails() const
{
    if (!mails_)
        throw http::Problem::not_found("mails_not_kept",
                                       "This process keeps no mails: they are sent, or written by another.");
    return *mails_;
}

// GET /admin/mails: the newest, without their text. One page.
Task<http::Response> MailEndpoint::list(http::Request& request)
{
    authenticators_.local().require(request, permission);
    const notifier::MailDirectory& mails = require_mails();
    auto read = [&mails] { return mails.newest(listed_max); };
    auto newest = co_await pool_.run(read);
    json::array items;
    for (const notifier::KeptMail& kept : newest)
        items.push_back(to_json(kept));
    co_return answer({{"items", std::move(items)}, {"next", nullptr}});
}

// GET /admin/mails/{id}: one, with its text.
Task<http::Response> MailEndpoint::show(http::Request& request)
{
    auto caller = authenticators_.local().require(request, permission);
    const notifier::MailDirectory& mails = require_mails();
    std::string id = request.path_parameters.at(0);
    auto read = [&mails, &id] { return mails.find(id); };
    auto found = co_await pool_.run(read);
    if (!found)
        throw http::Problem::not_found("mail_not_found", "There is no mail with this id.");
    log::info("app", "an administrator reads a mail", {{"mail", id}, {"user", caller->subject}});
    json::object body = to_json(*found);
    body["text"] = found->mail.text;
    co_return answer(body);
}

}  // namespace gatehouse::app
