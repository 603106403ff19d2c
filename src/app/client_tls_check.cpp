// SPDX-License-Identifier: Apache-2.0
#include "app/client_tls_check.hpp"

#include "http/url.hpp"

#include <boost/asio/ip/address.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <stdexcept>
#include <string_view>

namespace gatehouse::app {

namespace {

bool is_host(const std::string& name)
{
    boost::system::error_code error;
    boost::asio::ip::make_address(name, error);
    if (!error)
        return true;
    auto endpoint = http::parse_endpoint("https://" + name);
    return endpoint && endpoint->host == name;
}

void check_identity(const http::CertificateFiles& files, const std::string& key, Report& report)
{
    if (files.certificate.empty() != files.key.empty()) {
        report.add(key + (files.key.empty() ? ".key" : ".certificate"),
                   fmt::format("must be set, because {} is", files.key.empty() ? "tls.certificate" : "tls.key"));
        return;
    }
    if (files.certificate.empty())
        return;
    try {
        http::CertificateInfo info = http::read_certificate(files);
        if (info.expires < std::chrono::system_clock::now())
            report.warn(key + ".certificate",
                        fmt::format("the certificate {} expired at {:%FT%TZ}", files.certificate,
                                    fmt::gmtime(std::chrono::system_clock::to_time_t(info.expires))));
    } catch (const std::runtime_error& error) {
        bool of_key = std::string_view(error.what()).starts_with("the key");
        report.add(key + (of_key ? ".key" : ".certificate"), error.what());
    }
}

}  // namespace

void check_client_tls(const http::TlsClientOptions& tls, bool secure, const std::string& key, Report& report)
{
    if (tls != http::TlsClientOptions{} && !secure) {
        report.add(key, "is set, but no URL that it could be for begins with https://");
        return;
    }
    if (!tls.server_name.empty() && !is_host(tls.server_name))
        report.add(key + ".server_name",
                   fmt::format("must be the name of a host or an address, without a port, not `{}`", tls.server_name));
    if (!tls.authorities.empty()) {
        try {
            http::read_authorities(tls.authorities);
        } catch (const std::runtime_error& error) {
            report.add(key + ".authorities", error.what());
        }
    }
    check_identity(tls.identity, key, report);
}

}  // namespace gatehouse::app
