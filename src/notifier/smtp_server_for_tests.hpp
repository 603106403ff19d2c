// SPDX-License-Identifier: Apache-2.0
// A small SMTP server (RFC 5321) for the tests: takes mails on a port of its own and answers as told.
//
// It runs on one thread and speaks with one client at a time. All calls from the test's threads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::notifier {

struct ReceivedMail {
    std::string sender;     // as in MAIL FROM:<...>
    std::string recipient;  // as in RCPT TO:<...>
    std::string bytes;      // without the dots that transparency added
};

class SmtpServerForTests final {
public:
    SmtpServerForTests()
    {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 16) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("cannot listen");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~SmtpServerForTests() { stop(); }
    SmtpServerForTests(const SmtpServerForTests&) = delete;
    SmtpServerForTests& operator=(const SmtpServerForTests&) = delete;

    std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port_); }

    // Instead of the usual answer to a command ("MAIL", "RCPT", "DATA", "AUTH", "HELLO" for the greeting), or to the
    // end of the data ("."). An empty reply lets the client wait. Until it is changed.
    void answer(const std::string& command, const std::string& reply)
    {
        std::scoped_lock lock(mutex_);
        replies_[command] = reply;
    }
    void answer_as_usual()
    {
        std::scoped_lock lock(mutex_);
        replies_.clear();
    }

    std::vector<ReceivedMail> received() const
    {
        std::scoped_lock lock(mutex_);
        return received_;
    }
    std::vector<std::string> commands() const
    {
        std::scoped_lock lock(mutex_);
        return commands_;
    }

    void stop()
    {
        if (!thread_.joinable())
            return;
        stopping_ = true;
        thread_.join();
        ::close(listener_);
    }

private:
    bool wait_readable(int socket) const
    {
        while (!stopping_) {
            pollfd polled{socket, POLLIN, 0};
            if (::poll(&polled, 1, 20) > 0)
                return true;
        }
        return false;
    }

    void serve()
    {
        while (wait_readable(listener_)) {
            int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0)
                continue;
            buffer_.clear();
            converse(client);
            ::close(client);
        }
    }

    // One line without its end. False when the client is gone.
    bool read_line(int client, std::string& line)
    {
        while (true) {
            if (auto end = buffer_.find("\r\n"); end != std::string::npos) {
                line = buffer_.substr(0, end);
                buffer_.erase(0, end + 2);
                return true;
            }
            char piece[4096];
            if (!wait_readable(client))
                return false;
            ssize_t size = ::recv(client, piece, sizeof(piece), 0);
            if (size <= 0)
                return false;
            buffer_.append(piece, static_cast<std::size_t>(size));
        }
    }

    void say(int client, const std::string& command, const std::string& usual)
    {
        std::string reply = usual;
        {
            std::scoped_lock lock(mutex_);
            if (auto found = replies_.find(command); found != replies_.end())
                reply = found->second;
        }
        last_reply_ = reply;
        if (reply.empty())
            return;
        reply += "\r\n";
        [[maybe_unused]] ssize_t sent = ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
    }

    void converse(int client)
    {
        ReceivedMail mail;
        say(client, "HELLO", "220 test ready");
        for (std::string line; read_line(client, line);) {
            {
                std::scoped_lock lock(mutex_);
                commands_.push_back(line);
            }
            std::string command = line.substr(0, 4);
            if (command == "EHLO") {
                say(client, "EHLO", "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME");
            } else if (command == "MAIL") {
                mail.sender = bracketed(line);
                say(client, command, "250 ok");
            } else if (command == "RCPT") {
                mail.recipient = bracketed(line);
                say(client, command, "250 ok");
            } else if (command == "DATA") {
                say(client, command, "354 go on");
                if (last_reply_.starts_with("354") && !take_data(client, mail))
                    return;
            } else if (command == "QUIT") {
                say(client, command, "221 bye");
                return;
            } else if (command == "AUTH") {
                say(client, "", "334 ");
                if (!read_line(client, line))
                    return;
                say(client, command, "235 welcome");
            } else {
                say(client, command, "502 what?");
            }
        }
    }

    bool take_data(int client, ReceivedMail& mail)
    {
        mail.bytes.clear();
        for (std::string line; read_line(client, line);) {
            if (line == ".") {
                say(client, ".", "250 accepted");
                if (last_reply_.starts_with("250")) {
                    std::scoped_lock lock(mutex_);
                    received_.push_back(mail);
                }
                return true;
            }
            mail.bytes += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
        }
        return false;
    }

    static std::string bracketed(const std::string& line)
    {
        auto open = line.find('<');
        auto close = line.find('>');
        return open == std::string::npos || close == std::string::npos ? "" : line.substr(open + 1, close - open - 1);
    }

    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::map<std::string, std::string> replies_;
    std::vector<ReceivedMail> received_;
    std::vector<std::string> commands_;
    std::string buffer_;
    std::string last_reply_;
    std::thread thread_;
};

}  // namespace gatehouse::notifier
