"""An S3 server's bad days: a proxy that delays, throttles, fails and cuts requests, and remembers them.

Runs in a thread of its own. Bodies pass through unchanged, so signatures stay valid.
"""
import asyncio
import random
import threading
import time
import urllib.parse


class S3Proxy:
    def __init__(self, upstream_port, port=7090):
        self.upstream_port = upstream_port
        self.port = port
        self.delay = 0.0          # seconds before each request is passed on
        self.outage = False       # connections are cut
        self.reject = 0.0         # probability of 503 SlowDown
        self.reset = 0.0          # probability of a cut connection after the server has answered
        self.error_after = 0.0    # probability of 500 although the server has done it
        self.puts_per_second = None  # more get 503 SlowDown
        self._tokens, self._filled = 1.0, time.monotonic()
        self.requests = []        # (time of the end, method, key, query, status that the client saw, server's status); no probes
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._thread = None
        self._connections = set()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        ready = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port, limit=1 << 20)
            ready.set()

        def work():
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(serve())
            self._loop.run_forever()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise AssertionError(f"the S3 proxy cannot listen on port {self.port}")
        return self

    def stop(self):
        def close():
            self._server.close()
            for writer in list(self._connections):
                writer.close()
            self._loop.call_soon(self._loop.stop)

        self._loop.call_soon_threadsafe(close)
        self._thread.join(5)

    def begin_outage(self):
        self.outage = True
        self._loop.call_soon_threadsafe(lambda: [w.close() for w in list(self._connections)])

    def end_outage(self):
        self.outage = False

    def remember(self, request):
        """Not what the store is asked to find out what it can do."""
        if "/.spillway-probe-" not in "/" + request[2]:
            self.requests.append(request)

    def count(self, method=None, status=None):
        return sum(1 for r in list(self.requests) if (method is None or r[1] == method) and (status is None or r[4] == status))

    def _throttled(self, method):
        if self.reject and self._random.random() < self.reject:
            return True
        if self.puts_per_second is None or method != "PUT":
            return False
        now = time.monotonic()
        self._tokens = min(max(1.0, self.puts_per_second * 0.2), self._tokens + (now - self._filled) * self.puts_per_second)
        self._filled = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    @staticmethod
    async def _head(reader):
        raw = await reader.readuntil(b"\r\n\r\n")
        lines = raw.decode("latin1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            if ":" in line:
                name, value = line.split(":", 1)
                headers[name.strip().lower()] = value.strip()
        return raw, lines[0], headers

    @staticmethod
    async def _body(reader, headers, bodiless=False):
        if bodiless:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            out = b""
            while True:
                line = await reader.readline()
                size = int(line.split(b";")[0], 16)
                out += line + await reader.readexactly(size + 2)
                if size == 0:
                    return out
        return await reader.readexactly(int(headers.get("content-length", "0")))

    async def _client(self, reader, writer):
        upstream = None
        self._connections.add(writer)
        try:
            while not self.outage:
                raw, line, headers = await self._head(reader)
                method, target, _ = line.split(" ", 2)
                if headers.get("expect"):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await self._body(reader, headers)
                path, _, query = target.partition("?")
                key = urllib.parse.unquote(path).split("/", 2)[2] if path.count("/") > 1 else ""
                if self.outage:
                    return
                if self._throttled(method):
                    self.remember((time.time(), method, key, query, 503, None))
                    text = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                    writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
                                 % len(text) + (b"" if method == "HEAD" else text))
                    await writer.drain()
                    continue
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.outage:
                    return
                if upstream is None:
                    upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port, limit=1 << 20)
                raw = b"\r\n".join(l for l in raw.split(b"\r\n") if not l.lower().startswith(b"expect:"))
                upstream[1].write(raw + body)
                await upstream[1].drain()
                answer, status_line, answer_headers = await self._head(upstream[0])
                status = int(status_line.split(" ")[1])
                rest = await self._body(upstream[0], answer_headers, method == "HEAD" or status in (204, 304))
                changed = method in ("PUT", "POST", "DELETE")
                if changed and self.reset and self._random.random() < self.reset:
                    self.remember((time.time(), method, key, query, 0, status))
                    return
                if changed and self.error_after and self._random.random() < self.error_after:
                    self.remember((time.time(), method, key, query, 500, status))
                    writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
                    await writer.drain()
                    continue
                self.remember((time.time(), method, key, query, status, status))
                writer.write(answer + rest)
                await writer.drain()
                if answer_headers.get("connection", "").lower() == "close":
                    return
        except (asyncio.IncompleteReadError, ConnectionError, OSError, ValueError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()
            if upstream is not None:
                upstream[1].close()
