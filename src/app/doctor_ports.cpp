// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: can this process listen where it is to, and who does when it cannot.
#include "app/doctor_checks.hpp"
#include "app/listen_address.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>

namespace gatehouse::app {

namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;

struct Wanted {
    std::string_view key;
    std::string listen;
    bool shared = false;
};

std::vector<Wanted> wanted_ports(const Surroundings& around)
{
    const Config& config = around.config;
    const RoleSet& roles = around.roles;
    std::vector<Wanted> wanted;
    if (roles.has(Role::gateway)) {
        wanted.push_back({"gateway.listen", config.gateway.listen, config.gateway.reuse_port});
        wanted.push_back({"gateway.tls.listen", config.gateway.tls.listen, config.gateway.reuse_port});
    }
    // In a process with all roles nobody else calls them.
    if (!roles.complete() && roles.has(Role::auth))
        wanted.push_back({"auth.listen", config.auth.listen});
    if (!roles.complete() && roles.has(Role::files))
        wanted.push_back({"files.listen", config.files.listen});
    wanted.push_back({"ops.listen", config.ops.listen});
    std::erase_if(wanted, [](const Wanted& one) { return one.listen.empty(); });
    return wanted;
}

// The number of the error, or 0.
int try_to_bind(const asio::ip::tcp::endpoint& endpoint, bool shared)
{
    UniqueFd fd(::socket(endpoint.address().is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return errno;
    int one = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shared)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    return ::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ? 0 : errno;
}

// "0100007F" and longer ones, as the kernel prints an address: words of the machine's own byte order.
std::optional<asio::ip::address> parse_kernel_address(std::string_view hex)
{
    std::array<std::uint32_t, 4> words{};
    std::size_t count = hex.size() / 8;
    if (hex.size() % 8 != 0 || (count != 1 && count != 4))
        return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        std::string_view part = hex.substr(i * 8, 8);
        if (std::from_chars(part.data(), part.data() + part.size(), words[i], 16).ec != std::errc{})
            return std::nullopt;
    }
    if (count == 1)
        return asio::ip::address_v4(ntohl(words[0]));
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return asio::ip::address_v6(bytes);
}

bool collide(const asio::ip::address& a, const asio::ip::address& b)
{
    return a == b || a.is_unspecified() || b.is_unspecified();
}

// The inodes of sockets that listen where `endpoint` does.
std::vector<std::string> find_listeners(const asio::ip::tcp::endpoint& endpoint)
{
    std::vector<std::string> inodes;
    for (const char* name : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream table(name);
        std::string text;
        std::getline(table, text);
        while (std::getline(table, text)) {
            // "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 ..."
            std::istringstream words(text);
            std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
            words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
            std::string_view address = local;
            auto port_text = cut_at(address, ':');
            unsigned port = 0;
            if (state != "0A" || !port_text)
                continue;
            std::from_chars(port_text->data(), port_text->data() + port_text->size(), port, 16);
            auto parsed = parse_kernel_address(address);
            if (port == endpoint.port() && parsed && collide(*parsed, endpoint.address()))
                inodes.push_back(inode);
        }
    }
    return inodes;
}

// Whose socket it is, as far as this user may know.
std::optional<pid_t> find_owner(const std::vector<std::string>& inodes)
{
    std::error_code error;
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        auto pid = read_number<pid_t>(process.path().filename().native());
        if (!pid)
            continue;
        std::error_code forbidden;
        for (auto file = fs::directory_iterator(process.path() / "fd", forbidden); file != fs::directory_iterator();
             file.increment(forbidden)) {
            std::string target = fs::read_symlink(file->path(), forbidden).string();
            for (const std::string& inode : inodes)
                if (target == "socket:[" + inode + "]")
                    return pid;
        }
    }
    return std::nullopt;
}

std::string program_of(pid_t process)
{
    std::ifstream file(fmt::format("/proc/{}/comm", process));
    std::string name;
    std::getline(file, name);
    return name.empty() ? "?" : name;
}

Finding judge_taken(const Wanted& wanted, const asio::ip::tcp::endpoint& endpoint, const Surroundings& around)
{
    auto owner = find_owner(find_listeners(endpoint));
    std::string what = fmt::format("{} {}", wanted.key, wanted.listen);
    if (owner && owner == around.server)
        return Finding::ok(what + ": the running server's");
    if (owner)
        return Finding::fail(fmt::format("{}: taken by process {} ({})", what, *owner, program_of(*owner)),
                             fmt::format("end it (kill {}), or choose another address in {}", *owner, wanted.key));
    if (around.server)
        return Finding::warn(what + ": taken, by whom cannot be told to this user",
                             "it is likely the running server's; run this as its user or as root to know");
    return Finding::fail(what + ": taken by another process",
                         fmt::format("find it (ss -ltnp 'sport = :{}', as root) and end it, or choose another address "
                                     "in {}",
                                     endpoint.port(), wanted.key));
}

Finding judge_port(const Wanted& wanted, const Surroundings& around)
{
    auto address = parse_listen_address(wanted.listen);
    std::string what = fmt::format("{} {}", wanted.key, wanted.listen);
    if (!address)
        return Finding::fail(what + " is no address", fmt::format("correct {}", wanted.key));
    if (address->port == 0)
        return Finding::ok(what + ": any free port");
    asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address->host), address->port);
    switch (int error = try_to_bind(endpoint, wanted.shared)) {
    case 0: return Finding::ok(what + ": free");
    case EADDRINUSE: return judge_taken(wanted, endpoint, around);
    case EACCES:
        return Finding::fail(fmt::format("{}: only a privileged process may listen there", what),
                             fmt::format("AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or setcap "
                                         "cap_net_bind_service=ep on the program, or a port from 1024 on in {}",
                                         wanted.key));
    case EADDRNOTAVAIL:
        return Finding::fail(
            fmt::format("{}: this machine does not have the address", what),
            fmt::format("choose one that `ip address` lists, or :{} for all, in {}", address->port, wanted.key));
    default:
        return Finding::fail(fmt::format("{}: {}", what, std::strerror(error)), fmt::format("change {}", wanted.key));
    }
}

}  // namespace

Findings check_ports(const Surroundings& around)
{
    Findings findings;
    for (const Wanted& wanted : wanted_ports(around))
        findings.push_back(judge_port(wanted, around));
    return findings;
}

}  // namespace gatehouse::app
