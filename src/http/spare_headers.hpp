// SPDX-License-Identifier: Apache-2.0
// Memory of the fields of answers: they begin in the client and end in the server's connection, so neither can keep it
// for the next one. Each thread keeps that of a few.
#pragma once

#include "http/message.hpp"

#include <utility>
#include <vector>

namespace gatehouse::http {

class SpareHeaders final {
public:
    // Empty, with the memory of one that was given back, if there is any.
    static Headers take()
    {
        auto& kept = of_thread();
        if (kept.empty())
            return {};
        Headers headers = std::move(kept.back());
        kept.pop_back();
        return headers;
    }

    static void give_back(Headers&& headers)
    {
        auto& kept = of_thread();
        if (kept.size() == kept_max || headers.bytes() > bytes_max)
            return;
        headers.clear();
        kept.push_back(std::move(headers));
    }

private:
    static constexpr std::size_t kept_max = 64;
    static constexpr std::size_t bytes_max = 4096;

    static std::vector<Headers>& of_thread()
    {
        thread_local std::vector<Headers> kept;
        return kept;
    }
};

}  // namespace gatehouse::http
