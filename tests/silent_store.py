"""An S3 store that can fall silent: it takes requests and does not answer them any more."""
import hashlib
import http.server
import threading


class SilentStore:
    def __init__(self, port=7099):
        self.port = port
        self.silent = threading.Event()
        self.heard = threading.Semaphore(0)  # requests that came while it was silent
        self.objects = {}
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, code, body=b"", **headers):
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if store.silent.is_set():
                    store.heard.release()
                    store.ended.wait()
                    self.close_connection = True
                    return
                key = self.path.split("?")[0]
                etag = f'"{hashlib.md5(body).hexdigest()}"'
                if self.command == "PUT":
                    store.objects[key] = body
                    self.answer(200, ETag=etag)
                elif self.command == "GET" and "list-type" in self.path:
                    self.answer(200, b"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
                else:
                    self.answer(404)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_one

            def log_message(self, *arguments):
                pass

        self.ended = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    def start(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def properties(self):
        return {"alluxio.master.mount.table.root.ufs": "s3://bucket", "alluxio.underfs.s3.endpoint": f"http://127.0.0.1:{self.port}",
                "s3a.accessKeyId": "access", "s3a.secretKey": "secret", "alluxio.underfs.s3.disable.dns.buckets": "true",
                "spillway.underfs.s3.probe.enabled": "false"}
