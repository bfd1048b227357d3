"""Signed S3 requests as they go over the wire, without a client that retries, checks or hides anything."""
import contextlib
import hashlib
import http.client
import re
import urllib.parse
import xml.sax.saxutils

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Signer(S3SigV4Auth):
    """Signs the payload's hash that the request names, be it right or wrong."""

    def payload(self, request):
        return request.headers["X-Named-SHA256"]

    def headers_to_sign(self, request):
        del request.headers["X-Named-SHA256"]
        return super().headers_to_sign(request)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """The error's code in the body; "" if there is none."""
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found[1].decode() if found else ""

    @property
    def etag(self):
        return self.headers.get("etag", "")

    def tag(self, name):
        """The text of the first such element of the body; None if there is none."""
        found = re.search(rb"<" + name.encode() + rb">([^<]*)</", self.body)
        return xml.sax.saxutils.unescape(found[1].decode(), {"&quot;": '"', "&#34;": '"', "&#39;": "'"}) if found else None

    def tags(self, name):
        return [xml.sax.saxutils.unescape(text.decode(), {"&quot;": '"', "&#34;": '"'})
                for text in re.findall(rb"<" + name.encode() + rb">([^<]*)</", self.body)]

    def __str__(self):
        return f"{self.status}{' ' + self.code if self.code else ''}"


class RawClient:
    """One bucket of a store at http://127.0.0.1:port, path style."""

    def __init__(self, port, access, secret, bucket="bucket", region="us-east-1"):
        self.port, self.bucket, self.region = port, bucket, region
        self.credentials = Credentials(access, secret)

    def call(self, method, key="", query=None, headers=None, body=b"", timeout=60):
        """query: a dictionary; "" stands for a name without value. Raises OSError if the connection breaks."""
        with self._response(method, key, query, headers, body, timeout) as response:
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def open(self, key, timeout=60):
        """A GET whose body the caller reads bit by bit."""
        return self._response("GET", key, None, None, b"", timeout)

    @contextlib.contextmanager
    def _response(self, method, key, query, headers, body, timeout):
        path = f"/{self.bucket}" + (f"/{urllib.parse.quote(key)}" if key else "")
        text = "&".join(f"{k}={urllib.parse.quote(str(v), safe='')}" for k, v in (query or {}).items())
        url = f"http://127.0.0.1:{self.port}{path}" + (f"?{text}" if text else "")
        sent = {"X-Named-SHA256": hashlib.sha256(body).hexdigest(), **(headers or {})}
        request = AWSRequest(method=method, url=url, data=body, headers=sent)
        Signer(self.credentials, "s3", self.region).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            signed = dict(request.headers.items())
            if body or method in ("PUT", "POST"):
                signed["Content-Length"] = str(len(body))
            connection.request(method, url.split(str(self.port), 1)[1], body=body or None, headers=signed)
            yield connection.getresponse()
        finally:
            connection.close()

    def put(self, key, body, **headers):
        return self.call("PUT", key, body=body, headers=_names(headers))

    def get(self, key, **headers):
        return self.call("GET", key, headers=_names(headers))

    def head(self, key, **headers):
        return self.call("HEAD", key, headers=_names(headers))

    def delete(self, key, **headers):
        return self.call("DELETE", key, headers=_names(headers))

    def copy(self, source, target, **headers):
        """headers: of the request, with _ for -."""
        return self.call("PUT", target, headers={"x-amz-copy-source": urllib.parse.quote(f"/{self.bucket}/{source}"), **_names(headers)})

    def create_upload(self, key, **headers):
        return self.call("POST", key, {"uploads": ""}, headers=_names(headers)).tag("UploadId")

    def part(self, key, upload, number, body, **headers):
        return self.call("PUT", key, {"partNumber": number, "uploadId": upload}, headers=_names(headers), body=body)

    def complete(self, key, upload, etags, checksums=None, **headers):
        """checksums: the CRC32C of each part, if they are to be named."""
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{xml.sax.saxutils.escape(e)}</ETag>" +
                        (f"<ChecksumCRC32C>{checksums[n - 1]}</ChecksumCRC32C>" if checksums else "") + "</Part>" for n, e in enumerate(etags, 1))
        body = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{parts}</CompleteMultipartUpload>'
        return self.call("POST", key, {"uploadId": upload}, headers={"Content-Type": "application/xml", **_names(headers)}, body=body.encode())

    def delete_many(self, entries, quiet=False, digest="md5"):
        """entries: (key, ETag or None)."""
        import base64
        rows = "".join(f"<Object><Key>{xml.sax.saxutils.escape(k)}</Key>{f'<ETag>{xml.sax.saxutils.escape(e)}</ETag>' if e else ''}</Object>"
                       for k, e in entries)
        body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}<Quiet>{str(quiet).lower()}</Quiet></Delete>'.encode()
        headers = {"Content-Type": "application/xml"}
        if digest == "md5":
            headers["Content-MD5"] = base64.b64encode(hashlib.md5(body).digest()).decode()
        return self.call("POST", "", {"delete": ""}, headers=headers, body=body)


def _names(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}
