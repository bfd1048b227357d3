"""Tests that need a cluster of their own kind."""
import os

from harness import WORK, Cluster, fresh_directory, wait_for

FAST = {"alluxio.user.rpc.retry.max.duration": "2s"}


def test_mountWithObjects_loadsOncePerDirectory():
    directory = fresh_directory("preloaded")
    store = directory / "store"
    (store / "a" / "b").mkdir(parents=True)
    for i in range(30):
        (store / "a" / "b" / f"f{i}").write_bytes(b"x" * i)
    cluster = Cluster(directory / "cluster", workers=1, properties={"alluxio.master.mount.table.root.ufs": str(store)})
    try:
        cluster.start()
        listing = cluster.fs("ls", "-R", "/").stdout
        assert sum("/a/b/f" in line for line in listing.splitlines()) == 30
        assert cluster.fs("cat", "/a/b/f7").stdout == "x" * 7
        assert cluster.fs("count", "/").stdout.splitlines()[1].split() == ["30", "2", str(sum(range(30)))]
        (store / "a" / "b" / "late").write_bytes(b"")
        assert "late" not in cluster.fs("ls", "/a/b").stdout
        cluster.fs("rm", "-R", "/a")
        wait_for(lambda: not (store / "a" / "b" / "f7").exists(), "deletes to reach the store")
        assert (store / "a" / "b" / "late").exists(), "what was never seen is never deleted"
    finally:
        cluster.stop()


def test_storeAway_startsAndSaysSo():
    cluster = Cluster(fresh_directory("store-away"), workers=1, properties={
        "alluxio.master.mount.table.root.ufs": "s3://bucket", "alluxio.underfs.s3.endpoint": "http://127.0.0.1:7999",
        "s3a.accessKeyId": "a", "s3a.secretKey": "b", "alluxio.underfs.s3.disable.dns.buckets": "true",
        "spillway.underfs.retry.max.duration": "500ms"})
    try:
        cluster.start()
        result = cluster.fs("ls", "/", check=False, **FAST)
        assert result.returncode == 255 and "Cannot load" in result.stdout and "7999" in result.stdout
    finally:
        cluster.stop()


def test_fullWorkers_sayHowMuchIsMissing():
    cluster = Cluster(fresh_directory("full"), workers=1, properties={"alluxio.worker.ramdisk.size": "8MB"})
    try:
        cluster.start()
        big = WORK / "big-for-full"
        big.write_bytes(os.urandom(12 << 20))
        result = cluster.fs("copyFromLocal", big, "/big", check=False)
        assert result.returncode == 255 and "Not enough space left on worker 127.0.0.2:29991" in result.stdout
        assert cluster.fs("test", "-e", "/big", check=False).returncode == 3
        small = WORK / "small-for-full"
        small.write_bytes(os.urandom(7 << 20))
        cluster.fs("copyFromLocal", small, "/small")  # the failed write's space is free again
        assert cluster.fs("getUsedBytes").stdout.startswith("Used Bytes: ")
    finally:
        cluster.stop()


def test_oneFailure_doesNotEndACopy():
    directory = fresh_directory("one-failure")
    cluster = Cluster(directory / "cluster", workers=1)
    tree = directory / "tree"
    (tree / "sub").mkdir(parents=True)
    for name in ["a", "sub/b", "z"]:
        (tree / name).write_text(name)
    (tree / "broken").symlink_to("nowhere")
    (tree / "loop").symlink_to(".")
    os.mkfifo(tree / "fifo")
    try:
        cluster.start()
        up = cluster.fs("copyFromLocal", tree, directory / "none", "/up", check=False)
        assert up.returncode == 255
        for name in ["broken", "loop", "fifo"]:
            assert f"{tree}/{name}" in up.stdout
        assert f"{directory}/none (No such file or directory)" in up.stdout
        assert cluster.fs("count", "/up/tree").stdout.splitlines()[1].split() == ["3", "1", "7"]
        down = directory / "down"
        down.mkdir()
        (down / "tree").mkdir()
        (down / "tree" / "sub").write_text("a file where a folder should be")
        back = cluster.fs("copyToLocal", "/up/tree", down, check=False)
        assert back.returncode == 255 and f"{down}/tree/sub" in back.stdout
        assert (down / "tree" / "a").read_text() == "a" and (down / "tree" / "z").read_text() == "z"
        cluster.fs("mkdir", "/cp/tree")
        cluster.fs("touch", "/cp/tree/sub")
        copy = cluster.fs("cp", "-R", "/up/tree", "/cp", check=False)
        assert copy.returncode == 255 and "/up/tree/sub" in copy.stdout
        assert cluster.fs("cat", "/cp/tree/z").stdout == "z"
        gone = cluster.fs("rm", "/none*", "/up/tree/a", "/up/tree/none", "/up/tree/z", check=False)
        assert gone.returncode == 255 and gone.stdout.count("has been removed") == 2
    finally:
        cluster.stop()
