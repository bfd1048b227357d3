"""The sentence that must hold: N replicas on N workers, then the same bytes in S3, by one PUT each."""
import collections
import os

import pytest

from harness import DURABLE3, WORK, java_shell

# The Java shell copies a directory by several threads that share one RoundRobinPolicy, whose HashMap is not
# synchronized: once in a while it breaks on the client's side, whatever the server. Another policy does not.
THREAD_SAFE_POLICY = {"alluxio.user.file.copyfromlocal.block.location.policy.class":
                      "alluxio.client.block.policy.LocalFirstPolicy"}
SIZES = {"one": 1, "zero": 0, "m64": 64 << 20, "m200": 200 << 20}


@pytest.fixture(scope="module")
def sources():
    folder = WORK / "main-job-sources"
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        (folder / name).write_bytes(os.urandom(size))
    many = folder / "many"
    many.mkdir(exist_ok=True)
    for i in range(1000):
        (many / f"f{i:04}").write_bytes(os.urandom(4096))
    return folder


@pytest.mark.parametrize("shell", ["native", "java"])
def test_copyFromLocal_threeReplicasThenS3(s3, s3_cluster, sources, shell):
    copy = s3_cluster.fs if shell == "native" else java_shell
    s3_cluster.fs("mkdir", f"/{shell}")
    for name, size in SIZES.items():
        path = f"/{shell}/{name}"
        copy("copyFromLocal", sources / name, path, **DURABLE3)
        blocks = -(-size // (64 << 20))
        locations = s3_cluster.locations(path)
        assert len(locations) == 3 * blocks
        assert all(count == blocks for count in collections.Counter(locations).values())
        s3_cluster.await_persisted(path)
        assert s3.path(path[1:]).read_bytes() == (sources / name).read_bytes()
        check_requests(s3, path[1:], multipart=size > 64 << 20)


@pytest.mark.parametrize("shell", ["native", "java"])
def test_copyFromLocal_directoryOfThousand(s3, s3_cluster, sources, shell):
    copy = s3_cluster.fs if shell == "native" else java_shell
    copy("copyFromLocal", sources / "many", f"/{shell}-many", timeout=300, **DURABLE3, **THREAD_SAFE_POLICY)
    assert len(s3_cluster.locations(f"/{shell}-many/f0500")) == 3
    s3_cluster.fs("persist", f"/{shell}-many")
    puts = collections.Counter(key for method, key, _ in s3.requests() if method == "PUT" and f"/{shell}-many/" in key)
    assert len(puts) == 1000 and set(puts.values()) == {1}
    for i in range(1000):
        assert s3.path(f"{shell}-many/f{i:04}").read_bytes() == (sources / "many" / f"f{i:04}").read_bytes()
    others = [r for r in s3.requests() if f"{shell}-many" in r[1] and r[0] != "PUT"]
    assert others == [], "a new file costs its PUT and nothing else"


def check_requests(s3, key, multipart):
    """One PUT, or one multipart upload, and no other key that resembles it."""
    mine = [r for r in s3.requests() if r[1].startswith(f"/bucket/{key}")]
    assert {r[1] for r in mine} == {f"/bucket/{key}"}, "no temporary key"
    if not multipart:
        assert [r[0] for r in mine] == ["PUT"]
        return
    assert [r[2] for r in mine].count("uploads=") == 1
    assert sum(r[0] == "POST" for r in mine) == 2
    parts = [r[2].split("&")[0] for r in mine if r[0] == "PUT"]
    assert sorted(parts) == [f"partNumber={i}" for i in range(1, 5)]


def test_free_refusedUntilPersisted_thenReadFromS3(s3, s3_cluster, sources):
    path = "/free-me"
    s3_cluster.fs("copyFromLocal", sources / "m64", path,
                  **{**DURABLE3, "alluxio.user.file.persistence.initial.wait.time": "-1"})
    refused = s3_cluster.fs("free", path, check=False)
    assert refused.returncode == 255 and "is not persisted" in refused.stdout
    assert len(s3_cluster.locations(path)) == 3
    s3_cluster.fs("persist", path)
    s3_cluster.fs("free", path)
    assert s3_cluster.locations(path) == []
    before = sum(r[0] == "GET" and r[1] == "/bucket/free-me" for r in s3.requests())
    out = WORK / "free-me.out"
    s3_cluster.fs("copyToLocal", path, out)
    assert out.read_bytes() == (sources / "m64").read_bytes()
    assert sum(r[0] == "GET" and r[1] == "/bucket/free-me" for r in s3.requests()) == before + 1
    assert len(s3_cluster.locations(path)) == 1, "the read keeps the block"


def test_readsOfEveryShell_agree(s3_cluster, sources):
    for path in ["/native/m64", "/java/m64"]:
        ours = s3_cluster.fs("checksum", path).stdout
        assert java_shell("checksum", path).stdout == ours
    assert java_shell("test", "-e", "/native/one", check=False).returncode == 0
    assert java_shell("test", "-e", "/native/none", check=False).returncode == 3


def test_memory_idleClusterIsSmall(s3_cluster):
    resident = s3_cluster.resident_bytes()
    print(f"resident: {resident >> 20} MB")
    assert resident < 300 << 20
