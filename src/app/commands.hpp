// SPDX-License-Identifier: Apache-2.0
// The management commands: JSON in, JSON out. The same functions run in a server (control.hpp) and, when no server
// works in the data directory, in the command's own process on the stores.
#pragma once

#include "auth/commands.hpp"
#include "auth/config.hpp"
#include "base/blocking_pool.hpp"
#include "base/json.hpp"
#include "base/task.hpp"
#include "events/event_queue.hpp"

#include <functional>
#include <string>

namespace gatehouse::app {

class Reloader;

struct CommandContext {
    auth::Commands* users;      // users, keys, audit log; nullptr where the role auth does not run
    events::EventQueue* queue;  // dead letters; nullptr where no role that uses events runs
    const auth::Config& auth;
    BlockingPool& pool;  // where the blocking ones run
    // What a server must do afterwards; called on the pool.
    std::function<void()> on_users_changed = [] {};
    std::function<void()> on_keys_changed = [] {};
    Reloader* reloader = nullptr;  // in a server
    // What the gateway would do with a request; empty where it does not run.
    std::function<Task<json::object>(json::object question)> explain;
};

// "user.add", "user.list", "user.show", "user.passwd", "user.disable", "user.enable", "user.remove", "user.totp_reset",
// "user.import", "key.list", "key.rotate", "audit.list", "audit.verify", "dead.list", "dead.show", "dead.retry",
// "dead.drop"; in a server "config.reload", "config.diff", "config.explain". A listing is
// {"items":[...]}. Throws http::Problem for what cannot be done, Unavailable when a store cannot be used. `context`
// outlives the call.
Task<json::value> run_command(CommandContext& context, std::string name, json::object arguments);

}  // namespace gatehouse::app
