// SPDX-License-Identifier: Apache-2.0
#include "http/tls_stream.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <sys/socket.h>

namespace gatehouse::http {

namespace {

constexpr std::size_t record_bytes = 16 * 1024;        // the most that a record carries
constexpr std::size_t batch_bytes = 4 * record_bytes;  // encrypted before the kernel is asked
constexpr std::size_t unsent_bytes_max = 256 * 1024;   // far above a batch
constexpr std::size_t large_read_bytes = 64 * 1024;    // of OpenSSL's buffer, for bodies
constexpr unsigned idle_reads_max = 16;                // a peer has use for a few: tickets, new keys
constexpr std::size_t large_space_bytes = 32 * 1024;   // in the caller's buffer: it reads a body

// What OpenSSL writes within one call; empty between calls.
thread_local std::string outgoing;

// The queue of errors belongs to the thread; what others left there would be taken for an error of this connection.
void forget_old_errors()
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

// The alerts that say so. They belong to the handshake: nothing was read that came after it.
bool refuses_certificate(int reason)
{
    switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return true;
    default: return false;
    }
}

}  // namespace

std::string take_tls_error()
{
    unsigned long code = ERR_peek_last_error();
    const char* data = nullptr;
    int flags = 0;
    ERR_peek_last_error_data(&data, &flags);
    const char* reason = ERR_reason_error_string(code);
    std::string text = reason ? reason : "unknown error";
    if (data && *data && (flags & ERR_TXT_STRING) != 0)
        text += std::string(" (") + data + ')';
    ERR_clear_error();
    return text;
}

// The functions through which OpenSSL reaches the socket.
struct TlsSocketBio {
    static int read(BIO* bio, char* data, std::size_t size, std::size_t* got)
    {
        auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        ssize_t count = ::recv(stream.fd_, data, size, MSG_DONTWAIT);
        if (count > 0) {
            *got = static_cast<std::size_t>(count);
            return 1;
        }
        *got = 0;
        stream.socket_is_empty_ = true;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            BIO_set_retry_read(bio);
        return 0;
    }

    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* taken)
    {
        auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        *taken = 0;
        if (stream.unsent_.size() + outgoing.size() > unsent_bytes_max)
            return 0;
        outgoing.append(data, size);
        *taken = size;
        return 1;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static const BIO_METHOD* method()
    {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* it = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gatehouse socket");
            if (!it)
                throw std::bad_alloc();
            BIO_meth_set_read_ex(it, &TlsSocketBio::read);
            BIO_meth_set_write_ex(it, &TlsSocketBio::write);
            BIO_meth_set_ctrl(it, &TlsSocketBio::control);
            return it;
        }();
        return made;
    }
};

TlsStream::TlsStream(UniqueSsl ssl, int fd) : ssl_(std::move(ssl)), fd_(fd)
{
    BIO* bio = BIO_new(TlsSocketBio::method());
    if (!bio)
        throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    // Else OpenSSL would read records without data for as long as the peer sends some.
    SSL_clear_mode(ssl_.get(), SSL_MODE_AUTO_RETRY);
}

IoStatus TlsStream::handshake()
{
    if (wants_write() && flush() != IoStatus::done)
        return wants_write() ? IoStatus::would_block : IoStatus::closed;
    if (!established_) {
        forget_old_errors();
        int result = SSL_do_handshake(ssl_.get());
        if (result != 1) {
            IoStatus status = fail(result);
            if (flush() == IoStatus::closed)
                return IoStatus::closed;
            return status;
        }
        established_ = true;
        buffered_ = SSL_has_pending(ssl_.get()) != 0;
    }
    return flush();
}

IoStatus TlsStream::read(Buffer& buffer)
{
    forget_old_errors();
    // Looked at when OpenSSL needs a buffer: it keeps none between messages.
    SSL_set_default_read_buffer_len(ssl_.get(), buffer.space().size() >= large_space_bytes ? large_read_bytes : 0);
    std::size_t total = 0;
    do {
        std::span<char> space = buffer.space();
        std::size_t size = 0;
        IoStatus status = IoStatus::done;
        do {
            socket_is_empty_ = false;
            int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &size);
            status = result == 1 ? IoStatus::done : fail(result);
        } while (is_to_be_repeated(status));
        if (status != IoStatus::done) {
            buffered_ = false;
            if (!outgoing.empty())
                flush();
            return total > 0 ? IoStatus::done : status;
        }
        idle_reads_ = 0;
        buffer.commit(size);
        total += size;
        buffered_ = SSL_has_pending(ssl_.get()) != 0;
    } while (buffered_ && !buffer.space().empty());
    if (!outgoing.empty())
        flush();
    return IoStatus::done;
}

