// SPDX-License-Identifier: Apache-2.0
// The role's endpoints, a source file for each group, and what they share. The route table is in files.cpp.
//
// Everything runs on the I/O thread of the request; Context outlives it.
#pragma once

#include "base/blocking_pool.hpp"
#include "files/download_link.hpp"
#include "files/file_events.hpp"
#include "files/files.hpp"
#include "files/quota.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"
#include "identity/claims.hpp"

#include <memory>
#include <string>

namespace gatehouse::files {

inline constexpr std::string_view read_permission = "files:read";
inline constexpr std::string_view write_permission = "files:write";
inline constexpr std::string_view read_any_permission = "files:read:any";  // files of others too
inline constexpr std::string_view write_any_permission = "files:write:any";

struct Context {
    Context(Config given, Files::Needs needs, std::string public_url);

    Config config;
    std::string public_url;  // without a slash at its end
    FileStore& store;
    PerThread<identity::Authenticator>& authenticators;
    const Clock& clock;
    LinkSigner links;
    FileEvents events;
    Quota quota;
    prometheus::Counter& uploads;
    prometheus::Counter& uploaded_bytes;
    BlockingPool checking{{.name = "files-check", .threads = 2, .queue_max = 4096}};  // checksums
    BlockingPool sniffing{{.name = "files-sniff", .threads = 1, .queue_max = 1024}};
};

// The verified claims of the caller, who has `permission`. Throws Problem.
std::shared_ptr<const identity::Claims> require(Context& context, const http::Request& request,
                                                std::string_view permission);

// The file, if the caller owns it or has `any_permission`. Throws Problem 404 otherwise, the same for a file of
// somebody else as for none: ids cannot be probed.
Task<File> get_file(Context& context, const identity::Claims& caller, std::string id, std::string_view any_permission);

// Whether the query says name=true. Throws Problem 422 when it says neither that nor false.
bool read_flag(std::string_view query, std::string_view name);

// The media type of content that begins with `head`. Throws Problem 415 when such files are not taken here.
Task<std::string> sniff_allowed(Context& context, std::string_view head, std::string name);

// What every way to upload a file ends with. The problem 413 for `name`.
void count_upload(Context& context, const File& file);
http::Problem too_large(const std::string& name, std::uint64_t limit);

Task<http::Response> upload(http::Request& request, Context& context);

// Resumable uploads (tus.cpp).
Task<http::Response> tus_options(http::Request& request, Context& context);
Task<http::Response> tus_create(http::Request& request, Context& context);
Task<http::Response> tus_head(http::Request& request, Context& context);
Task<http::Response> tus_append(http::Request& request, Context& context);
Task<http::Response> tus_terminate(http::Request& request, Context& context);

Task<http::Response> list_files(http::Request& request, Context& context);
Task<http::Response> show_usage(http::Request& request, Context& context);
Task<http::Response> show_usage_of_users(http::Request& request, Context& context);
Task<http::Response> show_file(http::Request& request, Context& context);
Task<http::Response> delete_file(http::Request& request, Context& context);
Task<http::Response> restore_file(http::Request& request, Context& context);
Task<http::Response> download(http::Request& request, Context& context);
Task<http::Response> download_by_fid(http::Request& request, Context& context);
Task<http::Response> make_link(http::Request& request, Context& context);
Task<http::Response> end_links(http::Request& request, Context& context);
Task<http::Response> follow_events(http::Request& request, Context& context);

}  // namespace gatehouse::files
