"""gRPC by hand, over one socket, so that a call can be broken off anywhere."""
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def varint(number):
    out = b""
    number &= (1 << 64) - 1
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """A protobuf field: an int, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def framed(message):
    return b"\0" + struct.pack(">I", len(message)) + message


class RawCall:
    """One call on a connection of its own."""

    def __init__(self, host, port, method):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        headers = [(":method", "POST"), (":scheme", "http"), (":path", method), (":authority", f"{host}:{port}"),
                   ("content-type", "application/grpc"), ("te", "trailers")]
        block = b"".join(b"\0" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in headers)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.frame(SETTINGS, 0, b"", stream=0)
        self.frame(HEADERS, END_HEADERS, block)

    def frame(self, kind, flags, payload, stream=1):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def send(self, message, last=False):
        self.frame(DATA, END_STREAM if last else 0, framed(message))

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def frames(self):
        """(kind, flags, payload) of what comes, until the call is over."""
        while True:
            head = self.read(9)
            kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
            payload = self.read(int.from_bytes(head[:3], "big"))
            if kind == SETTINGS and not flags & ACK:
                self.frame(SETTINGS, ACK, b"", stream=0)
            elif kind == PING and not flags & ACK:
                self.frame(PING, ACK, payload, stream=0)
            elif kind == GOAWAY:
                raise EOFError
            elif stream == 1:
                yield kind, flags, payload
                if flags & END_STREAM or kind == RST_STREAM:
                    return

    def await_message(self):
        """The first message that is answered."""
        data = b""
        for kind, _, payload in self.frames():
            data += payload if kind == DATA else b""
            if len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5], "big"):
                return data[5:5 + int.from_bytes(data[1:5], "big")]
        raise EOFError

    def await_end(self):
        """The messages of a call that ends, together."""
        return b"".join(payload for kind, _, payload in self.frames() if kind == DATA)

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def unary(host, port, method, request):
    call = RawCall(host, port, method)
    call.send(request, last=True)
    answer = call.await_end()
    call.close()
    return answer[5:5 + int.from_bytes(answer[1:5], "big")] if len(answer) >= 5 else None
