// SPDX-License-Identifier: Apache-2.0
#include "app/public_check.hpp"

#include "app/listen_address.hpp"
#include "app/roles.hpp"
#include "http/address_ranges.hpp"
#include "http/tls_options.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace gatehouse::app {

namespace {

void check_certificate(const http::CertificateFiles& files, const std::string& key, Report& report)
{
    try {
        http::CertificateInfo info = http::read_certificate(files);
        if (info.expires < std::chrono::system_clock::now())
            report.warn(key, fmt::format("the certificate {} expired at {:%FT%TZ}", files.certificate,
                                         fmt::gmtime(std::chrono::system_clock::to_time_t(info.expires))));
        else if (info.names.empty())
            report.warn(key,
                        fmt::format("the certificate {} has no DNS name: browsers will refuse it", files.certificate));
    } catch (const std::runtime_error& error) {
        report.add(key, error.what());
    }
}

void check_public_address(const gateway::Config& gateway, Report& report)
{
    const std::string& listen = gateway.tls.listen;
    auto secure = parse_listen_address(listen);
    if (!secure)
        report.add("gateway.tls.listen",
                   fmt::format("must be ADDR:PORT, such as 0.0.0.0:8443, [::1]:8443 or :8443, not `{}`", listen));
    auto plain = parse_listen_address(gateway.listen);
    if (secure && plain && *secure == *plain && secure->port != 0)
        report.add("gateway.tls.listen", "is gateway.listen too: plain HTTP and HTTPS need an address each");
}

}  // namespace

void check_tls(const Config& config, Report& report)
{
    const gateway::TlsConfig& tls = config.gateway.tls;
    bool url_is_plain = config.gateway.public_url.starts_with("http://");
    if (tls.redirect && url_is_plain)
        report.add("gateway.tls.redirect", "needs a gateway.public_url that begins with https://");
    if (tls.redirect && tls.listen.empty() && config.gateway.public_url.empty())
        report.add("gateway.tls.redirect", "needs gateway.tls.listen, or a gateway.public_url to lead to");
    if (tls.listen.empty()) {
        if (config.gateway.listen.empty())
            report.add("gateway.listen", "must not be empty while gateway.tls.listen is");
        return;
    }
    check_public_address(config.gateway, report);
    if (tls.certificates.empty())
        report.add("gateway.tls.certificates", "must name at least one, because gateway.tls.listen is set");
    // Other processes with the same file need not have the keys.
    if (!parse_roles(config.roles).has(Role::gateway))
        return;
    for (std::size_t i = 0; i < tls.certificates.size(); ++i)
        check_certificate(tls.certificates[i], fmt::format("gateway.tls.certificates[{}]", i), report);
}

void check_proxies(const gateway::Config& gateway, Report& report)
{
    constexpr std::size_t ranges_max = 256;
    const auto& ranges = gateway.trusted_proxies;
    if (ranges.size() > ranges_max)
        report.add("gateway.trusted_proxies", fmt::format("are more than {}", ranges_max));
    for (std::size_t i = 0; i < ranges.size(); ++i)
        if (!http::AddressRanges::is_range(ranges[i]))
            report.add(fmt::format("gateway.trusted_proxies[{}]", i),
                       fmt::format("must be an address, or a range such as 10.0.0.0/8 without bits behind its prefix, "
                                   "not `{}`",
                                   ranges[i]));
    if (gateway.proxy_protocol && ranges.empty())
        report.add("gateway.proxy_protocol", "needs gateway.trusted_proxies: from nobody else is the header read");
}

void check_http2(const gateway::Http2Config& http2, Report& report)
{
    if (http2.cleartext && !http2.enabled)
        report.add("gateway.http2_cleartext", "contradicts gateway.http2: false");
}

}  // namespace gatehouse::app
