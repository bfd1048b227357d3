"""What Spillway must do on every S3 store, one function a row. Each takes a Bench, and raises AssertionError if it does not hold.

Objects are always looked at with boto3, never through Spillway.
"""
import concurrent.futures
import json
import os
import random
import re
import shutil
import subprocess
import threading

import botocore.exceptions

from harness import ACCESS, SECRET, SPILLWAY, fresh_directory, wait_for
from store_profile import OURS, features_of

DURABLE2 = {"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.file.replication.durable": "2"}
ALWAYS = {"alluxio.user.file.metadata.sync.interval": "0"}
MIB = 1 << 20
PART = 5 * MIB   # of multipart uploads; S3's smallest
BLOCK = 8 * MIB
PROPERTIES = {"spillway.underfs.multipart.part.size": str(PART), "alluxio.user.block.size.bytes.default": str(BLOCK),
              "spillway.master.persist.retry.interval.max": "2s", "spillway.underfs.retry.max.duration": "5s"}
SCENARIOS = []


def scenario(title):
    def register(function):
        SCENARIOS.append((title, function))
        return function
    return register


def some_bytes(size, seed):
    return random.Random(seed).randbytes(size)


class Bench:
    """A store, a cluster over it, and the bucket as another program sees it."""

    def __init__(self, server, cluster):
        self.server, self.cluster, self.client = server, cluster, server.client()
        self.sources = fresh_directory("stores-sources")

    def put(self, key, data):
        self.client.put_object(Bucket="bucket", Key=key, Body=data)

    def remove(self, key):
        self.client.delete_object(Bucket="bucket", Key=key)

    def object(self, key):
        """Its bytes; None if there is none."""
        try:
            return self.client.get_object(Bucket="bucket", Key=key)["Body"].read()
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def keys(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def has_folder(self, name):
        """Whether the store lists it; some do so for a while after its last key has gone."""
        listed = self.client.list_objects_v2(Bucket="bucket", Prefix=name, Delimiter="/")
        return name + "/" in [folder["Prefix"] for folder in listed.get("CommonPrefixes", [])]

    def folder(self, name, files):
        """A local folder with {relative path: bytes}."""
        folder = self.sources / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    def write(self, path, data, timeout=120, **properties):
        source = self.sources / "one"
        source.write_bytes(data)
        if path.count("/") > 1:
            self.cluster.fs("mkdir", path.rsplit("/", 1)[0], check=False)
        return self.cluster.fs("copyFromLocal", source, path, timeout=timeout, **{**DURABLE2, **properties})

    def cat(self, path, **properties):
        return self.cluster.fs("cat", path, text=False, **properties).stdout

    def free(self, path):
        """Gives up the copies of path, which is persisted, so that the next read comes from the store."""
        self.cluster.fs("free", path)
        wait_for(lambda: not self.cluster.locations(path), f"the copies of {path} to go")

    def persisted(self, path, timeout=120):
        """Waits until everything below path is."""
        result = self.cluster.fs("persist", "--wait", path, "-t", str(timeout * 1000), timeout=timeout + 30, check=False)
        assert result.returncode == 0, f"{path} is not persisted after {timeout} s: {result.stdout.strip()}; {self.report()}"

    def listed(self, path, **properties):
        return sorted(entry["path"] for entry in json.loads(self.cluster.fs("ls", "--json", "-R", path, **properties).stdout))

    def report(self):
        return self.cluster.admin("report", "persist").stdout

    def await_cause(self, path, key, foreign, timeout=40):
        """Waits until path's cause is reported; meanwhile the foreign object must stay."""
        def cause():
            assert self.object(key) == foreign, f"the foreign object {key} was destroyed"
            return [line for line in self.report().splitlines() if path in line and "(" in line]
        line = wait_for(cause, f"a cause for {path} in `fsadmin report persist`, which says: {self.report()}", timeout, pause=0.3)[0]
        return line[line.index("("):]


@scenario("`fsadmin report store` tells what raw requests find")
def own_profile(bench):
    def report():
        told = bench.cluster.admin("report", "store", check=False)
        assert told.returncode == 0, f"there is no such report: {(told.stdout + told.stderr).strip()[:200]}"
        return told if not re.search(r"\bunknown\b", told.stdout) else None
    told = wait_for(report, "the store to be probed", 60, pause=0.2)
    found, wrong = features_of(bench.server.profile), []
    for name in OURS:
        said = re.search(rf"\b{name}\b\W+(yes|no|unknown)\b", told.stdout)
        said = said[1] if said else "nothing"
        if said != found[name].split(",")[0]:
            wrong.append(f"{name}: Spillway says {said}, raw requests find {found[name]}")
    assert not wrong, "; ".join(wrong)


@scenario("the understore's own tests (`understore_test`) over this store")
def understore_suite(bench):
    binary = SPILLWAY.resolve().parent.parent / "src" / "understore" / "understore_test"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    result = subprocess.run([binary, "--gtest_filter=*UnderStoreTest*/s3"], capture_output=True, text=True, timeout=300, env={
        **clean, "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
        "SPILLWAY_S3_TEST_ENDPOINT": bench.server.endpoint, "SPILLWAY_S3_TEST_PATH_STYLE": "true", "SPILLWAY_S3_TEST_RUN": "stores"})
    failed = sorted(set(re.findall(r"FAILED  \] \w+/UnderStoreTest\.(\w+)/s3", result.stdout)))
    assert not failed, f"failed: {' '.join(failed)}"
    assert result.returncode == 0 and "[  PASSED  ]" in result.stdout, result.stdout[-500:]


@scenario("written with ASYNC_THROUGH and two copies, persisted, freed, read back")
def write_persist_read(bench):
    files = {f"f{size}": some_bytes(size, size) for size in (0, 1, 100_000, 128 << 10, 3_000_000)}
    for name, data in files.items():
        bench.write(f"/write/{name}", data)
        assert len(bench.cluster.locations(f"/write/{name}")) == (2 if data else 0), f"{name} has not two copies"
    bench.persisted("/write")
    assert bench.keys("write/") == sorted(f"write/{name}" for name in files), bench.keys("write/")
    for name, data in files.items():
        assert bench.object(f"write/{name}") == data, f"the object of {name} differs"
        bench.free(f"/write/{name}")
        assert bench.cat(f"/write/{name}") == data, f"{name} reads otherwise from the store"


@scenario("a persisted file is overwritten")
def overwrite(bench):
    old, new = some_bytes(200_000, 1), some_bytes(150_000, 2)
    bench.write("/overwrite/f", old)
    bench.persisted("/overwrite")
    bench.write("/overwritten-by", new)
    bench.cluster.fs("cp", "--overwrite", "/overwritten-by", "/overwrite/f", **DURABLE2)
    assert bench.cat("/overwrite/f") == new
    bench.persisted("/overwrite")
    wait_for(lambda: bench.object("overwrite/f") == new, "the object to have the new bytes")
    bench.free("/overwrite/f")
    assert bench.cat("/overwrite/f") == new


@scenario("a persisted file is renamed")
def rename_file(bench):
    data = some_bytes(300_000, 3)
    bench.write("/rename/old", data)
    bench.persisted("/rename")
    bench.cluster.fs("mv", "/rename/old", "/rename/new")
    assert bench.cat("/rename/new") == data
    wait_for(lambda: bench.keys("rename/") == ["rename/new"], "the object to follow its file")
    assert bench.object("rename/new") == data
    bench.free("/rename/new")
    assert bench.cat("/rename/new") == data


@scenario("a tree of 60 persisted files is renamed")
def rename_tree(bench):
    files = {f"d{i % 6}/e/f{i}": some_bytes(2000 + i, i) for i in range(60)}
    bench.cluster.fs("copyFromLocal", bench.folder("tree", files), "/tree", **DURABLE2)
    bench.persisted("/tree")
    assert bench.keys("tree/") == sorted(f"tree/{name}" for name in files)
    bench.cluster.fs("mv", "/tree", "/moved")
    wait_for(lambda: not bench.keys("tree/") and len(bench.keys("moved/")) == 60, "60 objects to move", 60, pause=0.2)
    wrong = [name for name, data in files.items() if bench.object(f"moved/{name}") != data]
    assert not wrong, f"these differ: {wrong}"
    for name in ("d0/e/f0", "d5/e/f59"):
        bench.free(f"/moved/{name}")
        assert bench.cat(f"/moved/{name}") == files[name]


@scenario("3,000 small persisted files are deleted with one command")
def delete_many(bench):
    files = {f"d{i % 3}/f{i:04}": b"%d" % i for i in range(3000)}
    bench.cluster.fs("copyFromLocal", bench.folder("many", files), "/many", timeout=300, **DURABLE2)
    bench.persisted("/many", 300)
    assert len(bench.keys("many/")) == 3000, f"{len(bench.keys('many/'))} of 3000 objects"
    bench.cluster.fs("rm", "-R", "/many")
    wait_for(lambda: not bench.keys("many/"), "3,000 objects to go", 180, pause=0.5)


@scenario("multipart: 33 MB in parts of 5 MiB")
def multipart(bench):
    data = some_bytes(33_000_001, 4)
    bench.write("/multipart/f", data)
    bench.persisted("/multipart")
    assert bench.object("multipart/f") == data, "the object differs"
    assert not bench.client.list_multipart_uploads(Bucket="bucket").get("Uploads"), "an upload was left open"
    bench.free("/multipart/f")
    assert bench.cat("/multipart/f") == data
    bench.cluster.fs("loadMetadata", "-R", "-F", "/multipart")
    assert bench.cat("/multipart/f", **ALWAYS) == data


@scenario("objects that others put, change and remove appear, change and disappear")
def follow_others(bench):
    bench.put("others/a", b"first")
    bench.put("others/deep/b", b"b")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert bench.listed("/others") == ["/others/a", "/others/deep", "/others/deep/b"], bench.listed("/others")
    assert bench.cat("/others/a") == b"first"
    bench.put("others/a", b"second, longer")
    bench.put("others/c", b"c")
    assert bench.cat("/others/a", **ALWAYS) == b"second, longer"
    assert bench.cat("/others/c", **ALWAYS) == b"c"
    bench.put("others/a", b"third!, longer")
    assert bench.cat("/others/a", **ALWAYS) == b"third!, longer", "same length, other bytes"
    bench.remove("others/a")
    assert bench.cluster.fs("test", "-e", "/others/a", check=False, **ALWAYS).returncode != 0, "what others removed is there still"
    bench.remove("others/deep/b")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/others")
    assert "/others/deep/b" not in bench.listed("/others")


@scenario("a folder with 2,500 objects that others put lists completely")
def list_many(bench):
    names = [f"listed/f{i:04}" for i in range(2500)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: bench.put(name, b"x"), names))
    bench.cluster.fs("loadMetadata", "/")
    assert bench.listed("/listed", **ALWAYS) == [f"/{name}" for name in names]


