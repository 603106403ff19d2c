// SPDX-License-Identifier: Apache-2.0
// The sockets on which a server listens, one for each I/O thread.
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::http {

struct ListenSockets {
    std::vector<UniqueFd> sockets;  // bound and, unless shared, listening; non-blocking
    std::uint16_t port = 0;         // 0 for a Unix socket
};

// TCP sockets that share the port, so that the kernel spreads the connections. Throws std::system_error naming the
// address; also when another program (or another server of this one) listens there, unless it is `shared` with servers
// of the same user that say so too: the kernel then spreads the connections over all of them that listen, so a shared
// one begins to listen when it can serve.
ListenSockets listen_tcp(const std::string& address, std::uint16_t port, std::size_t count, bool shared = false);

// Throws std::system_error.
void begin_to_listen(int socket, const std::string& where);

// From now on the kernel drops requests for new connections to this TCP socket; those whose handshake has begun still
// come to be accepted. Who is dropped asks again (after a second, RFC 6298) and reaches another socket that shares the
// port, when this one is closed by then. False with errno: the kernel does not do that here.
bool begin_no_handshake(int socket);

// One Unix socket of mode 0600, in `count` descriptors. A socket file that nobody serves any more is replaced.
ListenSockets listen_unix(const std::string& path, std::size_t count);

}  // namespace gatehouse::http
