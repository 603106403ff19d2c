// SPDX-License-Identifier: Apache-2.0
#include "app/application.hpp"

#include "app/control.hpp"
#include "app/data_directory.hpp"
#include "app/from_config.hpp"
#include "app/late_server.hpp"
#include "app/listeners.hpp"
#include "app/ops.hpp"
#include "app/process_endpoints.hpp"
#include "app/queue_metrics.hpp"
#include "app/reloader.hpp"
#include "app/run_task.hpp"
#include "app/scrape.hpp"
#include "app/secret_keys.hpp"
#include "app/setup_link.hpp"
#include "app/status.hpp"
#include "app/store_url.hpp"
#include "app/stores.hpp"
#include "auth/auth.hpp"
#include "base/log.hpp"
#include "base/timeout.hpp"
#include "console/console.hpp"
#include "events/relay.hpp"
#include "files/files.hpp"
#include "gateway/gateway.hpp"
#include "http/recorded_handler.hpp"
#include "http/server.hpp"
#include "http/server_metrics.hpp"
#include "http/tls_client.hpp"
#include "http/tls_server.hpp"
#include "http/trace_exporter.hpp"
#include "http/traced_handler.hpp"
#include "identity/key_fetcher.hpp"
#include "identity/revocation_follower.hpp"
#include "notifier/notifier.hpp"
#include "worker/worker.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <utility>

namespace gatehouse::app {

namespace {

constexpr std::chrono::seconds ops_drain_max{2};
constexpr std::chrono::milliseconds ready_look{20};
constexpr std::size_t background_tasks_max = 24;
constexpr std::chrono::seconds start_backoff_max{5};
constexpr std::chrono::milliseconds last_spans_time{1'000};

}  // namespace

class Application::Impl final {
public:
    Impl(Config config, Sources sources);
    ~Impl() { stop(); }

    void start();
    void stop();
    void reload() { reloader_.reload(); }
    StartReport report() const;

private:
    void apply(const Config& config);
    std::unique_ptr<identity::Authenticator> make_authenticator() const;
    void build_roles();
    void build_upstreams();
    void build_status();
    void build_files_relay();
    void build_control();
    void build_metrics();
    http::Handler traced(Role role, const http::Router& router);
    void send_last_spans();
    void start_auth();
    Task<void> keep_starting_auth();
    void serve_gateway();
    Task<void> serve_gateway_when_ready();
    void start_background();
    void stop_background();
    void close_clients();
    void on_users_changed();

    Config config_;  // of the start, with what follows from it filled in
    RoleSet roles_;

    // One process at a time works in the data directory, from here on this one.
    DataDirectory data_;

    SetupLink setup_link_;

    Clock clock_;
    Metrics metrics_;

    // What is in force by now.
    Reloader reloader_;

    // The requests that the roles answer, counted by route.
    std::shared_ptr<http::ServerMetrics> server_metrics_;

    // What they did for each, for a collector of traces; nullptr without one.
    std::unique_ptr<Tracer> tracer_;

    // Everything that serves runs on these.
    IoThreads threads_;

    // The addresses are bound first: with port 0 the real one is part of what tokens and mails say.
    Listeners listeners_;
    LateServer ops_server_;

    // What the roles keep their things in.
    Stores stores_;

    // The public keys that tokens are verified with: auth fills it, here or from afar, every role reads it.
    identity::KeySource keys_;

    // And which tokens end before they expire, likewise.
    identity::RevocationList revocations_;

    // Verified tokens are remembered for each thread.
    PerThread<identity::Authenticator> authenticators_;

    // By which the roles know each other on internal endpoints.
    identity::ServiceKey service_key_;

    // Encrypts what auth's store keeps encrypted; where auth runs.
    std::optional<auth::SecretBox> secrets_;

    // The requests that go to other processes and services, counted by server.
    std::shared_ptr<http::ClientMetrics> client_metrics_;

    // Connections to roles in other processes and to users' own services, for each thread.
    PerThread<http::Client> clients_;

    // Sends the tracer's spans, on thread 0; or nullptr.
    std::unique_ptr<http::TraceExporter> trace_exporter_;

    // The roles, those of them that run here.
    std::unique_ptr<auth::Auth> auth_;
    std::unique_ptr<files::Files> files_;

    // How the gateway, the console and the notifier reach them: by a call in this process, else over HTTP.
    std::unique_ptr<http::Upstream> auth_upstream_;
    std::unique_ptr<http::Upstream> files_upstream_;

