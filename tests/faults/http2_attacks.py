#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on HTTP/2 without TLS, frame by frame. Each must end in the way that is written beside it, cost little memory and
CPU time, and leave another connection alone.

    tests/faults/http2_attacks.py PORT PID PATH    PATH: a file or page that anybody may GET, of some 100 KB or more

Prints a line of JSON for each attack; exit code 1 when one of them went wrong.
"""
import json
import os
import socket
import struct
import sys
import time

from hpack import Encoder

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CODES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"]
CALM = "ENHANCE_YOUR_CALM"

port, pid, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Client:
    """One connection, and what the server said on it."""

    def __init__(self, settings=b"", preface=PREFACE):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder = Encoder()
        self.received = b""
        self.frames = []
        self.closed = False
        if preface:
            self.send(preface + frame(SETTINGS, payload=settings) + frame(SETTINGS, ACK))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True
        except TimeoutError:
            raise RuntimeError("the server neither reads nor closes")

    def head(self, fields=(), method="GET", target=None):
        all_fields = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", target or path)]
        return self.encoder.encode(all_fields + list(fields), huffman=False)

    def request(self, stream, fields=(), flags=END_STREAM | END_HEADERS, **head):
        self.send(frame(HEADERS, flags, stream, self.head(fields, **head)))

    def receive(self, seconds=0.5, until=lambda kind, flags, stream, payload: False):
        """Takes in frames until `until` says so, the end, or nothing for so long. True: `until` did."""
        end = time.monotonic() + seconds
        while True:
            while len(self.received) >= 9:
                size = struct.unpack(">I", b"\0" + self.received[:3])[0]
                if len(self.received) < 9 + size:
                    break
                kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
                payload, self.received = self.received[9:9 + size], self.received[9 + size:]
                self.frames.append((kind, flags, stream, payload if kind != DATA else b"", size))
                if until(kind, flags, stream, payload):
                    return True
            left = end - time.monotonic()
            if left <= 0 or self.closed:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                return False
            except ConnectionResetError:
                data = b""
            finally:
                self.socket.settimeout(10)
            self.closed = self.closed or not data
            self.received += data

    def outcome(self, seconds=3):
        """How the server ended it: GOAWAY and its code, else the RST_STREAMs, else what else came."""
        self.receive(seconds, lambda kind, flags, stream, payload: kind == GOAWAY)
        goaway = [CODES[struct.unpack(">I", f[3][4:8])[0]] for f in self.frames if f[0] == GOAWAY]
        if goaway:
            self.receive(3)
            return "GOAWAY " + goaway[-1] + ("" if self.closed else ", but open")
        resets = sorted({CODES[struct.unpack(">I", f[3])[0]] for f in self.frames if f[0] == RST_STREAM})
        if resets:
            return "RST " + " ".join(resets)
        if self.closed:
            return "closed"
        return "answered" if any(f[0] == HEADERS for f in self.frames) else "open"

    def status(self, stream):
        from hpack import Decoder
        decoder = Decoder()
        for kind, _, at, payload, _ in self.frames:
            if kind == HEADERS:
                fields = dict(decoder.decode(payload))
                if at == stream:
                    return fields.get(":status")
        return None


def good_request():
    """Seconds that an ordinary request on a connection of its own takes."""
    began = time.monotonic()
    client = Client()
    client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
    client.request(1)
    client.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1 << 30)))
    done = client.receive(5, lambda kind, flags, stream, payload: stream == 1 and flags & END_STREAM and kind in (DATA, HEADERS))
    client.socket.close()
    return time.monotonic() - began if done else 1000.0


def usage():
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# The attacks: each returns its client.

def flood(one, count, settings=b"", portion=40):
    def attack():
        client = Client(settings)
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        client.request(1)
        client.receive(0.3)
        for at in range(0, count, portion):
            client.send(b"".join(one(client, i) for i in range(at, min(at + portion, count))))
            if client.closed or client.receive(0.001, lambda kind, *rest: kind == GOAWAY):
                break
        return client
    return attack


def stream_of(i):
    return 3 + 2 * i


def rapid_reset(client, i):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream_of(i), client.head()) + frame(RST_STREAM, 0, stream_of(i), b"\0\0\0\x08")


def made_you_reset(client, i):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream_of(i), client.head()) + frame(
        WINDOW_UPDATE, 0, stream_of(i), struct.pack(">I", 0x7fffffff))


def bad_heads(client, i):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream_of(i), client.head([("connection", "close")]))


def refused_heads(client, i):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream_of(i), client.head([("x_y", "z")]))


def once(build, settings=b""):
    def attack():
        client = Client(settings)
        client.receive(0.2)
        client.send(build(client))
        return client
    return attack


def continuation_flood():
    client = Client()
    client.send(frame(HEADERS, 0, 1, client.head()))
    for _ in range(10_000):
        client.send(frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y" * 100))
        if client.closed:
            break
    return client


def hpack_references(count_of_frames):
    """One large entry in the table, then as many references as fit."""
    def attack():
        client = Client()
        client.send(frame(HEADERS, 0, 1, client.head([("x", "y" * 3_900)])))
        for i in range(count_of_frames):
            client.send(frame(CONTINUATION, END_HEADERS if i + 1 == count_of_frames else 0, 1, b"\xbe" * 16_384))
        return client
    return attack


def rejected_references():
    """Reference bombs, each in a block that is refused anyway."""
    client = Client()
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, client.head([("x", "y" * 3_900)])))
    client.receive(0.2)
    for i in range(1, 300):
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, client.head([("x_y", "z")])[:-7] + b"\xbe" * 40))
        if client.closed or client.receive(0.001, lambda kind, *rest: kind == GOAWAY):
            break
    return client


def table_size_flood():
    client = Client()
    for i in range(2_000):
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, b"\x3f\xe1\x1f\x20" * 2 + b"\x3f\xff\xff\xff\xff\xff"))
        if client.closed:
            break
    return client


def no_reading():
    """A hundred large answers that are asked for and not read, with windows that let them all come: the socket fills up."""
    client = Client(struct.pack(">HI", 4, 0x7fffffff))
    client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fff0000)))
    for i in range(100):
        client.request(1 + 2 * i)
    time.sleep(3)
    return client


def window_zero():
    """A hundred answers that are asked for with windows that never open."""
    client = Client(struct.pack(">HI", 4, 0))
    for i in range(100):
        client.request(1 + 2 * i)
    client.receive(40, lambda kind, flags, stream, payload: kind == RST_STREAM)
    return client


def drip():
    """Windows that open by one byte at a time."""
    client = Client(struct.pack(">HI", 4, 0))
    client.request(1)
    client.receive(0.2)
    for _ in range(4_000):
        client.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)))
        if client.closed or client.receive(0.0001, lambda kind, *rest: kind == GOAWAY):
            break
    return client


def settings_churn(client, i):
    return frame(SETTINGS, payload=struct.pack(">HI", 4, 65_535 + i % 2))


def slow_preface():
    client = Client(preface=b"")
    for byte in PREFACE[:8]:
        client.send(bytes([byte]))
        time.sleep(0.05)
    return client


def wrong_preface():
    client = Client(preface=b"")
    client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(SETTINGS))
    client.receive(2)
    client.closed = client.closed or client.received.startswith(b"HTTP/1.1 ")
    return client


def no_settings():
    client = Client(preface=b"")
    client.send(PREFACE + frame(PING, payload=b"pingpong"))
    return client


def too_many_streams():
    client = Client()
    client.receive(0.2)
    client.send(b"".join(frame(HEADERS, END_HEADERS, 1 + 2 * i, client.head(method="POST")) for i in range(400)))
    return client


HEAD_ENDS = END_STREAM | END_HEADERS


def request_then(rest):
    return once(lambda client: frame(HEADERS, HEAD_ENDS, 1, client.head()) + rest)


def fields(*more, method="GET"):
    return once(lambda client: frame(HEADERS, HEAD_ENDS, 1, client.head(more, method=method)))


def raw_fields(*all_fields):
    return once(lambda client: frame(HEADERS, HEAD_ENDS, 1, client.encoder.encode(list(all_fields), huffman=False)))


M, S, A, P = (":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")

# Name, how, and how it must end; several outcomes where it depends on timing.
ATTACKS = [
    ("rapid reset", flood(rapid_reset, 2_000), ["GOAWAY " + CALM]),
    ("MadeYouReset", flood(made_you_reset, 2_000), ["GOAWAY " + CALM]),
    ("malformed heads", flood(bad_heads, 2_000), ["GOAWAY " + CALM]),
    ("refused heads", flood(refused_heads, 2_000), ["GOAWAY " + CALM]),
    ("PING flood", flood(lambda *_: frame(PING, payload=b"pingpong"), 20_000), ["GOAWAY " + CALM]),
    ("PING answers nobody asked for", flood(lambda *_: frame(PING, ACK, payload=b"pingpong"), 20_000), ["GOAWAY " + CALM]),
    ("SETTINGS flood", flood(lambda *_: frame(SETTINGS), 2_000), ["GOAWAY " + CALM]),
    ("SETTINGS window churn", flood(settings_churn, 2_000), ["GOAWAY " + CALM]),
    ("PRIORITY flood", flood(lambda *_: frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"), 20_000), ["GOAWAY " + CALM]),
    ("WINDOW_UPDATE flood", flood(lambda *_: frame(WINDOW_UPDATE, payload=b"\0\0\0\x01"), 2_000), ["GOAWAY " + CALM]),
    ("WINDOW_UPDATE drip", drip, ["GOAWAY " + CALM, "answered"]),
    ("empty DATA flood", flood(lambda client, i: frame(DATA, 0, 3) if i else frame(HEADERS, END_HEADERS, 3, client.head(method="POST")), 2_000),
     ["GOAWAY " + CALM, "RST NO_ERROR"]),  # where the request was answered at once, what follows is ignored
    # What still comes is read away for a while only: after that the close takes the GOAWAY with it.
    ("CONTINUATION flood", continuation_flood, ["GOAWAY " + CALM, "closed"]),
    ("empty CONTINUATION flood", flood(lambda client, i: frame(CONTINUATION, 0, 3) if i else frame(HEADERS, 0, 3, client.head()), 2_000),
     ["GOAWAY " + CALM]),
    ("HPACK references, one frame", hpack_references(1), ["GOAWAY " + CALM]),
    ("HPACK references, eight frames", hpack_references(8), ["GOAWAY " + CALM]),
    ("HPACK references in refused heads", rejected_references, ["GOAWAY " + CALM, "GOAWAY COMPRESSION_ERROR"]),
    ("HPACK table sizes", table_size_flood, ["GOAWAY COMPRESSION_ERROR"]),
    ("HPACK bad index", once(lambda client: frame(HEADERS, HEAD_ENDS, 1, b"\xff\x80\x80\x01")), ["GOAWAY COMPRESSION_ERROR"]),
    ("answers not read", no_reading, ["closed", "answered", "GOAWAY NO_ERROR"]),
    ("window 0, 100 streams", window_zero, ["RST CANCEL"]),
    ("too many streams", too_many_streams, ["GOAWAY PROTOCOL_ERROR", "GOAWAY " + CALM]),
    ("wrong preface", wrong_preface, ["closed"]),
    ("no SETTINGS", no_settings, ["GOAWAY PROTOCOL_ERROR"]),
    ("frame too large", once(lambda client: frame(PING, 0, 0, b"x" * 20_000)), ["GOAWAY FRAME_SIZE_ERROR"]),
    ("DATA too large", once(lambda client: frame(HEADERS, END_HEADERS, 1, client.head(method="POST")) + frame(DATA, 0, 1, b"x" * 20_000)),
     ["GOAWAY FRAME_SIZE_ERROR", "RST FRAME_SIZE_ERROR"]),
    ("PING of another size", once(lambda client: frame(PING, 0, 0, b"x")), ["GOAWAY FRAME_SIZE_ERROR"]),
    ("SETTINGS on a stream", once(lambda client: frame(SETTINGS, 0, 1)), ["GOAWAY PROTOCOL_ERROR"]),
    ("window of settings too large", once(lambda client: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31))), ["GOAWAY FLOW_CONTROL_ERROR"]),
    ("connection window too large", once(lambda client: frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")), ["GOAWAY FLOW_CONTROL_ERROR"]),
    ("WINDOW_UPDATE of 0", once(lambda client: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0")), ["GOAWAY PROTOCOL_ERROR"]),
    ("even stream", once(lambda client: frame(HEADERS, HEAD_ENDS, 2, client.head())), ["GOAWAY PROTOCOL_ERROR"]),
    ("stream used again", request_then(frame(DATA, END_STREAM, 1, b"x")), ["GOAWAY STREAM_CLOSED", "RST STREAM_CLOSED", "answered"]),
    ("heads on a stream that is over", flood(lambda client, i: frame(HEADERS, HEAD_ENDS, 1, client.head()), 2_000),
     ["GOAWAY " + CALM, "GOAWAY STREAM_CLOSED"]),
    ("lower stream", once(lambda client: frame(HEADERS, HEAD_ENDS, 5, client.head()) + frame(HEADERS, HEAD_ENDS, 3, client.head())),
     ["GOAWAY PROTOCOL_ERROR", "answered"]),
    ("DATA on an idle stream", once(lambda client: frame(DATA, END_STREAM, 1, b"x")), ["GOAWAY PROTOCOL_ERROR"]),
    ("CONTINUATION alone", once(lambda client: frame(CONTINUATION, END_HEADERS, 1, b"")), ["GOAWAY PROTOCOL_ERROR"]),
    ("PING within a head", once(lambda client: frame(HEADERS, 0, 1, client.head()) + frame(PING, payload=b"pingpong")), ["GOAWAY PROTOCOL_ERROR"]),
    ("PUSH_PROMISE", once(lambda client: frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + client.head())), ["GOAWAY PROTOCOL_ERROR"]),
    ("padding longer than the frame", once(lambda client: frame(HEADERS, END_HEADERS, 1, client.head(method="POST")) + frame(DATA, PADDED, 1, b"\xffx")),
     ["GOAWAY PROTOCOL_ERROR"]),
    ("self-dependent priority", once(lambda client: frame(HEADERS, HEAD_ENDS | WITH_PRIORITY, 1, b"\0\0\0\x01\x10" + client.head())),
     ["answered", "RST PROTOCOL_ERROR", "GOAWAY PROTOCOL_ERROR"]),
    ("more DATA than the window", once(lambda client: frame(HEADERS, END_HEADERS, 1, client.head(method="POST")) + frame(DATA, 0, 1, b"x" * 16_384) * 70),
     ["GOAWAY FLOW_CONTROL_ERROR", "RST FLOW_CONTROL_ERROR", "RST NO_ERROR"]),
    ("upper-case name", fields(("X-Upper", "y")), ["RST PROTOCOL_ERROR"]),
    ("connection", fields(("connection", "keep-alive")), ["RST PROTOCOL_ERROR"]),
    ("transfer-encoding", fields(("transfer-encoding", "chunked")), ["RST PROTOCOL_ERROR"]),
    ("te: gzip", fields(("te", "gzip")), ["RST PROTOCOL_ERROR"]),
    ("content-length without a body", fields(("content-length", "5")), ["RST PROTOCOL_ERROR"]),
    ("two paths", fields((":path", "/x")), ["RST PROTOCOL_ERROR"]),
    ("pseudo-header field after a field", raw_fields(M, S, A, ("x", "y"), P), ["RST PROTOCOL_ERROR"]),
    ("unknown pseudo-header field", fields((":x", "y")), ["RST PROTOCOL_ERROR"]),
    ("status in a request", fields((":status", "200")), ["RST PROTOCOL_ERROR"]),
    ("no path", raw_fields(M, S, A), ["RST PROTOCOL_ERROR"]),
    ("no method", raw_fields(S, A, P), ["RST PROTOCOL_ERROR"]),
]


def main():
    failed = False
    good_request()
    for name, attack, expected in ATTACKS:
        cpu_before, memory_before = usage()
        began = time.monotonic()
        client = attack()
        good = good_request()
        outcome = client.outcome()
        client.socket.close()
        cpu, memory = usage()
        right = outcome in expected and good < 1 and cpu - cpu_before < 1 and memory - memory_before < 64
        failed = failed or not right
        print(json.dumps({"attack": name, "outcome": outcome, "expected": expected, "right": right, "seconds": round(time.monotonic() - began, 2),
                          "cpu_seconds": round(cpu - cpu_before, 2), "memory_mb": round(memory - memory_before, 1),
                          "good_request_seconds": round(good, 3)}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