@scenario("names with spaces, signs and letters of many scripts")
def names(bench):
    parts = ["a b", "plus+and&", "quote'\"", "<tag>", "percent%41", "ünïcode", "日本", "equals=1", "star*", "colon:", "semi;", "hash#", "q?"]
    files = {f"{part}/{part}.txt": part.encode() for part in parts}
    bench.cluster.fs("copyFromLocal", bench.folder("names", files), "/names", **DURABLE2)
    bench.persisted("/names")
    assert bench.keys("names/") == sorted(f"names/{name}" for name in files), sorted(set(bench.keys("names/")) ^ {f"names/{n}" for n in files})
    bench.cluster.fs("loadMetadata", "-R", "-F", "/names")
    for name, data in files.items():
        bench.put(f"names/{name}", data + b" changed")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/names")
    wrong = [name for name, data in files.items() if bench.cat(f"/names/{name}", **ALWAYS) != data + b" changed"]
    assert not wrong, f"these read otherwise: {wrong}"
    bench.cluster.fs("mv", "/names", "/names2")
    wait_for(lambda: not bench.keys("names/") and len(bench.keys("names2/")) == len(files), "the objects to move", 60, pause=0.2)
    bench.cluster.fs("rm", "-R", "/names2")
    wait_for(lambda: not bench.keys("names2/"), "the objects to go", 60, pause=0.2)