    // Where auth does not run here: fetch its public keys and its log of revocations.
    std::unique_ptr<identity::KeyFetcher> key_fetcher_;
    std::unique_ptr<identity::RevocationFollower> revocation_follower_;

    // What /admin/config, /admin/mails and /admin/status tell of this process and of those.
    std::unique_ptr<ProcessEndpoints> process_endpoints_;
    std::unique_ptr<Status> status_;

    std::unique_ptr<console::Console> console_;
    std::unique_ptr<http::Upstream> console_upstream_;
    std::unique_ptr<gateway::Gateway> gateway_;
    std::unique_ptr<worker::Worker> worker_;
    std::unique_ptr<notifier::Notifier> notifier_;

    // Announce what the outboxes hold: one beside the users, one beside the files.
    std::vector<std::unique_ptr<events::Relay>> relays_;

    // How much waits in the queues; or nullptr.
    std::unique_ptr<QueueMetrics> queue_metrics_;

    // Probes, metrics, and the management commands of `gatehouse user` and its like on a running server.
    Ops ops_;
    BlockingPool command_pool_;  // where the blocking ones run
    std::unique_ptr<auth::Commands> users_;
    std::unique_ptr<Control> control_;

    // Relays and consumers, on thread 0; and what waits for their end there.
    TaskGroup background_;
    TaskGroup stopping_;

