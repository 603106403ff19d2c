// SPDX-License-Identifier: Apache-2.0
// Changes of header fields that a route asks for, of the request for the service or of the service's answer. Made at
// start, read-only after that: any thread.
#pragma once

#include "gateway/config.hpp"
#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::gateway {

struct EditedField {
    std::string name;  // lower case
    std::string value;
    bool operator==(const EditedField&) const = default;
};

// "Name: value".
std::optional<EditedField> parse_edited_field(std::string_view text);

class HeaderEdits final {
public:
    HeaderEdits() = default;
    // REQUIRES: the texts can be parsed.
    explicit HeaderEdits(const HeaderEditsConfig& config);

    bool empty() const { return remove_.empty() && set_.empty() && add_.empty(); }
    static bool is_empty(const HeaderEditsConfig& config)
    {
        return config.remove.empty() && config.set.empty() && config.add.empty();
    }
    void apply(http::Headers& headers) const;

private:
    std::vector<std::string> remove_;
    std::vector<EditedField> set_;
    std::vector<EditedField> add_;
};

// Whether edits must leave a field alone: it frames the message, says who is calling, or how the request came here.
bool is_protected_request_field(std::string_view name);
bool is_protected_response_field(std::string_view name);

}  // namespace gatehouse::gateway
