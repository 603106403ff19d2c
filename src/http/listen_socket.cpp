// SPDX-License-Identifier: Apache-2.0
#include "http/listen_socket.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace gatehouse::http {

namespace asio = boost::asio;

namespace {

constexpr int backlog = 4096;  // the kernel's somaxconn may be lower
// Beyond these, bytes wait with whoever makes them and not in the kernel: it would take megabytes for each client that
// asks for much and reads nothing, and most of the CPU time that such clients cost.
constexpr int unsent_bytes_max = 128 * 1024;

[[noreturn]] void fail(int error, const std::string& where)
{
    throw std::system_error(error, std::generic_category(), "cannot listen on " + where);
}

UniqueFd open_socket(int family, const std::string& where)
{
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        fail(errno, where);
    return fd;
}

void set_option(int fd, int level, int option, const std::string& where, int value = 1)
{
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0)
        fail(errno, where);
}

// Connections inherit TCP_NODELAY, SO_KEEPALIVE and the bound on unsent bytes from the socket that accepts them.
UniqueFd bind_tcp(const asio::ip::tcp::endpoint& endpoint, bool shared, const std::string& where)
{
    UniqueFd fd = open_socket(endpoint.address().is_v6() ? AF_INET6 : AF_INET, where);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, where);
    if (shared)
        set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, where);
    set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, where);
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, where);
    set_option(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, where, unsent_bytes_max);
    if (::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
        fail(errno, where);
    return fd;
}

std::uint16_t bound_port(int fd, const std::string& where)
{
    asio::ip::tcp::endpoint endpoint;
    auto size = static_cast<socklen_t>(endpoint.capacity());
    if (::getsockname(fd, endpoint.data(), &size) != 0)
        fail(errno, where);
    return endpoint.port();
}

bool is_served(const sockaddr_un& address)
{
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // A full backlog (EAGAIN) is served too.
    return fd && (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
                  (errno != ECONNREFUSED && errno != ENOENT));
}

}  // namespace

ListenSockets listen_tcp(const std::string& address, std::uint16_t port, std::size_t count, bool shared)
{
    std::string where =
        fmt::format(fmt::runtime(address.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), address, port);
    boost::system::error_code error;
    asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address, error), port);
    if (error)
        fail(EINVAL, where);

    // With SO_REUSEPORT a second server of the same user would silently take half of the connections. Without it the
    // kernel tells that the port is taken.
    if (port != 0 && !shared) {
        UniqueFd probe = bind_tcp(endpoint, false, where);
        if (::listen(probe.get(), 1) != 0)
            fail(errno, where);
    }

    ListenSockets result;
    for (std::size_t i = 0; i < count; ++i) {
        UniqueFd fd = bind_tcp(endpoint, true, where);
        if (endpoint.port() == 0)
            endpoint.port(bound_port(fd.get(), where));
        result.sockets.push_back(std::move(fd));
    }
    result.port = endpoint.port();
    // All are bound before the first listens, so that no connection is spread over fewer.
    if (!shared)
        for (const UniqueFd& fd : result.sockets)
            begin_to_listen(fd.get(), where);
    return result;
}

void begin_to_listen(int socket, const std::string& where)
{
    if (::listen(socket, backlog) != 0)
        fail(errno, where);
}

bool begin_no_handshake(int socket)
{
    constexpr std::uint32_t flags_offset = 13;  // of the TCP header, where a filter's packet begins (RFC 9293, 3.1)
    constexpr std::uint32_t syn = 0x02;
    constexpr std::uint32_t ack = 0x10;
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),  // dropped
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),                                         // whole
    }};
    sock_fprog filter{program.size(), program.data()};
    return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

ListenSockets listen_unix(const std::string& path, std::size_t count)
{
    std::string where = "unix:" + path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        fail(ENAMETOOLONG, where);
    std::memcpy(address.sun_path, path.data(), path.size());

    struct stat info{};
    if (::lstat(path.c_str(), &info) == 0) {
        if (!S_ISSOCK(info.st_mode) || is_served(address))
            fail(EADDRINUSE, where);
        if (::unlink(path.c_str()) != 0)
            fail(errno, where);
    }

    ListenSockets result;
    UniqueFd fd = open_socket(AF_UNIX, where);
    // Nobody can connect between bind and listen, so the mode is right before the first can.
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), backlog) != 0)
        fail(errno, where);
    for (std::size_t i = 1; i < count; ++i) {
        UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
        if (!copy)
            fail(errno, where);
        result.sockets.push_back(std::move(copy));
    }
    result.sockets.push_back(std::move(fd));
    return result;
}

}  // namespace gatehouse::http
