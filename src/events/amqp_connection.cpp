// SPDX-License-Identifier: Apache-2.0
#include "events/amqp_connection.hpp"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace gatehouse::events {

namespace {

constexpr timeval connect_time_max{.tv_sec = 5, .tv_usec = 0};
constexpr timeval answer_time_max{.tv_sec = 10, .tv_usec = 0};
constexpr unsigned write_time_max_ms = 15'000;
constexpr int channels_max = 0;  // as many as the broker allows
constexpr int frame_bytes_max = 131'072;
constexpr const char* system_ca = "/etc/ssl/certs/ca-certificates.crt";

// `text` must live as long as the result.
amqp_bytes_t bytes_of(std::string_view text)
{
    return {.len = text.size(), .bytes = const_cast<char*>(text.data())};  // the driver only reads
}

std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

// A table as the driver wants it; `fields` must outlive it.
class DriverTable {
public:
    explicit DriverTable(const AmqpTable& fields)
    {
        entries_.reserve(fields.size());
        for (const AmqpField& field : fields) {
            amqp_table_entry_t entry{};
            entry.key = bytes_of(field.name);
            if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
                entry.value.kind = AMQP_FIELD_KIND_I64;
                entry.value.value.i64 = *number;
            } else {
                entry.value.kind = AMQP_FIELD_KIND_UTF8;
                entry.value.value.bytes = bytes_of(std::get<std::string>(field.value));
            }
            entries_.push_back(entry);
        }
    }
    amqp_table_t get() { return {.num_entries = static_cast<int>(entries_.size()), .entries = entries_.data()}; }

private:
    std::vector<amqp_table_entry_t> entries_;
};

std::optional<AmqpValue> to_value(const amqp_field_value_t& value)
{
    switch (value.kind) {
    case AMQP_FIELD_KIND_I8: return std::int64_t{value.value.i8};
    case AMQP_FIELD_KIND_U8: return std::int64_t{value.value.u8};
    case AMQP_FIELD_KIND_I16: return std::int64_t{value.value.i16};
    case AMQP_FIELD_KIND_U16: return std::int64_t{value.value.u16};
    case AMQP_FIELD_KIND_I32: return std::int64_t{value.value.i32};
    case AMQP_FIELD_KIND_U32: return std::int64_t{value.value.u32};
    case AMQP_FIELD_KIND_I64: return std::int64_t{value.value.i64};
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES: return text_of(value.value.bytes);
    default: return std::nullopt;
    }
}

AmqpMessage to_message(const amqp_message_t& from)
{
    const amqp_basic_properties_t& properties = from.properties;
    AmqpMessage message;
    if (properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG)
        message.id = text_of(properties.message_id);
    if (properties._flags & AMQP_BASIC_TYPE_FLAG)
        message.type = text_of(properties.type);
    if (properties._flags & AMQP_BASIC_CONTENT_TYPE_FLAG)
        message.content_type = text_of(properties.content_type);
    if (properties._flags & AMQP_BASIC_HEADERS_FLAG) {
        for (int i = 0; i < properties.headers.num_entries; ++i) {
            const amqp_table_entry_t& entry = properties.headers.entries[i];
            if (auto value = to_value(entry.value))
                message.headers.push_back({text_of(entry.key), std::move(*value)});
        }
    }
    message.body = text_of(from.body);
    return message;
}

// The reason that the broker gives when it closes a channel or the connection.
std::string describe_close(const amqp_method_t& method)
{
    if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
        return fmt::format("the broker closed the channel: {}", text_of(close->reply_text));
    }
    if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
        return fmt::format("the broker closed the connection: {}", text_of(close->reply_text));
    }
    return fmt::format("an unexpected answer ({:#x})", method.id);
}

[[noreturn]] void lose(const char* what, const std::string& why)
{
    throw ConnectionLost(fmt::format("RabbitMQ: {}: {}", what, why));
}

void check(const amqp_rpc_reply_t& reply, const char* what)
{
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL: return;
    case AMQP_RESPONSE_LIBRARY_EXCEPTION: lose(what, amqp_error_string2(reply.library_error));
    case AMQP_RESPONSE_SERVER_EXCEPTION: lose(what, describe_close(reply.reply));
    case AMQP_RESPONSE_NONE: lose(what, "no answer");
    }
}

void check(int status, const char* what)
{
    if (status != AMQP_STATUS_OK)
        lose(what, amqp_error_string2(status));
}

// The driver's own check of the host name is broken in the version of Debian 12, so OpenSSL is told the name.
void verify_host(amqp_socket_t* socket, const std::string& host)
{
    auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) != 1 &&
        X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) != 1)
        lose("TLS", "the host name cannot be verified");
}

}  // namespace