IoStatus TlsStream::peek()
{
    if (buffered_ && SSL_pending(ssl_.get()) > 0)
        return IoStatus::done;
    forget_old_errors();
    char byte = 0;
    std::size_t size = 0;
    IoStatus status = IoStatus::done;
    do {
        socket_is_empty_ = false;
        int result = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
        status = result == 1 ? IoStatus::done : fail(result);
    } while (is_to_be_repeated(status));
    buffered_ = status == IoStatus::done;
    if (!outgoing.empty())
        flush();
    return status;
}

IoStatus TlsStream::write(Gather& gather)
{
    if (wants_write()) {
        IoStatus status = flush();
        if (status != IoStatus::done)
            return status;
    }
    while (!gather.done()) {
        forget_old_errors();
        std::size_t batch = 0;
        while (!gather.done() && batch < batch_bytes) {
            std::span<const char> piece = next_piece(gather);
            std::size_t size = 0;
            int result = SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &size);
            if (result != 1) {
                fail(result);
                outgoing.clear();
                return IoStatus::closed;
            }
            gather.advance(size);
            batch += size;
        }
        IoStatus status = flush();
        if (status != IoStatus::done)
            return status;
    }
    return IoStatus::done;
}

// What goes next, so that only the last record of a message is a short one: whole records from where they are, smaller
// parts joined.
std::span<const char> TlsStream::next_piece(Gather& gather)
{
    thread_local std::string joined;
    std::span<iovec> parts = gather.parts();
    const auto* first = static_cast<const char*>(parts[0].iov_base);
    std::size_t size = std::min(parts[0].iov_len, batch_bytes);
    if (parts.size() == 1)
        return {first, size};
    if (size >= record_bytes)
        return {first, size - size % record_bytes};
    joined.clear();
    for (const iovec& part : parts)
        joined.append(static_cast<const char*>(part.iov_base), std::min(part.iov_len, record_bytes - joined.size()));
    return joined;
}

IoStatus TlsStream::flush()
{
    std::string& bytes = unsent_.empty() ? outgoing : unsent_;
    if (!unsent_.empty())
        unsent_ += outgoing;
    std::size_t sent = 0;
    IoStatus status = IoStatus::done;
    while (sent < bytes.size() && status == IoStatus::done) {
        ssize_t size = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size >= 0)
            sent += static_cast<std::size_t>(size);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            status = IoStatus::would_block;
        else if (errno != EINTR)
            status = IoStatus::closed;
    }
    if (status == IoStatus::would_block && &bytes == &outgoing)
        unsent_.assign(outgoing, sent);
    else if (status == IoStatus::would_block)
        unsent_.erase(0, sent);
    else
        unsent_ = std::string();
    outgoing.clear();
    return status;
}

// OpenSSL has read a record without data, and there may be more.
bool TlsStream::is_to_be_repeated(IoStatus& status)
{
    if (status != IoStatus::would_block || socket_is_empty_)
        return false;
    if (++idle_reads_ <= idle_reads_max)
        return true;
    may_notify_ = false;
    truncated_ = true;
    failure_ = "the peer sends records without data";
    status = IoStatus::closed;
    return false;
}

// What OpenSSL's refusal means.
IoStatus TlsStream::fail(int result)
{
    int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ)
        return IoStatus::would_block;
    if (error == SSL_ERROR_ZERO_RETURN) {
        truncated_ = false;
        return IoStatus::closed;
    }
    // After these OpenSSL's state is of no use, and a close_notify would be a lie.
    may_notify_ = false;
    truncated_ = true;
    if (error == SSL_ERROR_SSL) {
        int reason = ERR_GET_REASON(ERR_peek_last_error());
        plain_http_ = !established_ && reason == SSL_R_HTTP_REQUEST;
        bool unverified = !established_ && reason == SSL_R_CERTIFICATE_VERIFY_FAILED;
        refused_ = established_ && refuses_certificate(reason);
        bool no_tls = !established_ && reason == SSL_R_WRONG_VERSION_NUMBER;
        failure_ = take_tls_error();
        if (no_tls)
            failure_ += ": what the peer sent is not TLS";
        if (unverified)
            failure_ += std::string(": ") + X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    } else {
        failure_ = "the peer closed the connection";
    }
    return IoStatus::closed;
}

void TlsStream::close_notify()
{
    if (!established_ || !may_notify_)
        return;
    may_notify_ = false;
    forget_old_errors();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    flush();
}

std::string_view TlsStream::protocol() const
{
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

}  // namespace gatehouse::http
