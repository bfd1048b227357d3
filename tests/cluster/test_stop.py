"""A process that is told to stop ends within its grace, whatever is open, and nothing acknowledged is lost."""
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from harness import DURABLE3, SPILLWAY, WORK, Cluster, fresh_directory, run, wait_for
from silent_store import SilentStore

GRACE_S = 2
COMPARE = {"alluxio.user.file.metadata.sync.interval": "0"}  # each call asks the store
LITTLE_MORE_S = 6  # for a machine that compiles beside the test; a hang lasts for minutes


@pytest.fixture
def store():
    server = SilentStore().start()
    yield server
    server.stop()


def start_cluster(name, store, workers=1, **properties):
    cluster = Cluster(fresh_directory("stop-" + name), workers, {
        **store.properties(), "spillway.stop.grace": f"{GRACE_S}s", "spillway.worker.stop.grace": "0", **properties})
    return cluster.start()


def begin(*arguments, **properties):
    """A shell command that goes on."""
    definitions = [f"-D{k}={v}" for k, v in {"alluxio.user.rpc.retry.max.duration": "3s", **properties}.items()]
    return subprocess.Popen([str(a) for a in (SPILLWAY, *arguments[:1], *definitions, *arguments[1:])],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def last_line(cluster, name):
    return (cluster.directory / "logs" / f"{name}.log").read_text().splitlines()[-1]


def end_by_signal(cluster, name, number=signal.SIGTERM):
    """Sends it and waits for the end; what the process said last."""
    pid = cluster.pid(name)
    os.kill(pid, number)
    wait_for(lambda: is_gone(pid), f"{name} to end", GRACE_S + LITTLE_MORE_S)
    return last_line(cluster, name)


def await_waiting(process, seconds=1.0):
    """Fails if it ends by itself: it should wait for something."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)


def source_of(size):
    path = WORK / "stop-source"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def test_masterStopped_withWriterInBackPressure_ends(store):
    """The store takes nothing and the cluster is full: the writer waits in the master."""
    cluster = start_cluster("backlog", store, **{"spillway.master.dirty.bytes.max": "4MB"})
    try:
        cluster.fs("copyFromLocal", source_of(1 << 20), "/first", **{"alluxio.user.file.writetype.default": "ASYNC_THROUGH"})
        store.silent.set()
        writers = []
        for i in range(4):
            writers.append(begin("fs", "copyFromLocal", source_of(4 << 20), f"/w{i}",
                                 **{"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.block.size.bytes.default": "1MB"}))
        await_waiting(writers[-1], 3)
        assert " stopped " in end_by_signal(cluster, "master")
        for writer in writers:
            writer.kill()
            writer.wait()
        store.silent.clear()
        cluster.restart("master")
        assert "/first" in cluster.fs("ls", "/").stdout
    finally:
        cluster.stop()


def test_masterStopped_withListingOfSilentStore_answersAndEnds(store):
    cluster = start_cluster("listing", store)
    try:
        cluster.fs("mkdir", "/known")
        store.silent.set()
        calls = [begin("fs", *words, **COMPARE) for words in (
            ("ls", "/known"), ("stat", "/known/x"), ("cp", "/known/a", "/known/b"), ("rm", "-R", "/known"), ("mv", "/known/a", "/known/c"))]
        assert store.heard.acquire(timeout=20)
        await_waiting(calls[0])
        assert " stopped " in end_by_signal(cluster, "master")
        for call in calls:
            assert call.wait(60) != 0
    finally:
        cluster.stop()


def test_workerStopped_withUploadsAndReadsOpen_ends(store):
    cluster = start_cluster("uploads", store)
    try:
        store.silent.set()
        data = source_of(2 << 20)
        cluster.fs("copyFromLocal", data, "/kept", **{"alluxio.user.file.writetype.default": "ASYNC_THROUGH"})
        assert store.heard.acquire(timeout=20), "an upload is under way"
        assert " stopped " in end_by_signal(cluster, "worker1")
        cluster.restart("worker1")
        copy = WORK / "stop-copy"
        copy.unlink(missing_ok=True)
        cluster.fs("copyToLocal", "/kept", copy, timeout=60)
        assert copy.read_bytes() == data.read_bytes()
    finally:
        cluster.stop()


def test_secondSignal_endsAtOnce(store):
    cluster = start_cluster("second", store, **{"spillway.stop.grace": "1min"})
    try:
        cluster.fs("mkdir", "/known")
        store.silent.set()
        call = begin("fs", "ls", "/known", **COMPARE)
        assert store.heard.acquire(timeout=20)
        pid = cluster.pid("master")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: "master stops" in (cluster.directory / "logs" / "master.log").read_text(), "the stop to begin")
        assert "at once by signal 15, the second one" in end_by_signal(cluster, "master")
        call.kill()
        call.wait()
    finally:
        cluster.stop()


def test_localStop_saysHowItWent_andLeavesOthersAlone(tmp_path):
    cluster = Cluster(fresh_directory("stop-pids"), 1, {"spillway.stop.grace": "2s", "spillway.worker.stop.grace": "0"})
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        cluster.start()
        assert "already" in run([SPILLWAY, "local", "start", "--workers", 2, "--dir", cluster.directory], check=False).stderr
        cluster.kill("worker1")
        (cluster.directory / "pids" / "worker1.pid").write_text(f"{stranger.pid}\n")
        told = run([SPILLWAY, "local", "stop", "--dir", cluster.directory]).stdout
        assert "stopped in order" in told and "did not run" in told
        assert stranger.poll() is None, "whoever has the pid of an old file is not signalled"
    finally:
        stranger.kill()
        stranger.wait()
        cluster.stop()


def test_twoWorkersOnOneFolder_secondIsRefused():
    folder = WORK / "stop-tier"
    common = [f"-Dalluxio.worker.tieredstore.level0.dirs.path={folder}", "-Dalluxio.worker.hostname=127.0.0.9",
              "-Dalluxio.master.hostname=127.0.0.1", "-Dalluxio.worker.web.port=0"]
    first = begin("worker", *common, "-Dalluxio.worker.rpc.port=29871")
    try:
        wait_for(lambda: _open("127.0.0.9", 29871), "the first worker")
        second = run([SPILLWAY, "worker", *common, "-Dalluxio.worker.rpc.port=29872"], check=False, timeout=30)
        assert second.returncode == 1 and "in use by another process" in second.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        first.wait(30)


def test_bindHostThatIsNoName_isRefused(tmp_path):
    told = run([SPILLWAY, "master", "-Dalluxio.master.bind.host=no-such-name.invalid", f"-Dalluxio.work.dir={tmp_path}"],
               check=False, timeout=60)
    assert told.returncode == 1 and "no-such-name.invalid" in told.stderr


def test_bindHostThatIsAName_doesNotWiden(tmp_path):
    master = begin("master", "-Dalluxio.master.bind.host=localhost", f"-Dalluxio.work.dir={tmp_path}",
                   "-Dalluxio.master.rpc.port=19871", "-Dalluxio.master.web.port=19872", "-Dalluxio.job.master.rpc.port=0")
    try:
        wait_for(lambda: _open("127.0.0.1", 19872), "the web port")
        wait_for(lambda: _open("127.0.0.1", 19871), "the start to be over")
        assert not _open("127.0.0.5", 19872)
    finally:
        master.send_signal(signal.SIGTERM)
        assert master.wait(30) == 0


def test_clustersWhoseFoldersDifferInSlashAndUnderscore_keepTheirBlocks():
    name = fresh_directory("stop-names")
    one, other = name / "a_b", name / "a" / "b"
    first = Cluster(one, 1, {"spillway.worker.stop.grace": "0"}).start()
    try:
        data = source_of(1 << 20)
        first.fs("copyFromLocal", data, "/kept", **{"alluxio.user.file.writetype.default": "MUST_CACHE"})
        first.stop_only()
        second = Cluster(other, 1, {"spillway.worker.stop.grace": "0"}).start()
        second.stop_only()
        first.start()
        assert first.fs("cat", "/kept", text=False).stdout == data.read_bytes()
    finally:
        first.stop()
        Cluster(other, 1).stop()


def _open(host, port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex((host, port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_shellInterrupted_givesUpItsFile(number):
    """The source has no end: only the signal ends the copy."""
    cluster = Cluster(fresh_directory("stop-shell"), 1, {"spillway.worker.stop.grace": "0"}).start()
    copy = begin("fs", "copyFromLocal", "/dev/zero", "/endless", **{"alluxio.user.block.size.bytes.default": "1MB"})
    try:
        wait_for(lambda: "/endless" in cluster.fs("ls", "/").stdout, "the file to be there", 20)
        copy.send_signal(number)
        assert copy.wait(20) == 128 + number
        assert "/endless" not in cluster.fs("ls", "/").stdout
    finally:
        copy.kill()
        copy.wait()
        cluster.stop()
