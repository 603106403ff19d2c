// SPDX-License-Identifier: Apache-2.0
// The directory that holds the content of files, without any knowledge of their records.
//
//   <root>/tmp/<name>          content on its way in, or not yet known to be visible
//   <root>/content/ab/<name>   content that a record names; "ab" are the last two digits of the id
//
// <name> is "<id>.<16 hex digits>", new for each writer: two writers of one id (a repeated job) never meet, and a late
// removal never hits content that was written later. A name stays in tmp/ from its first byte until it is decided
// whether its record exists; what a crash left behind is therefore found by looking into tmp/ alone.
// All calls block. Any thread. Failures of the file system are Unavailable.
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::files {

class ContentDirectory final {
public:
    explicit ContentDirectory(const std::filesystem::path& root);  // made, with mode 0700, when missing

    static std::string make_name(std::string_view id);
    static std::optional<std::string> find_id(std::string_view name);  // nullopt when it is not such a name

    static std::string place_of(const std::string& name);  // below the root: "content/ab/<name>"

    UniqueFd create_temporary(const std::string& name) const;
    void sync_temporaries() const;  // makes the names of those created before durable

    // For reading and writing. An invalid descriptor when there is none.
    UniqueFd open_temporary(const std::string& name) const;

    // Gives the temporary's content its place in content/, durably; it keeps its name in tmp/ as well. May be repeated.
    // REQUIRES: the content itself has been synced.
    void publish(const std::string& name) const;

    // An invalid descriptor when there is no such content.
    UniqueFd open_content(const std::string& name) const;

    // Both do nothing when the name is gone already.
    void remove_temporary(const std::string& name) const;
    void remove_content(const std::string& name) const;  // durable when it returns

    std::vector<std::string> temporary_names() const;

private:
    UniqueFd open_shard(const std::string& name, bool create) const;

    UniqueFd temporary_;
    UniqueFd content_;
    std::filesystem::path root_;
};

}  // namespace gatehouse::files
