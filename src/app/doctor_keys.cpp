// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: the secrets of the installation, and certificates.
#include "app/doctor_checks.hpp"
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <sys/stat.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;
using std::chrono::days;

constexpr days renew_before{14};

Finding judge_secret(const Secret& configured, std::string_view key, const fs::path& file)
{
    std::error_code ignored;
    if (!configured.empty())
        return Finding::ok(fmt::format("{} is set", key));
    if (fs::exists(file, ignored))
        return Finding::ok(fmt::format("{} is in {}", key, file.string()));
    return Finding::ok(fmt::format("{}: the first start makes one", key));
}

Finding judge_certificate(std::string_view key, const http::CertificateFiles& files)
{
    try {
        auto info = http::read_certificate(files);
        auto left = std::chrono::floor<days>(info.expires - std::chrono::system_clock::now());
        std::string renew = fmt::format("renew {} and its key, then gatehouse config reload", files.certificate);
        if (left.count() < 0)
            return Finding::fail(fmt::format("{}: {} has expired", key, files.certificate), renew);
        std::string what = fmt::format("{}: {} is good for {} days", key, files.certificate, left.count());
        return left < renew_before ? Finding::warn(what, renew) : Finding::ok(what);
    } catch (const std::runtime_error& error) {
        return Finding::fail(fmt::format("{}: {}", key, error.what()), fmt::format("correct the files of {}", key));
    }
}

bool covers(std::string_view name, std::string_view host)
{
    if (!name.starts_with("*."))
        return name == host;
    auto dot = host.find('.');
    return dot != std::string_view::npos && host.substr(dot) == name.substr(1);
}

// Whether browsers will accept what they are shown where people are sent to.
Findings judge_public_name(const gateway::Config& gateway)
{
    auto url = http::parse_endpoint(gateway.public_url);
    if (!url || url->scheme != "https")
        return {};
    for (const auto& files : gateway.tls.certificates) {
        try {
            auto info = http::read_certificate(files);
            auto names_it = [&](const std::string& name) { return covers(name, url->host); };
            if (std::ranges::any_of(info.names, names_it))
                return {};
        } catch (const std::runtime_error&) {
            return {};  // which has been told
        }
    }
    return {Finding::warn(
        fmt::format("no certificate is for {}, where gateway.public_url leads", url->host),
        fmt::format("add one for {} to gateway.tls.certificates, or correct gateway.public_url", url->host))};
}

Findings judge_key_file(const http::CertificateFiles& files)
{
    struct stat info{};
    if (::stat(files.key.c_str(), &info) != 0 || (info.st_mode & 004U) == 0)
        return {};
    return {Finding::warn(fmt::format("everybody can read the private key {}", files.key),
                          fmt::format("chmod 640 {}, and make its group that of the server", files.key))};
}

}  // namespace

Findings check_keys(const Surroundings& around)
{
    const Config& config = around.config;
    Findings findings{judge_secret(config.service_key, "service_key", around.data / "service.key")};
    if (around.roles.has(Role::auth))
        findings.push_back(judge_secret(config.auth.encryption_key, "auth.encryption_key", around.data / "auth.key"));
    return findings;
}

Findings check_certificates(const Surroundings& around)
{
    const Config& config = around.config;
    Findings findings;
    auto add = [&](const std::string& key, const http::CertificateFiles& files) {
        findings.push_back(judge_certificate(key, files));
        std::ranges::move(judge_key_file(files), std::back_inserter(findings));
    };
    if (!config.tracing.tls.identity.certificate.empty())
        add("tracing.tls", config.tracing.tls.identity);
    if (!around.roles.has(Role::gateway))
        return findings;
    const auto& certificates = config.gateway.tls.certificates;
    bool serves = !config.gateway.tls.listen.empty();
    for (std::size_t i = 0; serves && i < certificates.size(); ++i)
        add(fmt::format("gateway.tls.certificates[{}]", i), certificates[i]);
    for (const auto& upstream : config.gateway.upstreams)
        if (!upstream.tls.identity.certificate.empty())
            add(fmt::format("gateway.upstreams ({})", upstream.name), upstream.tls.identity);
    if (serves)
        std::ranges::move(judge_public_name(config.gateway), std::back_inserter(findings));
    return findings;
}

}  // namespace gatehouse::app
