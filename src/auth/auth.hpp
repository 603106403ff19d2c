// SPDX-License-Identifier: Apache-2.0
// The role `auth`: users, passwords, sessions, signing keys. Its public face; nothing else of the folder is included by
// other folders, but commands.hpp by app (the command line).
//
// Built and started on the main thread; its handler runs on I/O threads. What the constructor takes outlives it.
#pragma once

#include "auth/config.hpp"
#include "auth/secret_box.hpp"
#include "base/clock.hpp"
#include "base/io_threads.hpp"
#include "base/metrics.hpp"
#include "events/event_queue.hpp"
#include "events/relay.hpp"
#include "http/router.hpp"
#include "identity/authenticator.hpp"
#include "identity/service_key.hpp"
#include "sql/database.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gatehouse::auth {

class Auth final {
public:
    struct Needs {
        sql::Database& database;
        identity::KeySource& keys;              // filled by start()
        identity::RevocationList& revocations;  // likewise
        PerThread<identity::Authenticator>& authenticators;
        const identity::ServiceKey& service_key;
        const SecretBox& secrets;  // what the store keeps encrypted
        const Clock& clock;
        Metrics& metrics;
        events::EventQueue* queue = nullptr;  // whose dead letters administrators see and take up again
    };
    // Throws std::runtime_error for a configuration that cannot work: no issuer, an unknown algorithm.
    Auth(Config config, Needs needs);
    ~Auth();

    // Migrates the schema, makes a signing key when there is none, or none of the configured algorithm, or it is time
    // for the next one (once, whatever the number of processes), and publishes the keys. Throws std::runtime_error when
    // `secrets` has another key than the store's, Unavailable while the database is away and may be called again; until
    // it succeeded every request is answered 503. Blocks.
    void start();

    // While no administrator exists: a fresh one-time token for the set-up page (valid for 24 hours or until an
    // administrator is made; earlier tokens end). nullopt when there is one. Blocks.
    std::optional<Secret> make_setup_token();

    // Reads the signing keys again and publishes them, after Commands::rotate_key() in this process. Blocks.
    void reload_keys();

    // Picks up the keys that other processes made, every 15 seconds or more often, and makes the next one when it is
    // time, until cancelled; while the database is away it asks every second, so that ready() tells. Spawned once,
    // before or after start(), on an I/O thread; ends before this object does.
    Task<void> follow_keys();

    // Keeps the list of revocations as the store has it, until cancelled. Spawned once, before or after start(), on an
    // I/O thread; ends before this object does.
    Task<void> follow_revocations();
    void read_revocations();  // now: somebody wrote some to the store. Any thread.

    // Answers the processes that wait for revocations, before the servers are asked to finish. Any thread.
    void stop_waiting();

    const http::Router& router() const;
    events::Outbox outbox();  // what another process took is not read here, for half a minute
    // Called after something was put into the outbox. Set once, before start().
    void on_announce(std::function<void()> notify);
    bool ready() const;  // started, and the database answers
    void stop();         // finishes the hashing pool

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::auth
