#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends HTTP/2 requests that a client library would not: field by field, frame by frame, without TLS.

    http2_send.py PORT    reads lines of JSON {fields, body, trailers, keepsOpen, then}, each on a connection of its own; writes for
                          each a line {status, fields, body, reset, goaway, closed, then}. `then` is the path of a plain GET on the
                          same connection, and what it got. Texts are latin-1.
"""
import json
import socket
import struct
import sys
import time

from hpack import Decoder

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SECONDS = 5
FRAME_BYTES_MAX = 16384


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def hpack_text(text):
    data = text.encode("latin-1")
    size = len(data)
    if size < 127:
        return bytes([size]) + data
    out = [127]
    size -= 127
    while size >= 128:
        out.append(size % 128 | 128)
        size //= 128
    return bytes([*out, size]) + data


def block(fields):
    """Literals without indexing: nothing is put into another form on its way."""
    return b"".join(b"\0" + hpack_text(name) + hpack_text(value) for name, value in fields)


def head_frames(stream, fields, ends):
    data = block(fields)
    pieces = [data[i:i + FRAME_BYTES_MAX] for i in range(0, len(data), FRAME_BYTES_MAX)] or [b""]
    out = b""
    for i, piece in enumerate(pieces):
        flags = (END_HEADERS if i == len(pieces) - 1 else 0) | (END_STREAM if ends and i == 0 else 0)
        out += frame(HEADERS if i == 0 else CONTINUATION, flags, stream, piece)
    return out


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = Decoder()
        self.received = b""
        self.streams = {}
        self.goaway = None
        self.closed = False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def stream(self, number):
        return self.streams.setdefault(number, {"status": None, "fields": [], "body": b"", "reset": None, "ended": False})

    def take(self, kind, flags, number, payload):
        stream = self.stream(number)
        if kind == HEADERS:
            fields = self.decoder.decode(payload, raw=True)
            names = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
            status = dict(names).get(":status", "0")
            if int(status) >= 200:
                stream["status"] = int(status)
                stream["fields"] = names
        elif kind == DATA:
            stream["body"] += payload
            if payload:
                self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))
        elif kind == RST_STREAM:
            stream["reset"] = struct.unpack(">I", payload)[0]
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">I", payload[4:8])[0]
        elif kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            stream["ended"] = True

    def wait(self, number):
        """Until the stream has ended, one way or another."""
        end = time.monotonic() + SECONDS
        while True:
            while len(self.received) >= 9 and len(self.received) >= 9 + int.from_bytes(self.received[:3], "big"):
                size = int.from_bytes(self.received[:3], "big")
                kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
                self.take(kind, flags, stream & 0x7FFFFFFF, self.received[9:9 + size])
                self.received = self.received[9 + size:]
            stream = self.stream(number)
            if stream["ended"] or stream["reset"] is not None or self.closed or time.monotonic() > end:
                return stream
            try:
                self.socket.settimeout(max(0.01, end - time.monotonic()))
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            self.closed = data == b""
            self.received += data


def run(port, vector):
    connection = Connection(port)
    body, trailers = vector.get("body"), vector.get("trailers")
    ends = not vector.get("keepsOpen")
    data = PREFACE + frame(SETTINGS) + head_frames(1, vector["fields"], ends and body is None and trailers is None)
    for i, piece in enumerate(body or []):
        last = ends and trailers is None and i == len(body) - 1
        data += frame(DATA, END_STREAM if last else 0, 1, piece.encode("latin-1"))
    if trailers is not None:
        data += head_frames(1, trailers, ends)
    connection.send(data)
    stream = dict(connection.wait(1))
    then = None
    if vector.get("then") and not connection.closed and connection.goaway is None:
        connection.send(head_frames(3, [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", vector["then"])], True))
        then = dict(connection.wait(3))
        then["body"] = then["body"].decode("latin-1")
    connection.socket.close()
    stream["body"] = stream["body"].decode("latin-1")
    return {**stream, "goaway": connection.goaway, "closed": connection.closed, "then": then}


for line in sys.stdin:
    print(json.dumps(run(int(sys.argv[1]), json.loads(line))), flush=True)
