// SPDX-License-Identifier: Apache-2.0
#include "gateway/recent_requests.hpp"

#include "base/clock.hpp"

#include <string>

namespace gatehouse::gateway {

namespace {

// Paths may hold any byte that the parser lets through; a text that was cut may end within a character.
json::string text_of(std::string_view text)
{
    json::string out;
    for (char c : text)
        out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    return out;
}

}  // namespace

RecentRequests::Ticket RecentRequests::begin(const http::Request& request, std::size_t keep)
{
    if (keep != slots_.size()) {
        slots_ = std::vector<Slot>(keep);
        next_ = 0;
    }
    if (keep == 0)
        return {};
    Ticket ticket{next_, ++count_};
    next_ = next_ + 1 == keep ? 0 : next_ + 1;
    Slot& slot = slots_[ticket.slot];
    slot.number = ticket.number;
    RecentRequest& recent = slot.request;
    recent.id = request.request_id;
    recent.method = request.head.method;
    recent.path = request.path();
    recent.remote_address = request.remote_address;
    recent.user.clear();
    recent.route.clear();
    recent.upstream.clear();
    recent.problem.clear();
    recent.at = std::chrono::system_clock::now();
    recent.status = 0;
    return ticket;
}

RecentRequest* RecentRequests::at(Ticket ticket)
{
    bool there = ticket.number != 0 && ticket.slot < slots_.size() && slots_[ticket.slot].number == ticket.number;
    return there ? &slots_[ticket.slot].request : nullptr;
}

const RecentRequest* RecentRequests::find(std::string_view id) const
{
    const Slot* newest = nullptr;
    for (const Slot& slot : slots_)
        if (slot.number != 0 && slot.request.id.view() == id && (!newest || slot.number > newest->number))
            newest = &slot;
    return newest ? &newest->request : nullptr;
}

std::string_view find_problem_code(const http::Response& response)
{
    constexpr std::string_view member = R"("code":")";
    if (response.status < 400 || response.headers.find("content-type") != "application/problem+json")
        return {};
    std::string_view body = response.body;
    std::size_t begin = body.find(member);
    if (begin == std::string_view::npos)
        return {};
    body.remove_prefix(begin + member.size());
    return body.substr(0, body.find('"'));
}

json::object to_json(const RecentRequest& request)
{
    auto optional = [](std::string_view text) {
        return text.empty() ? json::value(nullptr) : json::value(text_of(text));
    };
    bool answered = request.status != 0;
    json::array steps;
    for (std::size_t i = 0; i < step_names.size(); ++i) {
        auto last = static_cast<std::size_t>(request.step);
        bool refused = answered && i == last && request.step != Step::upstream && request.status >= 400;
        std::string_view outcome = i < last ? "passed" : i > last ? "not reached" : refused ? "refused" : "reached";
        steps.push_back(json::object{{"step", step_names[i]}, {"outcome", outcome}});
    }
    json::object object;
    object["request_id"] = text_of(request.id.view());
    object["at"] = format_rfc3339(std::chrono::floor<std::chrono::milliseconds>(request.at));
    object["method"] = text_of(request.method.view());
    object["path"] = text_of(request.path.view());
    object["remote_address"] = optional(request.remote_address.view());
    object["user"] = optional(request.user.view());
    object["route"] = optional(request.route.view());
    object["upstream"] = optional(request.upstream.view());
    object["status"] = answered ? json::value(request.status) : json::value(nullptr);
    object["code"] = optional(request.problem.view());
    object["milliseconds"] =
        answered ? json::value(std::chrono::duration<double, std::milli>(request.took).count()) : json::value(nullptr);
    object["steps"] = std::move(steps);
    return object;
}

}  // namespace gatehouse::gateway
