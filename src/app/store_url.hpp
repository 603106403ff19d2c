// SPDX-License-Identifier: Apache-2.0
// Stores as URLs. Embedded ones belong to one process and lie in its data directory ("sqlite:auth.db", "local:files");
// processes share the others ("mysql://...", "mongodb://...", "amqp://...").
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::app {

// What a role can keep its things in.
struct StoreKind {
    std::string_view embedded;                 // the scheme in the data directory
    std::string_view place;                    // what follows it: "FILE" or "DIRECTORY"
    std::span<const std::string_view> shared;  // schemes of servers, the usual one first
};
const StoreKind& auth_store_kind();
const StoreKind& files_store_kind();
const StoreKind& events_store_kind();

bool is_embedded(std::string_view url);

// Why `url` is not a store of that kind; nullopt when it is one. Never repeats a part that may hold a password.
std::optional<std::string> find_store_error(std::string_view url, const StoreKind& kind);

// Where an embedded one lies: relative paths begin in the data directory. REQUIRES: find_store_error() has nothing to
// say.
std::filesystem::path store_path(std::string_view url, const std::filesystem::path& data);

// "amqp://user:secret@host" without the secret.
std::string redact_url(const std::string& url);

}  // namespace gatehouse::app
