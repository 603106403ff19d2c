// SPDX-License-Identifier: Apache-2.0
// What was decided about the last requests, for an administrator who asks about one by its id. Memory is fixed and
// nothing is allocated for a request: texts that are longer are cut. One object for each I/O thread, used on that
// alone; it outlives configurations.
#pragma once

#include "base/json.hpp"
#include "gateway/steps.hpp"
#include "http/message.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

// The beginning of a text.
template <std::size_t Size>
class CutText final {
public:
    CutText& operator=(std::string_view text)
    {
        size_ = static_cast<std::uint16_t>(std::min(text.size(), Size));
        std::ranges::copy(text.substr(0, size_), bytes_.begin());
        return *this;
    }
    void clear() { size_ = 0; }
    std::string_view view() const { return {bytes_.data(), size_}; }

private:
    std::uint16_t size_ = 0;
    std::array<char, Size> bytes_;
};

struct RecentRequest {
    CutText<64> id;
    CutText<16> method;
    CutText<256> path;  // as it was sent, without the query
    CutText<48> remote_address;
    CutText<64> user;      // the id; empty for an anonymous one
    CutText<96> route;     // the template; empty when none matched
    CutText<64> upstream;  // empty when it did not come so far
    CutText<48> problem;   // the code, of an error
    std::chrono::system_clock::time_point at;
    std::chrono::nanoseconds took{};  // to the head of the answer
    Step step = Step::forward_auth;   // the last one that it came to
    int status = 0;                   // 0: not answered yet
};

json::object to_json(const RecentRequest& request);

class RecentRequests final {
public:
    // Where a request is remembered; of none, when none are.
    struct Ticket {
        std::size_t slot = 0;
        std::uint64_t number = 0;  // of the request; 0: none
    };

    // `keep` is how many are remembered; all are forgotten when that changes.
    Ticket begin(const http::Request& request, std::size_t keep);
    // Where to say more about it; null when it was forgotten meanwhile.
    RecentRequest* at(Ticket ticket);

    // The newest with that id; null for none.
    const RecentRequest* find(std::string_view id) const;

private:
    struct Slot {
        std::uint64_t number = 0;
        RecentRequest request;
    };
    std::vector<Slot> slots_;
    std::size_t next_ = 0;
    std::uint64_t count_ = 0;
};

// The code of an answer that is a problem; empty for others.
std::string_view find_problem_code(const http::Response& response);

}  // namespace gatehouse::gateway
