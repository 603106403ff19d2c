// SPDX-License-Identifier: Apache-2.0
// The addresses where the roles of this process are reached, and the servers behind them: the gateway's for everybody,
// those of auth and files where other processes may ask them. Bound here, started when there is something to serve.
//
// Main thread.
#pragma once

#include "app/config.hpp"
#include "app/late_server.hpp"
#include "app/listen_address.hpp"
#include "app/roles.hpp"
#include "http/public_side.hpp"
#include "http/tls_server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::app {

http::ServerOptions server_options(std::string name, const ListenAddress& address);

class Listeners final {
public:
    // Fills into `config` what follows from the gateway's addresses: the public URL, and the tokens' issuer. Throws
    // std::exception naming the address, or as http::read_certificate().
    Listeners(Config& config, const RoleSet& roles, IoThreads& threads);

    // Null where this process has none.
    LateServer* http() const { return http_.get(); }
    LateServer* https() const { return https_.get(); }
    LateServer* auth() const { return auth_.get(); }
    LateServer* files() const { return files_.get(); }
    http::TlsServer* tls() const { return tls_.get(); }
    http::PublicSide* public_side() const { return public_side_.get(); }

    // What they take of a new configuration, in two steps: the first one may throw, as http::read_certificate() or
    // std::runtime_error for what only a restart can change, and leaves everything as it was; the second one cannot.
    void begin_reload(const gateway::Config& gateway);
    void trust(const std::vector<std::string>& proxies);

    // Those that there are, with the names that metrics know them by.
    std::vector<std::pair<const char*, LateServer*>> servers() const;

    const std::vector<Listening>& addresses() const { return addresses_; }

private:
    std::unique_ptr<LateServer> bind(Role role, const std::string& listen, std::shared_ptr<http::TlsServer> tls = {});
    void complete_urls();

    Config& config_;
    IoThreads& threads_;
    std::vector<Listening> addresses_;
    std::shared_ptr<http::PublicSide> public_side_;
    std::shared_ptr<http::TlsServer> tls_;
    std::unique_ptr<LateServer> http_;
    std::unique_ptr<LateServer> https_;
    std::unique_ptr<LateServer> auth_;
    std::unique_ptr<LateServer> files_;
};

}  // namespace gatehouse::app
