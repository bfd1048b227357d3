"""What the namespace's operations mean for the bucket."""
import os

from harness import DURABLE3, WORK, wait_for

NEVER = {"alluxio.user.file.persistence.initial.wait.time": "-1"}


def make(cluster, path, data=b"data", **properties):
    source = WORK / "ns-source"
    source.write_bytes(data)
    cluster.fs("copyFromLocal", source, path, **{**DURABLE3, **properties})


def keys_like(s3, text):
    return [r for r in s3.requests() if text in r[1]]


def test_renameBeforePersist_movesNothingInS3(s3, s3_cluster):
    make(s3_cluster, "/rb-old", **NEVER)
    s3_cluster.fs("mv", "/rb-old", "/rb-new")
    s3_cluster.fs("persist", "/rb-new")
    assert keys_like(s3, "rb-old") == []
    assert [r[0] for r in keys_like(s3, "rb-new")] == ["PUT"]


def test_persistOnRename_asksForPersistence(s3, s3_cluster):
    s3_cluster.fs("mkdir", "/por")
    make(s3_cluster, "/por/f", **NEVER)
    s3_cluster.fs("mv", "/por/f", "/por/g")
    assert s3_cluster.state("/por/g") == "TO_BE_PERSISTED" and not s3.path("por/g").exists()
    s3_cluster.fs("mv", "/por", "/por2", **{"alluxio.user.file.persist.on.rename": "true"})
    s3_cluster.await_persisted("/por2/g")
    assert s3.path("por2/g").read_bytes() == b"data"
    assert keys_like(s3, "/por/") == []


def test_passiveTtl_isOfTheFilesThatWereAskedFor(s3, s3_cluster):
    for key in ["ttl/asked", "ttl/beside", "ttl2/a", "ttl2/b"]:
        s3.path(key).parent.mkdir(parents=True, exist_ok=True)
        s3.path(key).write_bytes(b"theirs")
    passive = {"alluxio.user.file.create.ttl": "1h", "alluxio.user.file.metadata.sync.interval": "0"}
    s3_cluster.fs("stat", "/ttl/asked", **passive)
    s3_cluster.fs("ls", "/ttl2", **passive)
    ttl = {path: s3_cluster.fs("stat", path).stdout.split(" ttl=")[1].split(",")[0]
           for path in ["/ttl/asked", "/ttl/beside", "/ttl2/a", "/ttl2/b", "/ttl2"]}
    assert ttl == {"/ttl/asked": "3600000", "/ttl/beside": "-1", "/ttl2/a": "3600000", "/ttl2/b": "3600000", "/ttl2": "-1"}


def test_deleteBeforePersist_uploadsNothing(s3, s3_cluster):
    make(s3_cluster, "/db", **NEVER)
    s3_cluster.fs("rm", "/db")
    make(s3_cluster, "/db-after")
    s3_cluster.await_persisted("/db-after")
    assert [r for r in keys_like(s3, "/db") if r[1] == "/bucket/db"] == []


def test_temporaryTrees_neverLeaveTheCluster(s3, s3_cluster):
    s3_cluster.fs("mkdir", "/job/_temporary/0/task")
    make(s3_cluster, "/job/_temporary/0/task/part-0")
    s3_cluster.fs("mv", "/job/_temporary/0/task/part-0", "/job/part-0")
    s3_cluster.await_persisted("/job/part-0")
    s3_cluster.fs("rm", "-R", "/job/_temporary")
    assert keys_like(s3, "_temporary") == []
    assert [r[0] for r in keys_like(s3, "/job/")] == ["PUT"]


def test_renamePersisted_objectFollows(s3, s3_cluster):
    s3_cluster.fs("mkdir", "/rp/a")
    data = os.urandom(100_000)
    make(s3_cluster, "/rp/a/f", data)
    s3_cluster.await_persisted("/rp/a/f")
    s3_cluster.fs("mv", "/rp/a", "/rp/b")
    assert s3_cluster.fs("cat", "/rp/b/f", text=False).stdout == data
    wait_for(lambda: s3.path("rp/b/f").exists() and not s3.path("rp/a/f").exists(), "the object to follow its file")
    assert s3.path("rp/b/f").read_bytes() == data
    s3_cluster.fs("free", "/rp/b/f")
    assert s3_cluster.fs("cat", "/rp/b/f", text=False).stdout == data


def test_deletePersisted_objectGoes(s3, s3_cluster):
    make(s3_cluster, "/dp")
    s3_cluster.await_persisted("/dp")
    s3_cluster.fs("rm", "/dp")
    wait_for(lambda: not s3.path("dp").exists(), "the object to go")


def test_overwrite_neverAMomentWithoutObject(s3, s3_cluster):
    make(s3_cluster, "/ow", b"first")
    s3_cluster.await_persisted("/ow")
    s3_cluster.fs("rm", "--alluxioOnly", "/ow")  # what overwrite=true does to the old inode
    make(s3_cluster, "/ow2", b"first")
    s3_cluster.await_persisted("/ow2")
    assert not [r for r in keys_like(s3, "/ow") if r[0] == "DELETE"]


def test_objectsAlreadyThere_appear(s3, s3_cluster):
    folder = s3.path("before/deep")
    folder.mkdir(parents=True)
    (folder / "object").write_bytes(b"from others")
    # The root was listed before; only what is below a directory not yet loaded can appear now.
    listing = s3_cluster.fs("ls", "/before", check=False)
    assert listing.returncode == 255 and "does not exist" in listing.stdout
    s3_cluster.stop()
    s3_cluster.start()
    listing = s3_cluster.fs("ls", "-R", "/")
    assert "/db-after" in listing.stdout


def test_writeTypes(s3, s3_cluster):
    make(s3_cluster, "/wt-must", **{"alluxio.user.file.writetype.default": "MUST_CACHE"})
    assert s3_cluster.state("/wt-must") == "NOT_PERSISTED"
    for kind in ["THROUGH", "CACHE_THROUGH"]:
        path = f"/wt-{kind.lower()}"
        make(s3_cluster, path, b"through" * 1000, **{"alluxio.user.file.writetype.default": kind})
        assert s3_cluster.state(path) == "PERSISTED"
        assert s3.path(path[1:]).read_bytes() == b"through" * 1000
        assert len(s3_cluster.locations(path)) == (1 if kind == "CACHE_THROUGH" else 0)
        assert s3_cluster.fs("cat", path, text=False).stdout == b"through" * 1000
    assert not s3.path("wt-must").exists()
