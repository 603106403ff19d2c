// SPDX-License-Identifier: Apache-2.0
// What happens to a request in the gateway, as a fixed list of steps. Their order is a security property; pass() in
// pipeline.cpp says why each stands where it does.
//
// One object serves all I/O threads, for one generation of the configuration (generation.hpp); what changes is kept per
// thread.
#pragma once

#include "base/io_threads.hpp"
#include "gateway/config.hpp"
#include "gateway/forwarded.hpp"
#include "gateway/forwarded_body.hpp"
#include "gateway/https_only.hpp"
#include "gateway/issuers.hpp"
#include "gateway/overload.hpp"
#include "gateway/passage.hpp"
#include "gateway/recent_requests.hpp"
#include "gateway/request_recorder.hpp"
#include "gateway/route_table.hpp"
#include "gateway/stale_revocations.hpp"
#include "http/problem.hpp"
#include "identity/authenticator.hpp"
#include "identity/service_key.hpp"

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <optional>
#include <string_view>

namespace gatehouse::gateway {

class Pipeline final {
public:
    // All outlive it.
    Pipeline(const Config& config, RouteTable& routes, RouteTable& asked_routes,
             PerThread<identity::Authenticator>& authenticators, Issuers& issuers,
             const identity::RevocationList& revocations, StaleRevocations& stale_revocations,
             const identity::ServiceKey& service_key, PerThread<Overload>& overload, PerThread<RecentRequests>& recent,
             http::ServerMetrics& metrics, Tracer* tracer);

    // `holds` is what this pipeline belongs to: it lives until the request has been answered to its last byte.
    Task<http::Response> handle(http::Request& request, boost::local_shared_ptr<const void> holds);

    // What handle() would do, as JSON. `request` is used up.
    Task<json::object> explain(http::Request& request);

private:
    struct PerThreadState {
        http::Headers scratch;
    };

    Task<http::Response> pass(http::Request& request, Passage& passage);

    // What another proxy asks: whether it may let a request through. 200, 401 or 403.
    Task<http::Response> answer_forward_auth(http::Request& question, Passage& passage);

    RecentRequests::Ticket remember(const http::Request& request);
    void remember_end(const Passage& passage, const http::Response& response);

    // The steps. Each refuses by returning a problem.
    std::optional<http::Problem> normalize_target(http::Request& request) const;
    std::optional<http::Problem> find_route(const http::Request& request, Passage& passage) const;
    std::optional<http::Response> answer_preflight(const http::Request& request, Passage& passage) const;
    std::optional<http::Problem> limit_rate(const http::Request& request, Passage& passage, bool of_users) const;
    std::optional<http::Problem> authenticate(http::Request& request, Passage& passage) const;
    Result<Caller, identity::TokenError> verify(std::string_view token, const Route& route) const;
    std::optional<http::Problem> authorize(const Passage& passage) const;
    std::optional<http::Problem> shed(const http::Request& request, const Passage& passage) const;
    bool may_be_revoked(const Passage& passage) const;
    std::optional<http::Problem> check_body(const http::Request& request, const Route& route) const;
    void forward_body(http::Request& request, Passage& passage, std::optional<ForwardedBody>& here) const;
    void rewrite(http::Request& request, Passage& passage);
    void rewrite_answer(const http::Request& request, const Passage& passage, http::Response& response);
    static void add_policy_fields(const Passage& passage, http::Response& response);

    const Config& config_;
    RouteTable& routes_;
    RouteTable& asked_routes_;
    PerThread<identity::Authenticator>& authenticators_;
    Issuers& issuers_;
    const identity::RevocationList& revocations_;
    StaleRevocations& stale_revocations_;
    const identity::ServiceKey& service_key_;
    PerThread<Overload>& overload_;
    PerThread<RecentRequests>& recent_;
    TrustedProxies trusted_proxies_;
    HttpsOnly https_only_;
    RequestRecorder recorder_;
    PerThread<PerThreadState> threads_;
};

}  // namespace gatehouse::gateway