@scenario("conflict: a foreign object at the key of a write stays until it is removed by hand")
def conflict_write(bench):
    bench.write("/taken/known", b"known")
    bench.persisted("/taken")
    foreign, ours = b"somebody else's", some_bytes(10_000, 5)
    bench.put("taken/f", foreign)
    bench.write("/taken/f", ours)
    cause = bench.await_cause("/taken/f", "taken/f", foreign)
    assert bench.cat("/taken/f") == ours, "what was acknowledged is lost"
    bench.remove("taken/f")
    bench.persisted("/taken/f", 60)
    assert bench.object("taken/f") == ours
    return cause


@scenario("conflict: a foreign object at the key of a multipart upload stays until it is removed by hand")
def conflict_multipart(bench):
    bench.write("/taken2/known", b"known")
    bench.persisted("/taken2")
    foreign, ours = b"somebody else's", some_bytes(12_000_000, 6)
    bench.put("taken2/f", foreign)
    bench.write("/taken2/f", ours)
    cause = bench.await_cause("/taken2/f", "taken2/f", foreign)
    assert bench.cat("/taken2/f") == ours, "what was acknowledged is lost"
    bench.remove("taken2/f")
    bench.persisted("/taken2/f", 60)
    assert bench.object("taken2/f") == ours
    return cause


