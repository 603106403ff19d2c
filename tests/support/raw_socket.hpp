// SPDX-License-Identifier: Apache-2.0
// A blocking socket for tests that say exactly which bytes go over the wire. Every wait ends after ten seconds, as a
// failure.
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace gatehouse::testing {

struct RawResponse {
    int status = 0;
    std::string head;  // with the empty line
    std::string body;

    bool says(std::string_view line) const { return head.find(std::string(line) + "\r\n") != std::string::npos; }
};

class RawSocket final {
public:
    explicit RawSocket(UniqueFd fd) : fd_(std::move(fd)) { set_timeout(); }

    static RawSocket connect(std::uint16_t port)
    {
        RawSocket socket(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        socket.connect_to(port);
        return socket;
    }

    static RawSocket connect_unix(const std::string& path)
    {
        RawSocket socket(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        if (::connect(socket.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::system_error(errno, std::generic_category(), "connect");
        return socket;
    }

    void connect_to(std::uint16_t port)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::system_error(errno, std::generic_category(), "connect");
    }

    // False when the peer has closed.
    bool try_send(std::string_view bytes)
    {
        while (!bytes.empty()) {
            ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0 && (errno == EPIPE || errno == ECONNRESET))
                return false;
            if (size < 0)
                throw std::system_error(errno, std::generic_category(), "send");
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
        return true;
    }

    void send(std::string_view bytes)
    {
        if (!try_send(bytes))
            throw std::runtime_error("the peer has closed");
    }

    // What comes next, "" at the end. A reset is an end too, and remembered.
    std::string read_some(std::size_t bytes_max = 64 * 1024)
    {
        if (!ahead_.empty())
            return take_ahead(bytes_max);
        std::string bytes(bytes_max, '\0');
        ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (size < 0 && errno == ECONNRESET) {
            was_reset_ = true;
            size = 0;
        }
        if (size < 0)
            throw std::system_error(errno, std::generic_category(), "nothing came");
        bytes.resize(static_cast<std::size_t>(size));
        return bytes;
    }

    std::string read_exactly(std::size_t size)
    {
        std::string bytes;
        while (bytes.size() < size) {
            std::string piece = read_some(size - bytes.size());
            if (piece.empty())
                throw std::runtime_error("the peer closed too early, after: " + bytes);
            bytes += piece;
        }
        return bytes;
    }

    std::string read_to_end()
    {
        std::string bytes;
        for (std::string piece = read_some(); !piece.empty(); piece = read_some())
            bytes += piece;
        return bytes;
    }

    // Up to and with `end`.
    std::string read_until(std::string_view end)
    {
        std::string bytes;
        for (;;) {
            std::size_t at = bytes.find(end);
            if (at != std::string::npos) {
                ahead_ = bytes.substr(at + end.size()) + ahead_;
                bytes.resize(at + end.size());
                return bytes;
            }
            std::string piece = read_some();
            if (piece.empty())
                throw std::runtime_error("the peer closed too early, after: " + bytes);
            bytes += piece;
        }
    }

    // A whole answer, by its content-length or chunked coding (left as it is, up to the last chunk).
    RawResponse read_response(bool with_body = true)
    {
        RawResponse response;
        response.head = read_until("\r\n\r\n");
        response.status = std::stoi(response.head.substr(9, 3));
        std::size_t at = response.head.find("content-length: ");
        if (with_body && at != std::string::npos)
            response.body = read_exactly(std::stoul(response.head.substr(at + 16)));
        else if (with_body && response.says("transfer-encoding: chunked"))
            response.body = read_until("0\r\n\r\n");
        return response;
    }

    RawResponse ask(std::string_view request)
    {
        send(request);
        return read_response();
    }

    bool was_reset() const { return was_reset_; }
    void shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    void reset()
    {
        linger option{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
        fd_.reset();
    }
    int fd() const { return fd_.get(); }

private:
    void set_timeout()
    {
        if (!fd_)
            throw std::system_error(errno, std::generic_category(), "socket");
        timeval timeout{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    }

    std::string take_ahead(std::size_t bytes_max)
    {
        std::string bytes = ahead_.substr(0, bytes_max);
        ahead_.erase(0, bytes.size());
        return bytes;
    }

    UniqueFd fd_;
    std::string ahead_;  // read, but not asked for yet
    bool was_reset_ = false;
};

}  // namespace gatehouse::testing
