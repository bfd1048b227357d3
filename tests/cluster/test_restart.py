"""Acknowledged operations survive kill -9."""
import concurrent.futures
import os
import threading

from harness import DURABLE3, SPILLWAY, WORK, run, wait_for


def test_masterKilledDuringCreates_everyAcknowledgedIsThere(s3_cluster):
    """10,000 creates by eight writers; the master dies in the middle and comes back."""
    total, writers = 10_000, 8
    s3_cluster.fs("mkdir", "/acks")
    acknowledged, lock = [], threading.Lock()
    killed = threading.Event()

    def write(writer):
        for first in range(0, total // writers, 50):
            paths = [f"/acks/w{writer}-{i}" for i in range(first, first + 50)]
            result = s3_cluster.fs("touch", *paths, check=False, **{"alluxio.user.file.persistence.initial.wait.time": "-1"})
            with lock:
                acknowledged.extend(line.split()[0] for line in result.stdout.splitlines() if line.endswith("has been created"))
                if len(acknowledged) > total // 3:
                    killed.set()

    with concurrent.futures.ThreadPoolExecutor(writers) as pool:
        jobs = [pool.submit(write, w) for w in range(writers)]
        assert killed.wait(120)
        s3_cluster.kill("master")
        s3_cluster.restart("master")
        for job in jobs:
            job.result()
    listed = {line.split()[-1] for line in s3_cluster.fs("ls", "/acks").stdout.splitlines()}
    missing = [path for path in acknowledged if path not in listed]
    assert missing == []
    assert len(acknowledged) == total, "native clients ride over a master's restart"


def test_masterKilled_filesAndPersistGoOn(s3, s3_cluster):
    data = os.urandom(1 << 20)
    source = WORK / "restart-source"
    source.write_bytes(data)
    for i in range(20):
        s3_cluster.fs("copyFromLocal", source, f"/mk-{i}", **DURABLE3)
    s3_cluster.kill("master")
    s3_cluster.restart("master")
    for i in range(20):
        s3_cluster.await_persisted(f"/mk-{i}")
        assert s3.path(f"mk-{i}").read_bytes() == data
        assert len(s3_cluster.locations(f"/mk-{i}")) == 3
    puts = [r for r in s3.requests() if "/mk-" in r[1]]
    assert all(r[0] in ("PUT", "HEAD") for r in puts)


def test_workerKilled_comesBackWithItsBlocks(s3_cluster):
    source = WORK / "worker-source"
    source.write_bytes(os.urandom(300_000))
    s3_cluster.fs("copyFromLocal", source, "/wk",
                  **{**DURABLE3, "alluxio.user.file.persistence.initial.wait.time": "-1"})
    s3_cluster.kill("worker2")
    wait_for(lambda: len(s3_cluster.locations("/wk")) == 2, "the dead worker to leave the locations", timeout=10)
    assert s3_cluster.fs("cat", "/wk", text=False).stdout == source.read_bytes()
    s3_cluster.restart("worker2")
    wait_for(lambda: len(s3_cluster.locations("/wk")) == 3, "its copy to count again", timeout=10)
    s3_cluster.fs("persist", "/wk")


def test_masterStop_isClean(s3_cluster):
    run([SPILLWAY, "local", "restart", "--dir", s3_cluster.directory, "master"])
    assert s3_cluster.fs("test", "-d", "/acks").returncode == 0