@scenario("conflict: a foreign object at the target of a rename stays until it is removed by hand")
def conflict_rename(bench):
    ours, foreign = some_bytes(20_000, 7), b"somebody else's"
    bench.write("/target/a", ours)
    bench.persisted("/target")
    bench.put("target/b", foreign)
    bench.cluster.fs("mv", "/target/a", "/target/b")
    cause = bench.await_cause("/target/b", "target/b", foreign)
    assert bench.cat("/target/b") == ours, "the file that was renamed reads otherwise"
    bench.remove("target/b")
    wait_for(lambda: bench.object("target/b") == ours and bench.object("target/a") is None, "the object to move once it may", 60, pause=0.3)
    bench.free("/target/b")
    assert bench.cat("/target/b") == ours
    return cause


@scenario("conflict: an object that others replaced is not deleted with the file")
def conflict_delete(bench):
    foreign = b"somebody else's newer one"
    bench.write("/replaced/f", b"ours")
    bench.persisted("/replaced")
    bench.put("replaced/f", foreign)
    bench.cluster.fs("rm", "/replaced/f")
    bench.write("/replaced/after", b"x")
    bench.persisted("/replaced")
    wait_for(lambda: "Objects to delete: 0" in bench.report(), f"the deletes to be carried out or given up: {bench.report()}", 60, pause=0.3)
    assert bench.object("replaced/f") == foreign, "the object that others had put was destroyed"


@scenario("an object that others put in the place of a folder stays when the folder is removed")
def object_for_folder(bench):
    foreign = b"an object where a folder was"
    bench.put("place/d/f", b"x")
    bench.put("place/other", b"x")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert "/place/d/f" in bench.listed("/place")
    bench.remove("place/d/f")
    bench.put("place/d", foreign)
    bench.cluster.fs("rm", "-R", "/place/d")

    def settled():
        assert bench.object("place/d") == foreign, "the object that others had put was destroyed"
        return "Objects to delete: 0" in bench.report()
    try:
        wait_for(settled, "the deletes to be carried out", 20, pause=0.3)
        bench.cluster.fs("loadMetadata", "-R", "-F", "/place")
        assert bench.cat("/place/d", **ALWAYS) == foreign
    finally:
        bench.remove("place/d")


@scenario("folders with marker objects of others are renamed and removed: the old ones do not appear again")
def marked_folders(bench):
    for key in ("marked/", "marked/d/", "marked/empty/"):
        bench.put(key, b"")
    bench.put("marked/d/f", b"data")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert bench.listed("/marked") == ["/marked/d", "/marked/d/f", "/marked/empty"], bench.listed("/marked")
    bench.cluster.fs("mv", "/marked", "/marked2")
    wait_for(lambda: bench.keys("marked2/") == ["marked2/d/f"] and not bench.keys("marked/"), "the object to move and the markers to go", 15, pause=0.3)
    wait_for(lambda: not bench.has_folder("marked"), "the store to forget the empty folder", 60, pause=0.3)
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert bench.listed("/marked2") == ["/marked2/d", "/marked2/d/f", "/marked2/empty"], bench.listed("/marked2")
    assert "/marked" not in bench.listed("/"), "the old folder is there again"
    bench.put("marked3/", b"")
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert "/marked3" in bench.listed("/")
    bench.cluster.fs("rm", "-R", "/marked3")
    wait_for(lambda: not bench.keys("marked3"), "the marker to go", 60, pause=0.3)
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    assert "/marked3" not in bench.listed("/"), "the folder that was removed is there again"


