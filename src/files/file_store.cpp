// SPDX-License-Identifier: Apache-2.0
#include "files/file_store.hpp"

#include "base/error.hpp"

namespace gatehouse::files {

std::string_view to_string(State state)
{
    switch (state) {
    case State::stored: return "stored";
    case State::processing: return "processing";
    case State::processed: return "processed";
    case State::failed: return "failed";
    }
    GH_ASSERT(false);
}

std::optional<State> find_state(std::string_view text)
{
    for (State state : {State::stored, State::processing, State::processed, State::failed})
        if (to_string(state) == text)
            return state;
    return std::nullopt;
}

}  // namespace gatehouse::files
