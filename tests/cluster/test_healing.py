"""Lost workers, stores in trouble, order, barrier, leaving: what is acknowledged stays, and can be seen."""
import hashlib
import os
import pathlib
import re
import subprocess
import time

import pytest

from harness import DURABLE3, SPILLWAY, Cluster, VersityGw, fresh_directory, run, wait_for
from s3_proxy import S3Proxy


@pytest.fixture(scope="module")
def gateway():
    server = VersityGw(fresh_directory("healing-s3"), port=7071).start()
    yield server
    server.stop()


@pytest.fixture()
def proxy(gateway):
    server = S3Proxy(gateway.port).start()
    yield server
    server.stop()


@pytest.fixture()
def cluster(gateway, proxy, request):
    directory = fresh_directory("healing")
    properties = {**gateway.properties(), "alluxio.underfs.s3.endpoint": proxy.endpoint, **getattr(request, "param", {})}
    prefix = f"s3://bucket/{abs(hash(request.node.name)) % 10**8}"
    properties["alluxio.master.mount.table.root.ufs"] = prefix
    it = Cluster(directory, workers=4, properties=properties)
    it.prefix = prefix.rsplit("/", 1)[1]
    it.start()
    yield it
    it.stop()


def data_of(size, seed=0):
    block = hashlib.sha256(str(seed).encode()).digest() * 32768
    return (block * (size // len(block) + 1))[:size]


def test_workerKilled_goneAtOnce_copiesBack_secondKill_nothingLost(cluster):
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(16):
        (source / f"f{i}").write_bytes(data_of(1 << 20, i))
    never = {**DURABLE3, "alluxio.user.file.persistence.initial.wait.time": "-1"}
    cluster.fs("copyFromLocal", source, "/d", **never)
    cluster.kill("worker1")
    begin = time.monotonic()
    wait_for(lambda: not any("127.0.0.2" in cluster.fs("location", f"/d/f{i}").stdout for i in range(16)), "the dead to be gone", 5)
    assert time.monotonic() - begin < 5
    wait_for(lambda: cluster.health() == 0, "healing", 30)
    assert all(len(cluster.locations(f"/d/f{i}")) == 3 for i in range(16))
    cluster.kill("worker2")
    for i in range(16):
        assert cluster.fs("cat", f"/d/f{i}", text=False).stdout == data_of(1 << 20, i)
    # Two are left for three copies: degraded, and said so.
    wait_for(lambda: cluster.health() == 16, "the report", 10)
    assert cluster.health("Lost blocks") == 0
    cluster.restart("worker1")
    wait_for(lambda: cluster.health() == 0, "the return of one", 30)


def test_copyOfATree_aWorkerIsKilledMeanwhile_itEndsWhole(cluster):
    """Copies are the workers' work: neither the loss of one nor that of the client that asked ends it."""
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(60):
        (source / f"f{i}").write_bytes(data_of(2 << 20, i))
    cluster.fs("copyFromLocal", source, "/a", **DURABLE3)
    submitted = cluster.fs("distributedCp", "--async", "/a", "/b", **DURABLE3).stdout
    job = re.search(r"jobControlId = (\d+)", submitted)[1]
    cluster.kill("worker1")

    def ended():
        stat = run([SPILLWAY, "job", "stat", job]).stdout
        return "RUNNING" not in stat and stat
    stat = wait_for(ended, "the copy", 60)
    assert "Status: COMPLETED" in stat
    for i in range(60):
        assert cluster.fs("cat", f"/b/f{i}", text=False).stdout == data_of(2 << 20, i)
        assert len(cluster.locations(f"/b/f{i}")) >= 2
    for i in range(60):
        cluster.await_persisted(f"/b/f{i}")
    wait_for(lambda: cluster.health() == 0, "healing", 30)


def test_storeAway_newFoldersAreWritten_andAMasterStarts(cluster, proxy):
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(20):
        (source / f"f{i}").write_bytes(data_of(4096, i))
    wait_for(lambda: any(r[1] == "GET" and "list-type" in r[3] for r in proxy.requests[1:]), "the root to be listed", 20)
    proxy.begin_outage()
    cluster.fs("copyFromLocal", source, "/before", **DURABLE3)
    cluster.kill("master")
    cluster.restart("master")  # it does not wait for the store
    cluster.fs("copyFromLocal", source, "/after", **DURABLE3)
    proxy.end_outage()
    cluster.fs("persist", "--wait", "/", timeout=150)
    stored = {k[len(cluster.prefix) + 1:] for _, m, k, _, status, _ in proxy.requests if m == "PUT" and status == 200}
    assert {f"{d}/f{i}" for d in ("before", "after") for i in range(20)} <= stored


def test_storeLimited_isUsedToTheFull(cluster, proxy):
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(200):
        (source / f"f{i}").write_bytes(data_of(4096, i))
    proxy.puts_per_second = 20
    cluster.fs("copyFromLocal", source, "/d", **DURABLE3)
    cluster.fs("persist", "--wait", "/d")
    done = [r for r in proxy.requests if r[1] == "PUT" and r[4] == 200]
    assert len(done) == 200
    assert len({r[2] for r in done}) == 200


def test_outage_onlyGrowsTheBacklog(cluster, proxy):
    cluster.fs("ls", "/")  # what the bucket holds is known
    proxy.begin_outage()
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(50):
        (source / f"f{i}").write_bytes(data_of(4096, i))
    cluster.fs("copyFromLocal", source, "/d", **DURABLE3)
    report = wait_for(lambda: (r := run([SPILLWAY, "fsadmin", "report", "persist"]).stdout) if "in trouble" in
                      run([SPILLWAY, "fsadmin", "report", "persist"]).stdout else None, "the cause to be seen", 30)
    assert "FAILING" in report or "WAITING" in report, report
    stat = cluster.fs("stat", "/d/f0").stdout
    assert "Persistence: " in stat and "3 of 3 copies" in stat, stat
    late = cluster.fs("persist", "--wait", "-t", "500", "/d", check=False)
    assert late.returncode != 0 and "Timed out: 50 files" in late.stdout, late.stdout
    proxy.end_outage()
    assert "is persisted: 50 files waited for" in cluster.fs("persist", "--wait", "/d").stdout
    assert "crc32c" in cluster.fs("stat", "/d/f0").stdout


def test_marker_comesLast(cluster, proxy):
    proxy.delay = 0.2
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(30):
        (source / f"part-{i}").write_bytes(data_of(4096, i))
    cluster.fs("copyFromLocal", source, "/out", **DURABLE3)
    (cluster.directory / "empty").write_bytes(b"")
    cluster.fs("copyFromLocal", cluster.directory / "empty", "/out/_SUCCESS", **DURABLE3)
    cluster.fs("persist", "--wait", "/out")
    puts = [r[2] for r in proxy.requests if r[1] == "PUT" and r[4] == 200]
    assert len(puts) == 31 and puts[-1].endswith("_SUCCESS"), puts


@pytest.mark.parametrize("cluster", [{"spillway.worker.stop.grace": "20sec"}], indirect=True)
def test_leavingInOrder(cluster, proxy):
    never = {**DURABLE3, "alluxio.user.file.persistence.initial.wait.time": "-1", "alluxio.user.file.replication.durable": "2"}
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(20):
        (source / f"f{i}").write_bytes(data_of(100_000, i))
    cluster.fs("copyFromLocal", source, "/d", **never)
    answer = run([SPILLWAY, "fsadmin", "decommission", "127.0.0.2"])
    assert "it is safe to stop it" in answer.stdout
    cluster.kill("worker1")
    pid = cluster.pid("worker2")
    os.kill(pid, 15)
    wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists() or "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[-1][:3],
             "worker2 to leave", 20)
    for i in range(20):
        assert cluster.fs("cat", f"/d/f{i}", text=False).stdout == data_of(100_000, i)
    assert "takes part again" in run([SPILLWAY, "fsadmin", "decommission", "--undo", "127.0.0.2"]).stdout


def test_writerRidesOverDyingWorkers(cluster):
    source = cluster.directory / "source"
    source.write_bytes(data_of(200 << 20))
    command = [SPILLWAY, "fs", *(f"-D{k}={v}" for k, v in DURABLE3.items()), "copyFromLocal", source, "/big"]
    writer = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(lambda: "/big" in cluster.fs("ls", "/").stdout, "the write to begin")
    cluster.kill("worker2")
    output = writer.communicate(timeout=120)[0]
    assert writer.returncode == 0, output
    copy = cluster.directory / "copy"
    cluster.fs("copyToLocal", "/big", copy)
    assert copy.read_bytes() == source.read_bytes()


def test_backupAndRestore(cluster, gateway):
    (cluster.directory / "one").write_bytes(b"one")
    cluster.fs("copyFromLocal", cluster.directory / "one", "/one", **DURABLE3)
    cluster.await_persisted("/one")
    text = run([SPILLWAY, "fsadmin", "backup", cluster.directory / "backups"]).stdout
    backup = re.search(r"Backup written to (\S+)", text)[1]
    cluster.fs("touch", "/two")
    cluster.stop()
    journal = next(p for p in cluster.directory.rglob("journal") if p.is_dir())
    refused = run([SPILLWAY, "master", f"-Dalluxio.master.journal.folder={journal}",
                   f"-Dalluxio.master.mount.table.root.ufs={cluster.directory}/x", "--restore", backup], check=False)
    assert refused.returncode != 0 and "is not empty" in refused.stderr, refused.stderr
    journal.rename(str(journal) + ".old")
    definitions = [f"-D{k}={v}" for k, v in cluster.properties.items()]
    master = subprocess.Popen([str(SPILLWAY), "master", f"-Dalluxio.master.journal.folder={journal}", *definitions, "--restore", backup],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: cluster.fs("test", "-e", "/one", check=False).returncode == 0, "the restored master", 30)
        assert cluster.fs("test", "-e", "/two", check=False).returncode != 0, "made after the backup"
    finally:
        master.kill()
        master.wait()
