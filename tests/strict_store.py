"""The strict S3 store (tests/store) as a process, and what tests ask of it over its administration.

tests/store/admin.h lists the calls, tests/store/stranger/stranger.h the deformations.
"""
import hashlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import urllib.parse

from harness import SPILLWAY, wait_for

STRICT_STORE = pathlib.Path(os.environ.get("STRICT_STORE_BIN", SPILLWAY.resolve().parent / "strict_store"))
ACCESS, SECRET = "strict", "strict-secret"
NO_CONDITIONS = ["conditional_put", "conditional_complete", "conditional_copy", "copy_source_match", "conditional_delete",
                 "conditional_get", "multi_delete_etag"]


def md5(data):
    return hashlib.md5(data).hexdigest()


class StrictStore:
    """One process on a port that the system chooses; options are those of strict_store --help."""

    def __init__(self, directory, *options):
        self.log = pathlib.Path(directory) / "strict_store.log"
        self.options = options
        self.process = None
        self.port = 0
        self._connection = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        out = open(self.log, "wb")
        self.process = subprocess.Popen([str(STRICT_STORE), *self.options], stdout=out, stderr=out)
        said = wait_for(lambda: re.search(r"listens on 127\.0\.0\.1:(\d+)", self.log.read_text()), "the strict store")
        self.port = int(said[1])
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return self

    def stop(self):
        if self._connection is not None:
            self._connection.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def properties(self):
        return {"alluxio.underfs.s3.endpoint": self.endpoint, "s3a.accessKeyId": ACCESS, "s3a.secretKey": SECRET,
                "alluxio.underfs.s3.disable.dns.buckets": "true"}

    def _ask(self, method, what, body=None, **query):
        target = f"/-/{what}" + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else "")
        self._connection.request(method, target, body)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError(f"strict_store answers {answer.status} to {method} {target}: {text}")
        return json.loads(text)

    # The stranger.
    def rule(self, call, deformation, key="", count=1, **parameters):
        """Deforms the next count answers (-1: all) to call; key is one key, or a prefix and a star."""
        self._ask("POST", "rules", json.dumps({"call": call, "deformation": deformation, "key": key, "count": count, **parameters}))

    def rules(self):
        return self._ask("GET", "rules")

    def clear_rules(self):
        self._ask("DELETE", "rules")

    def await_rules_met(self, timeout=30):
        """Returns when every rule has met its requests; they may still wait for their answer."""
        wait_for(lambda: not self.rules(), "the rules to be met", timeout)

    # Settings.
    def profile(self, **features):
        """yes, ignore or refuse for each feature."""
        return self._ask("POST", "profile", json.dumps(features)) if features else self._ask("GET", "profile")

    def settings(self, **values):
        self._ask("POST", "settings", json.dumps(values))

    def be_good(self):
        """No rules, and the profile and pace of a whole S3."""
        self.clear_rules()
        self.profile(**{name: "yes" for name in self.profile()})
        self.settings(delay_ms={call: 0 for call in ("CopyObject", "UploadPartCopy", "CompleteMultipartUpload")}, blanks_every_ms=0,
                      clock_skew_ms=0)

    # What others do.
    def put(self, key, data):
        self._ask("POST", "objects", data, key=key)

    def put_synthetic(self, key, size, seed=0):
        self._ask("POST", "objects", key=key, synthetic=size, seed=seed)

    def remove(self, key):
        self._ask("DELETE", "objects", key=key)

    # What is there, and what was asked.
    def objects(self, prefix=""):
        return {item["key"]: item for item in self._ask("GET", "objects") if item["key"].startswith(prefix)}

    def holds(self, key, data):
        """Whether key has these bytes, put by one request."""
        return self.objects(key).get(key, {}).get("etag") == md5(data)

    def uploads(self, prefix=""):
        return [item for item in self._ask("GET", "uploads") if item["key"].startswith(prefix)]

    def requests(self, prefix="", call=None, after=0):
        """Those for keys (of listings: prefixes) that begin with prefix; of DeleteObjects: that name one."""
        return [item for item in self._ask("GET", "requests", after=after)
                if (item["key"].startswith(prefix) or f"<Key>{prefix}" in item["body"]) and call in (None, item["call"])]

    def last_id(self):
        return max((item["id"] for item in self._ask("GET", "requests")), default=0)

    def bytes_copied(self):
        return self._ask("GET", "counters")["bytes_copied"]