std::optional<std::int64_t> AmqpMessage::find_integer(std::string_view name) const
{
    auto found = std::ranges::find(headers, name, &AmqpField::name);
    const auto* number = found == headers.end() ? nullptr : std::get_if<std::int64_t>(&found->value);
    return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::string> AmqpMessage::find_text(std::string_view name) const
{
    auto found = std::ranges::find(headers, name, &AmqpField::name);
    const auto* text = found == headers.end() ? nullptr : std::get_if<std::string>(&found->value);
    return text ? std::optional(*text) : std::nullopt;
}

struct AmqpConnection::Library {
    Library() : state(amqp_new_connection())
    {
        if (!state)
            lose("open", "out of memory");
    }
    ~Library() { amqp_destroy_connection(state); }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    AmqpMessage read_message(std::uint16_t channel)
    {
        amqp_message_t message;
        check(amqp_read_message(state, channel, &message, 0), "reading a message");
        AmqpMessage copy = to_message(message);
        amqp_destroy_message(&message);
        return copy;
    }

    // The answer to the call that was just made.
    void check_answer(const char* what) const { check(amqp_get_rpc_reply(state), what); }

    amqp_connection_state_t state;
};

AmqpConnection::AmqpConnection(const AmqpUrl& url) : library_(std::make_unique<Library>())
{
    amqp_connection_state_t state = library_->state;
    amqp_socket_t* socket = url.tls ? amqp_ssl_socket_new(state) : amqp_tcp_socket_new(state);
    if (!socket)
        lose("open", "out of memory");
    if (url.tls) {
        check(amqp_ssl_socket_set_cacert(socket, url.ca.empty() ? system_ca : url.ca.c_str()), "reading the CA file");
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 0);
        check(amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST), "TLS");
        verify_host(socket, url.host);
    }
    timeval limit = connect_time_max;
    check(amqp_socket_open_noblock(socket, url.host.c_str(), url.port, &limit), url.authority().c_str());
    // A peer that takes nothing more must not hold up the thread for ever.
    ::setsockopt(descriptor(), IPPROTO_TCP, TCP_USER_TIMEOUT, &write_time_max_ms, sizeof write_time_max_ms);
    amqp_set_handshake_timeout(state, &answer_time_max);
    amqp_set_rpc_timeout(state, &answer_time_max);

    std::array<amqp_table_entry_t, 4> capabilities{};
    constexpr std::array<const char*, 4> names{"publisher_confirms", "consumer_cancel_notify", "connection.blocked",
                                               "authentication_failure_close"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        capabilities[i].key = amqp_cstring_bytes(names[i]);
        capabilities[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
        capabilities[i].value.value.boolean = 1;
    }
    amqp_table_entry_t all{};
    all.key = amqp_cstring_bytes("capabilities");
    all.value.kind = AMQP_FIELD_KIND_TABLE;
    all.value.value.table = {.num_entries = static_cast<int>(capabilities.size()), .entries = capabilities.data()};
    amqp_table_t properties{.num_entries = 1, .entries = &all};
    std::string password(url.password.reveal());
    auto reply = amqp_login_with_properties(state, url.vhost.c_str(), channels_max, frame_bytes_max,
                                            static_cast<int>(url.heartbeat.count()), &properties,
                                            AMQP_SASL_METHOD_PLAIN, url.user.c_str(), password.c_str());
    wipe(password);
    check(reply, "login");
    auto heartbeat = std::chrono::seconds{std::max(1, amqp_get_heartbeat(state))};
    idle_max_ = std::min<std::chrono::milliseconds>(heartbeat / 2, std::chrono::seconds{1});
}

AmqpConnection::~AmqpConnection() = default;

int AmqpConnection::descriptor() const { return amqp_get_sockfd(library_->state); }

void AmqpConnection::open_channel(std::uint16_t channel)
{
    amqp_channel_open(library_->state, channel);
    library_->check_answer("opening a channel");
}

void AmqpConnection::close_channel(std::uint16_t channel)
{
    check(amqp_channel_close(library_->state, channel, AMQP_REPLY_SUCCESS), "closing a channel");
}

void AmqpConnection::select_confirms(std::uint16_t channel)
{
    amqp_confirm_select(library_->state, channel);
    library_->check_answer("asking for confirms");
}

void AmqpConnection::declare_topic_exchange(std::uint16_t channel, const std::string& name)
{
    amqp_exchange_declare(library_->state, channel, bytes_of(name), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                          amqp_empty_table);
    library_->check_answer("declaring the exchange");
}

void AmqpConnection::declare_queue(std::uint16_t channel, const std::string& name, const AmqpTable& arguments)
{
    DriverTable table(arguments);
    amqp_queue_declare(library_->state, channel, bytes_of(name), 0, 1, 0, 0, table.get());
    library_->check_answer(("declaring the queue " + name).c_str());
}