    std::optional<std::string> made_setup_link_;  // at the start
    bool started_ = false;
    std::mutex gateway_start_mutex_;  // the gateway begins to serve on an I/O thread, where it waits until it can
    bool stopped_ = false;
    std::atomic<bool> gateway_serves_ = false;
};

Application::Impl::Impl(Config config, Sources sources)
    : config_(std::move(config)), roles_(parse_roles(config_.roles)), data_(lock_data_directory(config_.data)),
      setup_link_(data_), reloader_(config_, std::move(sources), metrics_, [this](const Config& next) { apply(next); }),
      server_metrics_(http::ServerMetrics::make(io_thread_count(config_.io), metrics_)),
      tracer_(make_tracer(config_.tracing, metrics_)), threads_(io_thread_count(config_.io)),
      listeners_(config_, roles_, threads_),
      ops_server_(threads_, server_options("ops", *parse_listen_address(config_.ops.listen))),
      stores_(open_stores(config_, roles_, data_.path(), clock_)),
      authenticators_(threads_.size(), [this](std::size_t) { return make_authenticator(); }),
      service_key_(find_service_key(config_, data_)), secrets_(find_secrets_of_auth(config_, roles_, data_)),
      client_metrics_(http::ClientMetrics::make(threads_.size(), metrics_)),
      clients_(threads_.size(),
               [this](std::size_t i) {
                   return std::make_unique<http::Client>(threads_.context(i).get_executor(), http::ClientOptions{},
                                                         client_metrics_);
               }),
      ops_(metrics_), command_pool_({.name = "commands", .threads = 1, .queue_max = 16}),
      background_(threads_.context(0).get_executor(), "app", background_tasks_max),
      stopping_(threads_.context(0).get_executor(), "app", 2)
{
    build_roles();
    if (gateway_ && config_.gateway.reuse_port)
        ops_.add_check({"gateway.listen", [this] { return gateway_serves_.load(); }});
}

std::unique_ptr<identity::Authenticator> Application::Impl::make_authenticator() const
{
    identity::TokenRules rules{.issuer = config_.auth.issuer, .audience = config_.auth.audience};
    return std::make_unique<identity::Authenticator>(keys_, revocations_, rules, clock_);
}

void Application::Impl::build_roles()
{
    if (tracer_) {
        auto collector = http::secured(*http::parse_endpoint(config_.tracing.endpoint), config_.tracing.tls);
        trace_exporter_ = std::make_unique<http::TraceExporter>(*tracer_, clients_.at(0), std::move(collector),
                                                                config_.tracing.timeout);
    }
    // While the queue is away, uploads and logins go on and their events wait; work on events does not.
    bool consumes = roles_.has(Role::worker) || roles_.has(Role::notifier);
    if (stores_.queue)
        ops_.add_check({"events.store", [this] { return stores_.queue->ready(); }, consumes});
    if (roles_.has(Role::auth)) {
        auth_ = std::make_unique<auth::Auth>(config_.auth, auth::Auth::Needs{*stores_.auth, keys_, revocations_,
                                                                             authenticators_, service_key_, *secrets_,
                                                                             clock_, metrics_, stores_.queue.get()});
        relays_.push_back(std::make_unique<events::Relay>(auth_->outbox(), *stores_.queue));
        auth_->on_announce([this] { on_users_changed(); });
        ops_.add_check({"auth", [this] { return auth_->ready(); }});
    }
    if (stores_.files) {
        build_files_relay();
        ops_.add_check({"files.store", [this] { return stores_.files->ready(); }});
    }
    if (roles_.has(Role::files))
        files_ = std::make_unique<files::Files>(
            config_.files, files::Files::Needs{*stores_.files, authenticators_, service_key_, clock_, metrics_},
            config_.gateway.public_url);
    build_upstreams();
    build_status();
    if (roles_.has(Role::gateway)) {
        console_ = std::make_unique<console::Console>(*auth_upstream_);
        console_upstream_ = std::make_unique<http::Upstream>("console", console_->handler());
        gateway_ = std::make_unique<gateway::Gateway>(
            config_.gateway, gateway::Gateway::Needs{threads_, *auth_upstream_, *files_upstream_, *console_upstream_,
                                                     clients_, authenticators_, revocations_, service_key_, clock_,
                                                     metrics_, *server_metrics_, tracer_.get(), &status_->upstream()});
        status_->tell_services([this] { return gateway_->service_states(); });
    }
    if (roles_.has(Role::worker))
        worker_ = std::make_unique<worker::Worker>(
            config_.worker, worker::Worker::Needs{*stores_.files, *stores_.queue, clock_, metrics_, tracer_.get()},
            data_.path() / "scratch");
    if (roles_.has(Role::notifier))
        notifier_ = std::make_unique<notifier::Notifier>(
            config_.notifier,
            notifier::Notifier::Needs{*stores_.queue, *auth_upstream_, service_key_, clock_, metrics_, tracer_.get()},
            config_.gateway.public_url, mail_directory(data_.path()));
    build_control();
    build_metrics();
}

// What is looked up only when somebody scrapes.
void Application::Impl::build_metrics()
{
    report_token_caches(ops_, metrics_, authenticators_);
    if (stores_.queue)
        queue_metrics_ = std::make_unique<QueueMetrics>(*stores_.queue, metrics_);
    if (gateway_)
        metrics_.add(gateway_->upstream_metrics());
    for (auto [name, server] : listeners_.servers())
        report_connections(ops_, metrics_, name, server->server());
    if (http::TlsServer* tls = listeners_.tls())
        report_tls(ops_, metrics_, *tls);
    if (http::PublicSide* side = listeners_.public_side())
        report_public_side(ops_, metrics_, *side);
}

// The worker's results wait in the files' outbox as uploads do: where there is a store, there is a relay.
void Application::Impl::build_files_relay()
{
    files::FileStore& store = *stores_.files;
    events::Outbox outbox{"files", [&store](std::size_t limit) { return store.read_outbox(limit); },
                          [&store](std::vector<std::string> ids) { return store.clear_outbox(std::move(ids)); }};
    relays_.push_back(std::make_unique<events::Relay>(std::move(outbox), *stores_.queue));
    store.on_announce([relay = relays_.back().get()] { relay->notify(); });
}

void Application::Impl::build_upstreams()
{
    auto make = [this](Role role, const http::Router* here, const std::vector<std::string>& urls) {
        std::string name(to_string(role));
        if (here)
            return std::make_unique<http::Upstream>(name, traced(role, *here));
        return urls.empty() ? nullptr : std::make_unique<http::Upstream>(name, endpoints_of(urls), clients_);
    };
    auth_upstream_ = make(Role::auth, auth_ ? &auth_->router() : nullptr, config_.auth.urls);
    files_upstream_ = make(Role::files, files_ ? &files_->router() : nullptr, config_.files.urls);
    bool verifies = roles_.has(Role::gateway) || roles_.has(Role::files);
    if (auth_ || verifies)
        report_revocations(ops_, metrics_, revocations_);
    if (auth_ || !verifies)
        return;
    key_fetcher_ = std::make_unique<identity::KeyFetcher>(
        *auth_upstream_, keys_, identity::KeyFetcher::Pace{.refresh = config_.auth.key_fetch_interval});
    ops_.add_check({"auth.keys", [this] { return keys_.generation() > 0; }});
    revocation_follower_ = std::make_unique<identity::RevocationFollower>(*auth_upstream_, service_key_, revocations_);
    ops_.add_check({"auth.revocations", [this] { return revocations_.ready(); }});
}

void Application::Impl::build_status()
{
    bool embedded = (stores_.auth && is_embedded(config_.auth.store)) || stores_.queue_database ||
                    (stores_.files && is_embedded(config_.files.store));
    process_endpoints_ =
        std::make_unique<ProcessEndpoints>(reloader_, command_pool_, authenticators_, roles_, data_.path());
    status_ =
        std::make_unique<Status>(Status::Needs{roles_, ops_, clock_, authenticators_, *server_metrics_,
                                               stores_.queue.get(), embedded ? data_.path() : std::filesystem::path{},
                                               process_endpoints_->routes(), process_endpoints_->keeps_mails()});
    if (!auth_ && auth_upstream_)
        status_->ask(Role::auth, *auth_upstream_);
    if (!files_ && files_upstream_)
        status_->ask(Role::files, *files_upstream_);
}

http::Handler Application::Impl::traced(Role role, const http::Router& router)
{
    return http::make_traced_handler(http::make_handler(router), to_string(role), tracer_.get());
}

void Application::Impl::build_control()
{
    if (auth_)
        users_ = std::make_unique<auth::Commands>(*stores_.auth, *secrets_, clock_);
    CommandContext context{users_.get(), stores_.queue.get(), config_.auth, command_pool_};
    context.on_users_changed = [this] { on_users_changed(); };
    context.on_keys_changed = [this] { auth_->reload_keys(); };
    context.reloader = &reloader_;
    if (gateway_)
        context.explain = [this](json::object question) { return gateway_->explain(std::move(question)); };
    control_ = std::make_unique<Control>(threads_, data_.control_socket(), std::move(context));
}

void Application::Impl::start()
{
    if (auth_)
        start_auth();
    threads_.start();
    started_ = true;
    ops_server_.start(http::make_handler(ops_.router()));
    start_background();
    control_->start();
    if (gateway_ && !config_.gateway.reuse_port)
        serve_gateway();
    if (LateServer* server = listeners_.auth())
        server->start(status_->beside(
            http::make_recorded_handler(auth_->router(), *server_metrics_, traced(Role::auth, auth_->router()))));
    if (LateServer* server = listeners_.files())
        server->start(status_->beside(
            http::make_recorded_handler(files_->router(), *server_metrics_, traced(Role::files, files_->router()))));
    ops_.set_started();
}

void Application::Impl::serve_gateway()
{
    std::scoped_lock lock(gateway_start_mutex_);
    if (stopped_)
        return;
    for (LateServer* server : {listeners_.http(), listeners_.https()})
        if (server)
            server->start(gateway_->handler());
    gateway_serves_ = true;
}

// Another gateway serves the same address meanwhile: this one takes its share of the connections when it can tell whose
// tokens they bring.
Task<void> Application::Impl::serve_gateway_when_ready()
{
    while (keys_.generation() == 0 || !revocations_.ready()) {
        co_await pause(ready_look);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
    }
    serve_gateway();
}

// A database on a server may come up later than we do.
void Application::Impl::start_auth()
{
    try {
        auth_->start();
        made_setup_link_ = setup_link_.publish(auth_->make_setup_token(), config_.gateway.public_url);
        return;
    } catch (const Unavailable& error) {
        if (is_embedded(config_.auth.store))
            throw;
        log::error("app", "auth cannot start yet; will try again", {{"error", error.what()}});
    }
    asio::post(threads_.context(0), [this] { background_.spawn(keep_starting_auth()); });
}

Task<void> Application::Impl::keep_starting_auth()
{
    Backoff backoff(start_backoff_max);
    while (true) {
        co_await pause(backoff.next());
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none)
            co_return;
        std::string failure;
        try {
            auto start = [this] {
                auth_->start();
                return auth_->make_setup_token();
            };
            auto token = co_await command_pool_.run(std::move(start));
            if (setup_link_.publish(std::move(token), config_.gateway.public_url))
                log::info("app", "set-up link made", {{"file", setup_link_.file().string()}});
            co_return;
        } catch (const std::exception& error) {
            failure = error.what();
        }
        log::error("app", "auth cannot start yet; will try again", {{"error", failure}});
    }
}

void Application::Impl::start_background()
{
    asio::post(threads_.context(0), [this] {
        if (auth_)
            background_.spawn(auth_->follow_keys());
        if (auth_)
            background_.spawn(auth_->follow_revocations());
        if (files_)
            background_.spawn(files_->follow_changes());
        if (revocation_follower_)
            background_.spawn(revocation_follower_->run());
        if (key_fetcher_)
            background_.spawn(key_fetcher_->run());
        if (gateway_ && config_.gateway.reuse_port)
            background_.spawn(serve_gateway_when_ready());
        if (gateway_)
            for (auto& task : gateway_->background())
                background_.spawn(std::move(task));
        for (auto& relay : relays_)
            background_.spawn(relay->run());
        if (worker_)
            background_.spawn(worker_->run());
        if (notifier_)
            background_.spawn(notifier_->run());
        if (trace_exporter_)
            background_.spawn(trace_exporter_->run());
        if (queue_metrics_)
            background_.spawn(queue_metrics_->run());
    });
}

void Application::Impl::stop()
{
    if (!started_)
        return;
    {
        std::scoped_lock lock(gateway_start_mutex_);
        if (std::exchange(stopped_, true))
            return;
    }

    // Load balancers look at /readyz: from now on they send nothing more here.
    ops_.set_draining();

    const gateway::Config ending = reloader_.running().gateway;
    if (gateway_)
        std::this_thread::sleep_for(ending.drain_delay);

    // Requests in progress finish, and those that wait for news are told that there is none. They may still need
    // everything below.
    if (auth_)
        auth_->stop_waiting();
    if (files_)
        files_->stop_waiting();
    for (auto [name, server] : listeners_.servers())
        server->server().drain(ending.drain, ending.drain_delay);
    control_->stop();

    // Consumers give their jobs back, relays end; then the threads that only they used.
    if (gateway_)
        gateway_->interrupt();
    stop_background();
    if (gateway_)
        gateway_->stop();
    if (worker_)
        worker_->stop();
    if (notifier_)
        notifier_->stop();

    if (trace_exporter_)
        send_last_spans();

    // Now nothing new comes in: what was queued on the pools ends, and completes on the I/O threads.
    ops_server_.server().drain(ops_drain_max);
    close_clients();
    command_pool_.stop();
    if (auth_)
        auth_->stop();
    stores_.stop();
    threads_.stop();
}

void Application::Impl::stop_background()
{
    std::promise<void> ended;
    auto end = ended.get_future();
    asio::post(threads_.context(0), [this, &ended] {
        stopping_.spawn(keep_outcome(background_.stop(std::chrono::milliseconds{0}), ended));
    });
    end.get();
}

// Of the requests that ended last; a collector that is away has a moment only.
void Application::Impl::send_last_spans()
{
    std::promise<void> sent;
    auto end = sent.get_future();
    asio::post(threads_.context(0), [this, &sent] {
        stopping_.spawn(keep_outcome(with_timeout(trace_exporter_->flush(), last_spans_time, "the last spans"), sent));
    });
    try {
        end.get();
    } catch (const std::exception& error) {
        log::warn("app", "the last spans were not sent", {{"error", error.what()}});
    }
}

// Kept connections would keep their thread's context busy.
void Application::Impl::close_clients()
{
    for (std::size_t i = 0; i < threads_.size(); ++i)
        asio::post(threads_.context(i), [client = &clients_.at(i)] { client->close_idle(); });
}

// Any thread.
void Application::Impl::on_users_changed()
{
    for (auto& relay : relays_)
        relay->notify();
    if (!auth_)
        return;
    auth_->read_revocations();
    asio::post(threads_.context(0), [this] { background_.spawn(setup_link_.drop_when_used(*users_, command_pool_)); });
}

// What can change without a restart. What may fail comes first.
void Application::Impl::apply(const Config& config)
{
    listeners_.begin_reload(config.gateway);
    gateway::Config gateway = config.gateway;
    gateway.public_url = config_.gateway.public_url;
    if (gateway_)
        gateway_->reload(std::move(gateway));
    listeners_.trust(config.gateway.trusted_proxies);
    log::set_level(config.log.level);
}

StartReport Application::Impl::report() const
{
    StartReport report;
    report.roles = roles_;
    report.listening = listeners_.addresses();
    report.public_url = config_.gateway.public_url;
    report.ops = *parse_listen_address(config_.ops.listen);
    report.ops.port = ops_server_.port();
    report.data = data_.path();
    if (reloader_.file())
        report.config = std::filesystem::absolute(*reloader_.file());
    report.setup_link = made_setup_link_;
    return report;
}

Application::Application(Config config, Sources sources)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(sources)))
{
}
Application::~Application() = default;

void Application::start() { impl_->start(); }
void Application::stop() { impl_->stop(); }
void Application::reload() { impl_->reload(); }
StartReport Application::report() const { return impl_->report(); }

}  // namespace gatehouse::app
