// SPDX-License-Identifier: Apache-2.0
#include "app/serve.hpp"

#include "base/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

// Fewer arenas and an early return of freed memory: the working set stays small whatever was uploaded before.
void prepare_memory()
{
    ::mallopt(M_ARENA_MAX, 2);
    ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

void prepare_process()
{
    prepare_memory();
    std::signal(SIGPIPE, SIG_IGN);
    // A connection is a descriptor, a proxied one two: take what the system grants.
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void configure_log(const LogConfig& config)
{
    bool text =
        config.format == LogFormat::text || (config.format == LogFormat::automatic && ::isatty(STDERR_FILENO) != 0);
    log::configure(text ? log::Format::text : log::Format::json, config.level);
}

void warn_of(const LoadedConfig& loaded)
{
    for (const std::string& warning : loaded.warnings)
        log::warn("app", "doubtful configuration", {{"warning", warning}});
}

constexpr const char* taken =
    "Another program listens there, perhaps another Gatehouse. End it, or choose other addresses:\n"
    "--listen ADDR:PORT for the public one, --ops-listen ADDR:PORT for that of probes and metrics.\n";

extern "C" void exit_at_once(int) { ::_exit(1); }

// Waits for the signal that ends the program.
int wait_for_end(Application& application)
{
    asio::io_context context;
    asio::signal_set signals(context, SIGTERM, SIGINT, SIGHUP);
    while (true) {
        int received = 0;
        signals.async_wait([&received](const boost::system::error_code& error, int signal) {
            if (!error)
                received = signal;
        });
        context.restart();
        context.run();
        if (received == SIGTERM || received == SIGINT)
            return received;
        if (received == SIGHUP)
            application.reload();
    }
}

void print_now(const std::string& text)
{
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace

std::string banner(const StartReport& report)
{
    std::string out = fmt::format("\nGatehouse {}\n\n", GATEHOUSE_VERSION);
    auto add = [&out](std::string_view name, std::string_view value) {
        out += fmt::format("  {:9} {}\n", name, value);
    };
    add("roles", report.roles.names());
    for (const Listening& listening : report.listening)
        add(listening.role, fmt::format("{}/   (listens on {})", local_url(listening.address, listening.scheme),
                                        to_string(listening.address)));
    bool listed = std::ranges::any_of(report.listening, [&](const Listening& listening) {
        return report.public_url == local_url(listening.address, listening.scheme);
    });
    if (!report.listening.empty() && !listed)
        add("public", report.public_url + "/");
    add("ops", fmt::format("http://{}   (/livez, /readyz, /startupz, /metrics)", to_string(report.ops)));
    add("config", report.config ? report.config->string() : "no file, the defaults are in force (--config FILE)");
    add("data", report.data.string());
    if (report.setup_link) {
        add("set up", *report.setup_link);
        add("", "makes the first administrator, within 24 hours; the link is also in " +
                    (report.data / "setup-link").string());
    }
    return out + "\n";
}

int serve(const CommandLine& line)
{
    auto loaded = load_or_explain(line);
    if (!loaded)
        return 2;
    prepare_process();
    configure_log(loaded->config.log);
    warn_of(*loaded);
    try {
        Application application(std::move(loaded->config), sources_of(line));
        application.start();
        print_now(banner(application.report()));
        int signal = wait_for_end(application);
        // Whoever is impatient asks twice. A reload makes no sense any more, and must not end the program either.
        std::signal(SIGHUP, SIG_IGN);
        std::signal(SIGTERM, exit_at_once);
        std::signal(SIGINT, exit_at_once);
        log::info("app", "stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
        application.stop();
        log::info("app", "stopped");
        return 0;
    } catch (const std::system_error& error) {
        fmt::print(stderr, "gatehouse: {}\n{}", error.what(), error.code() == std::errc::address_in_use ? taken : "");
        return 1;
    } catch (const std::exception& error) {
        fmt::print(stderr, "gatehouse: {}\n", error.what());
        return 1;
    }
}

}  // namespace gatehouse::app
