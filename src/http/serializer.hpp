// SPDX-License-Identifier: Apache-2.0
// Writes HTTP/1.1 messages from the model. The only place that puts message heads on the wire.
//
// Framing fields come from the arguments alone: a content-length, transfer-encoding, connection, keep-alive, te,
// trailer, upgrade or proxy-connection in `headers` is not written. Field values are checked again for CR, LF and NUL;
// a field that has one is left out and the fact logged: it would be a bug of ours.
#pragma once

#include "http/message.hpp"
#include "http/parser.hpp"

#include <string>
#include <string_view>

namespace gatehouse::http {

// Appends the head, with `framing` as Content-Length or Transfer-Encoding (none: neither, for GET; a length of 0 is
// written). `upgrade`: the protocol asked for, or empty. Throws std::invalid_argument for a method or target that is
// none.
void append_request_head(std::string& out, const RequestHead& head, const Framing& framing, bool keep_alive,
                         std::string_view upgrade = {});

// Appends the head; a length without a body after it is for HEAD and 304. With framing `none` a client reads until the
// connection closes, unless the status or HEAD says that there is no body: an empty body has length 0. Adds `date`
// where it is missing.
void append_response_head(std::string& out, int status, const Headers& headers, const Framing& framing,
                          bool keep_alive);

// The head with status 101.
void append_switch_head(std::string& out, const Headers& headers, std::string_view upgrade);

// Whether a field of the model goes onto the wire. False for those that belong to one connection or tell the framing,
// and for one that would break the message.
bool may_send(Field field);

// Appends those that may be sent, a line each, without the empty line behind them.
void append_fields(std::string& out, const Headers& headers);

// The date in text form, made once a second on each thread; valid until the next call on this thread.
std::string_view current_date();

void append_chunk(std::string& out, std::string_view data);  // `data` not empty
void append_last_chunk(std::string& out);

}  // namespace gatehouse::http