@scenario("outage: the server is killed and started again while files are written; everything arrives")
def outage(bench):
    small = {f"s{i}": some_bytes(5000, 100 + i) for i in range(30)}
    large = {f"l{i}": some_bytes(12_000_000, 200 + i) for i in range(3)}
    bench.cluster.fs("mkdir", "/outage")
    failures = []

    def copy(name, files):
        try:
            bench.cluster.fs("copyFromLocal", bench.folder(name, files), f"/outage/{name}", timeout=200, **DURABLE2)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failures.append(f"{name}: {str(error)[-500:]}")
    first = threading.Thread(target=copy, args=("before", {**large, **small}))
    first.start()
    wait_for(lambda: bench.keys("outage/before/"), "the first object", 60)
    bench.server.kill()
    first.join()
    copy("during", small)
    assert not failures, f"writers failed while the store was away: {failures}"
    bench.server.start()
    bench.persisted("/outage", 180)
    expected = {f"outage/{where}/{name}": data for where, files in (("before", {**large, **small}), ("during", small)) for name, data in files.items()}
    wrong = [key for key, data in expected.items() if bench.object(key) != data]
    assert not wrong, f"these are missing or differ: {wrong}"
    missing = set(expected) - set(bench.keys("outage/"))
    assert not missing, f"not listed: {sorted(missing)}"
    more = set(bench.keys("outage/")) - set(expected)
    assert not more, f"there are others beside them: {sorted(more)}"


def read_while_replaced(bench, name, new):
    """Reads 64 MiB, and puts new in the object's place after the first MiB; returns (what came, exit code, what it said)."""
    old = b"o" * (64 * MIB)
    bench.put(f"reading/{name}", old)
    bench.cluster.fs("loadMetadata", "-R", "-F", "/")
    reader = subprocess.Popen([str(SPILLWAY), "fs", "-Dalluxio.user.rpc.retry.max.duration=20s", "cat", f"/reading/{name}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        came = reader.stdout.read(MIB)
        bench.put(f"reading/{name}", new)
        rest, said = reader.communicate(timeout=120)
    finally:
        reader.kill()
    return old, came + rest, reader.returncode, said.decode(errors="replace").strip()[-300:]


@scenario("an object is replaced half-way through a read by one as long: one version or an error, never a mixture")
def replaced_same_length(bench):
    new = b"n" * (64 * MIB)
    old, came, code, said = read_while_replaced(bench, "same", new)
    if came not in (old, new):
        kinds = {kind: came.count(kind.encode()) for kind in "on"}
        assert code != 0, f"the reader got a mixture of {len(came)} bytes without an error: {kinds}"
        assert kinds["n"] == 0 or kinds["o"] == 0, f"the reader got bytes of both before its error: {kinds} {said}"
    assert bench.cat("/reading/same", **ALWAYS) == new, "a reader that asks for the newest does not get it"


@scenario("an object is replaced half-way through a read by a shorter one: one version or an error, never a mixture")
def replaced_shorter(bench):
    new = b"n" * (24 * MIB)
    old, came, code, said = read_while_replaced(bench, "shorter", new)
    if came not in (old, new):
        kinds = {kind: came.count(kind.encode()) for kind in "on"}
        assert code != 0, f"the reader got a mixture of {len(came)} bytes without an error: {kinds}"
        assert kinds["n"] == 0 or kinds["o"] == 0, f"the reader got bytes of both before its error: {kinds} {said}"
    assert bench.cat("/reading/shorter", **ALWAYS) == new, "a reader that asks for the newest does not get it"
