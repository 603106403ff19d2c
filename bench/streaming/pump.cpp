// SPDX-License-Identifier: Apache-2.0
// Both ends of a stream, as cheap as they can be.
//   pump serve PORT                            answers GET with as many bytes as the query says, and reads away what
//   PUT brings pump get|put PORT PATH BYTES TOKEN         moves so many bytes through who listens there
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<char> block(256 * 1024);

void require(bool fine, const char* what)
{
    if (fine)
        return;
    std::perror(what);
    std::exit(1);
}

sockaddr_in loopback(const char* port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    return address;
}

bool send_text(int fd, const std::string& text) { return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0; }

bool send_bytes(int fd, std::uint64_t bytes)
{
    while (bytes > 0) {
        ssize_t sent = ::send(fd, block.data(), std::min<std::uint64_t>(bytes, block.size()), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes -= static_cast<std::uint64_t>(sent);
    }
    return true;
}

bool read_bytes(int fd, std::uint64_t bytes)
{
    std::vector<char> space(block.size());
    while (bytes > 0) {
        ssize_t size = ::recv(fd, space.data(), std::min<std::uint64_t>(bytes, space.size()), 0);
        if (size <= 0)
            return false;
        bytes -= static_cast<std::uint64_t>(size);
    }
    return true;
}

// The head of a message; `rest` bytes of its body came with it.
std::string read_head(int fd, std::uint64_t& rest)
{
    std::string text;
    while (text.find("\r\n\r\n") == text.npos) {
        char space[8192];
        ssize_t size = ::recv(fd, space, sizeof space, 0);
        if (size <= 0)
            return {};
        text.append(space, static_cast<std::size_t>(size));
    }
    std::size_t end = text.find("\r\n\r\n") + 4;
    rest = text.size() - end;
    text.resize(end);
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::uint64_t number_after(const std::string& text, const std::string& what)
{
    std::size_t at = text.find(what);
    return at == text.npos ? 0 : std::strtoull(text.c_str() + at + what.size(), nullptr, 10);
}

void serve_connection(int fd)
{
    for (;;) {
        std::uint64_t rest = 0;
        std::string head = read_head(fd, rest);
        if (head.empty())
            break;
        std::uint64_t wanted = head.starts_with("get") ? number_after(head, "bytes=") : 0;
        if (!read_bytes(fd, number_after(head, "content-length: ") - rest) ||
            !send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(wanted) + "\r\n\r\n") ||
            !send_bytes(fd, wanted))
            break;
    }
    ::close(fd);
}

int serve(const char* port)
{
    int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address = loopback(port);
    require(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listener, 64) == 0, "listen");
    for (;;) {
        int fd = ::accept(listener, nullptr, nullptr);
        require(fd >= 0, "accept");
        std::thread(serve_connection, fd).detach();
    }
}

int move(const std::string& method, const char* port, const std::string& path, std::uint64_t bytes,
         const std::string& token)
{
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(port);
    require(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
    bool put = method == "put";
    std::string head = (put ? "PUT " + path : "GET " + path + "?bytes=" + std::to_string(bytes)) +
                       " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + token + "\r\n" +
                       (put ? "Content-Length: " + std::to_string(bytes) + "\r\n" : "") + "\r\n";
    require(send_text(fd, head) && (!put || send_bytes(fd, bytes)), "send");
    std::uint64_t rest = 0;
    std::string answer = read_head(fd, rest);
    if (!answer.starts_with("http/1.1 200")) {
        std::fputs(answer.c_str(), stderr);
        return 1;
    }
    require(read_bytes(fd, number_after(answer, "content-length: ") - rest), "recv");
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    std::string what = argc > 1 ? argv[1] : "";
    if (what == "serve" && argc == 3)
        return serve(argv[2]);
    if ((what == "get" || what == "put") && argc == 6)
        return move(what, argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), argv[5]);
    return 2;
}
