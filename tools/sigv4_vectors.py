"""Random requests signed by botocore, for the SigV4 test: sigv4_vectors.py OUT."""
import datetime
import json
import random
import string
import sys
from unittest import mock

import botocore.auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib.parse import quote


def text(rng, low, high, alphabet):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def vector(rng):
    alphabet = string.ascii_letters + string.digits + " -_.~!*'()&$@=;:+,?äß日%#"
    path = "/" + "/".join(text(rng, 1, 12, alphabet) for _ in range(rng.randint(1, 4)))
    query = sorted({text(rng, 1, 6, string.ascii_letters): text(rng, 0, 8, alphabet) for _ in range(rng.randint(0, 3))}.items())
    time = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=rng.randint(0, 200_000_000))
    region = rng.choice(["us-east-1", "eu-central-1", "local"])
    access, secret = text(rng, 16, 20, string.ascii_uppercase), text(rng, 40, 40, string.ascii_letters + "/+")
    headers = {"host": "bucket.example.com", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    for _ in range(rng.randint(0, 3)):
        headers["x-amz-meta-" + text(rng, 1, 5, string.ascii_lowercase)] = text(rng, 1, 9, string.ascii_letters + "  ").strip() or "v"
    method = rng.choice(["GET", "PUT", "POST", "HEAD", "DELETE"])
    url = "https://bucket.example.com" + quote(path, safe="/~")
    request = AWSRequest(method=method, url=url, headers=dict(headers), params=dict(query))
    request.context["payload_signing_enabled"] = False
    request.context["client_config"] = None
    with mock.patch.object(botocore.auth, "datetime", mock.Mock(wraps=datetime)) as clock:
        clock.datetime = mock.Mock(wraps=datetime.datetime)
        clock.datetime.utcnow = lambda: time
        clock.datetime.now = lambda *_: time
        with mock.patch.object(botocore.auth, "get_current_datetime", lambda *a, **k: time, create=True):
            S3SigV4Auth(Credentials(access, secret), "s3", region).add_auth(request)
    signed = request.headers["Authorization"]
    names = signed.split("SignedHeaders=")[1].split(",")[0].split(";")
    return {"method": method, "path": path, "query": query, "region": region, "access_key": access, "secret_key": secret,
            "time_ms": int(time.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000),
            "headers": {n: request.headers.get(n, "bucket.example.com") for n in names},
            "payload_hash": request.headers["X-Amz-Content-SHA256"], "signature": signed.split("Signature=")[1]}


if __name__ == "__main__":
    rng = random.Random(20240229)
    with open(sys.argv[1], "w") as out:
        json.dump([vector(rng) for _ in range(300)], out)