void AmqpConnection::delete_queue(std::uint16_t channel, const std::string& name)
{
    amqp_queue_delete(library_->state, channel, bytes_of(name), 0, 0);
    library_->check_answer("deleting a queue");
}

void AmqpConnection::purge_queue(std::uint16_t channel, const std::string& name)
{
    amqp_queue_purge(library_->state, channel, bytes_of(name));
    library_->check_answer("purging a queue");
}

void AmqpConnection::bind(std::uint16_t channel, const std::string& queue, const std::string& exchange,
                          const std::string& key)
{
    amqp_queue_bind(library_->state, channel, bytes_of(queue), bytes_of(exchange), bytes_of(key), amqp_empty_table);
    library_->check_answer("binding a queue");
}

void AmqpConnection::consume(std::uint16_t channel, const std::string& queue, std::uint16_t prefetch)
{
    amqp_basic_qos(library_->state, channel, 0, prefetch, 0);
    library_->check_answer("setting the prefetch");
    amqp_basic_consume(library_->state, channel, bytes_of(queue), bytes_of(queue), 0, 0, 0, amqp_empty_table);
    library_->check_answer("consuming");
}

void AmqpConnection::cancel(std::uint16_t channel, const std::string& queue)
{
    amqp_basic_cancel(library_->state, channel, bytes_of(queue));
    library_->check_answer("cancelling a consumer");
}

std::optional<AmqpConnection::Got> AmqpConnection::get(std::uint16_t channel, const std::string& queue)
{
    auto reply = amqp_basic_get(library_->state, channel, bytes_of(queue), 0);
    check(reply, "getting a message");
    if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD)
        return std::nullopt;
    Got got{.tag = static_cast<const amqp_basic_get_ok_t*>(reply.reply.decoded)->delivery_tag, .message = {}};
    got.message = library_->read_message(channel);
    return got;
}

std::uint32_t AmqpConnection::count(std::uint16_t channel, const std::string& queue)
{
    const auto* answer = amqp_queue_declare(library_->state, channel, bytes_of(queue), 1, 1, 0, 0, amqp_empty_table);
    library_->check_answer("counting messages");
    return answer->message_count;
}

void AmqpConnection::publish(std::uint16_t channel, const std::string& exchange, const std::string& key,
                             const AmqpMessage& message)
{
    DriverTable headers(message.headers);
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                        AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
    properties.content_type = bytes_of(message.content_type);
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    properties.message_id = bytes_of(message.id);
    properties.type = bytes_of(message.type);
    properties.headers = headers.get();
    check(amqp_basic_publish(library_->state, channel, bytes_of(exchange), bytes_of(key), 1, 0, &properties,
                             bytes_of(message.body)),
          "publishing");
}

void AmqpConnection::acknowledge(std::uint16_t channel, std::uint64_t tag)
{
    check(amqp_basic_ack(library_->state, channel, tag, 0), "acknowledging");
}

std::optional<FromBroker> AmqpConnection::read()
{
    while (true) {
        amqp_maybe_release_buffers(library_->state);
        amqp_frame_t frame;
        timeval now{};
        int status = amqp_simple_wait_frame_noblock(library_->state, &frame, &now);
        if (status == AMQP_STATUS_TIMEOUT)
            return std::nullopt;
        check(status, "reading");
        if (frame.frame_type != AMQP_FRAME_METHOD)
            continue;  // the rest of a message that nobody waits for
        const amqp_method_t& method = frame.payload.method;
        switch (method.id) {
        case AMQP_BASIC_DELIVER_METHOD: {
            Delivered delivered{.channel = frame.channel,
                                .tag = static_cast<const amqp_basic_deliver_t*>(method.decoded)->delivery_tag,
                                .message = {}};
            delivered.message = library_->read_message(frame.channel);
            return delivered;
        }
        case AMQP_BASIC_RETURN_METHOD: return Returned{library_->read_message(frame.channel).id};
        case AMQP_BASIC_ACK_METHOD: {
            const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
            return Confirmed{.tag = ack->delivery_tag, .multiple = ack->multiple != 0, .accepted = true};
        }
        case AMQP_BASIC_NACK_METHOD: {
            const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
            return Confirmed{.tag = nack->delivery_tag, .multiple = nack->multiple != 0, .accepted = false};
        }
        case AMQP_CONNECTION_BLOCKED_METHOD: return Blocked{true};
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return Blocked{false};
        case AMQP_BASIC_CANCEL_METHOD: lose("reading", "the broker cancelled a consumer: its queue is gone or moved");
        case AMQP_CHANNEL_CLOSE_METHOD:
        case AMQP_CONNECTION_CLOSE_METHOD: lose("reading", describe_close(method));
        default: break;
        }
    }
}

}  // namespace gatehouse::events
