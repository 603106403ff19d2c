// SPDX-License-Identifier: Apache-2.0
// The settings of the role `files` (configuration section `files`).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::files {

struct RoleQuota {
    std::string role;
    std::uint64_t bytes = 0;  // 0: none
};

struct Config {
    std::string listen = "127.0.0.1:8082";
    std::vector<std::string> urls;  // where other processes reach it: "http://host:port", one or more
    std::string store = "local:files";
    std::uint64_t upload_bytes_max = 16ULL << 30U;                 // of one file
    std::uint64_t quota_bytes = 0;                                 // of one user's uploads together; 0: none
    std::vector<RoleQuota> quota_by_role;                          // instead; the largest of a user's roles counts
    std::vector<std::string> allowed_types;                        // "image/*", "application/pdf"; empty: every type
    std::chrono::milliseconds trash_ttl{7 * 24 * 60 * 60 * 1000};  // of removed uploads; 0: none, they go at once
    std::chrono::seconds link_lifetime_max{7 * 24 * 60 * 60};      // of a link that is given away
    std::size_t event_streams_max = 1'000;                         // of GET /events, of one process
    std::size_t event_streams_per_user = 10;
    std::chrono::milliseconds upload_ttl{24 * 60 * 60 * 1000};  // of a resumable upload that nobody continues
    std::size_t unfinished_uploads_max = 100;                   // resumable ones, of one user
    std::chrono::milliseconds abandoned_after{10 * 60 * 1000};  // when what nobody works on any more is swept
};

}  // namespace gatehouse::files
