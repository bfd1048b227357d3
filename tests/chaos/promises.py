"""Measures what docs/RELIABILITY.md promises, on real processes: python promises.py [NAME ...]"""
import getpass
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import (DURABLE3, ROOT, SPILLWAY, Cluster, VersityGw, fresh_directory, java_options, run, shaded_class_path,  # noqa: E402
                     spark_submit, wait_for)
from s3_proxy import S3Proxy  # noqa: E402

FAST = {"alluxio.user.rpc.retry.max.duration": "60s"}
NEVER = {"alluxio.user.file.persistence.initial.wait.time": "-1"}


class Setting:
    def __init__(self, workers, **properties):
        self.directory = fresh_directory("promises")
        (self.directory / "s3").mkdir()
        self.gateway = VersityGw(self.directory / "s3", port=7071).start()
        self.proxy = S3Proxy(7071).start()
        self.cluster = Cluster(self.directory / "cluster", workers=workers, properties={
            **self.gateway.properties(), "alluxio.underfs.s3.endpoint": self.proxy.endpoint,
            "alluxio.worker.ramdisk.size": "2GB", **properties}).start()
        self.cluster.fs("ls", "/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.stop()
        self.proxy.stop()
        self.gateway.stop()

    def files(self, count, size):
        source = self.directory / "source"
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        for i in range(count):
            (source / f"f{i}").write_bytes(os.urandom(size))
        return source

    def metric(self, name):
        return float(re.search(rf"^{name} (\S+)", self.cluster.metrics(), re.M)[1])

    def puts(self):
        return [r for r in self.proxy.requests if r[1] == "PUT" and r[4] == 200]


def heal():
    """Four workers, three copies, 1 GiB unpersisted, one killed; ten times."""
    for attempt in range(10):
        with Setting(4) as it:
            it.cluster.fs("copyFromLocal", it.files(16, 64 << 20), "/d", **DURABLE3, **NEVER)
            time.sleep(1.5)  # a heartbeat, so that the report is of now
            it.cluster.kill("worker1")
            begin = time.monotonic()
            wait_for(lambda: it.metric("spillway_master_live_workers") == 3, "the loss to be seen", 10, 0.01)
            gone = time.monotonic() - begin
            wait_for(lambda: it.metric("spillway_master_under_replicated_blocks") == 0, "healing", 60, 0.01)
            healed = time.monotonic() - begin
            everywhere = it.cluster.fs("location", "/d/f0").stdout
            it.cluster.kill("worker2")
            lost = sum(it.cluster.fs("checksum", f"/d/f{i}", check=False).returncode != 0 for i in range(16))
            print(f"heal {attempt + 1}: gone after {gone:.2f} s, all of 1 GiB at three copies after {healed:.2f} s, "
                  f"dead one named {'127.0.0.2' in everywhere}, lost after a second kill {lost}", flush=True)


def two_of_three():
    """Two of three workers killed 10 s apart, two copies, the store away all the while."""
    with Setting(3) as it:
        it.proxy.begin_outage()
        source = it.files(600, 4096)
        it.cluster.fs("copyFromLocal", source, "/d", **{**DURABLE3, "alluxio.user.file.replication.durable": "2"})
        it.cluster.kill("worker1")
        time.sleep(10)
        it.cluster.kill("worker2")
        time.sleep(3)
        it.proxy.end_outage()
        it.cluster.fs("persist", "--wait", "-t", "120000", "/d", timeout=150)
        wrong = sum((source / f"f{i}").read_bytes() != it.gateway.path(f"d/f{i}").read_bytes() for i in range(600))
        print(f"two of three killed: 600 acknowledged, {wrong} lost or wrong in the store, {len(it.puts())} PUTs", flush=True)


def limited():
    """600 files of 4 KiB against 20 PUT/s."""
    with Setting(3) as it:
        it.proxy.puts_per_second = 20
        source = it.files(600, 4096)
        begin = time.time()
        it.cluster.fs("copyFromLocal", source, "/d", **DURABLE3)
        written = time.time() - begin
        it.cluster.fs("persist", "--wait", "-t", "120000", "/d", timeout=150)
        puts = it.puts()
        took = puts[-1][0] - puts[0][0]
        print(f"limited to 20 PUT/s: written in {written:.1f} s without an error, {len(puts)} PUTs in {took:.1f} s, "
              f"{took / 30 * 100:.0f} % of the limit's own 30 s, {it.proxy.count(status=503)} answers of 503", flush=True)


def outage():
    """A minute without the store."""
    with Setting(3) as it:
        it.proxy.begin_outage()
        source = it.files(100, 4096)
        end = time.monotonic() + 60
        rounds = 0
        while time.monotonic() < end:
            it.cluster.fs("copyFromLocal", source, f"/d{rounds}", **DURABLE3)
            rounds += 1
            time.sleep(2)
        it.proxy.end_outage()
        begin = time.monotonic()
        it.cluster.fs("persist", "--wait", "-t", "120000", "/", timeout=150)
        print(f"outage of 60 s: {rounds * 100} files written without an error, all in the store {time.monotonic() - begin:.1f} s "
              f"after it, {len({r[2] for r in it.puts()})} objects", flush=True)


def requests():
    """One PUT a file, none for what never has to be there."""
    with Setting(3) as it:
        it.cluster.fs("copyFromLocal", it.files(200, 4096), "/d", **DURABLE3)
        it.cluster.fs("persist", "--wait", "/d")
        first = len(it.proxy.requests)
        wait = {"alluxio.user.file.persistence.initial.wait.time": "10min"}
        it.cluster.fs("copyFromLocal", it.files(50, 4096), "/gone", **DURABLE3, **wait)
        it.cluster.fs("rm", "-R", "/gone")
        it.cluster.fs("copyFromLocal", it.files(50, 4096), "/_temporary/x", **DURABLE3)
        before = len(it.proxy.requests)
        it.cluster.fs("mv", "/_temporary/x", "/x")
        it.cluster.fs("persist", "--wait", "/x")
        print(f"requests: {(first - 1) / 200:.2f} per file, {before - first} for 50 deleted before, "
              f"{len(it.proxy.requests) - before} for 50 renamed from _temporary", flush=True)


def spark():
    """A stock Spark job of 64 part files, also over a slow store: what reaches the bucket, and when."""
    for delay in (0, 0.2):
        with Setting(3) as it:
            it.proxy.delay = delay
            begin = time.monotonic()
            job = spark_submit(ROOT / "tests/compat/spark_parts.py", "alluxio://127.0.0.1:19998/out", 64, **DURABLE3)
            took = time.monotonic() - begin
            if "SPARK JOB OK" not in job.stdout:
                raise AssertionError(job.stdout + job.stderr)
            it.cluster.fs("persist", "--wait", "-t", "120000", "/out", timeout=150)
            stored = sorted(p.name for p in it.gateway.path("").rglob("*") if p.is_file())
            wanted = sorted([f"part-{i:05}" for i in range(64)] + ["_SUCCESS"])
            changes = [r for r in it.proxy.requests if r[1] != "GET" and r[2].startswith("out")]
            temporary = [r for r in it.proxy.requests if "_temporary" in r[2]]
            print(f"spark, {delay * 1000:.0f} ms a request: job of 64 parts {took:.1f} s, all in the store {time.monotonic() - begin - took:.1f} s "
                  f"after it; objects as they should be: {stored == wanted}, requests that change something {len(changes)}, requests "
                  f"with a temporary key {len(temporary)}, last object {max(it.puts())[2]}", flush=True)


def restart(files=1_000_000, unpersisted=20_000):
    """kill -9 of a master with a million files, and its start."""
    with Setting(1) as it:
        it.cluster.kill("master")
        begin = time.monotonic()
        # In memory, where syncs cost nothing, and back.
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
            shutil.copytree(it.cluster.directory / "journal", f"{memory}/journal")
            run([SPILLWAY.resolve().parent / "fill_master", "--journal", f"{memory}/journal", "--root-ufs", "s3://bucket",
                 "--user", getpass.getuser(), "--files", files, "--unpersisted", unpersisted], timeout=1800)
            shutil.rmtree(it.cluster.directory / "journal")
            shutil.copytree(f"{memory}/journal", it.cluster.directory / "journal")
        print(f"restart: {files} files made in {time.monotonic() - begin:.0f} s", flush=True)
        it.cluster.restart("master")
        for _ in range(3):
            it.cluster.kill("master")
            begin = time.monotonic()
            it.cluster.restart("master")
            found = it.cluster.fs("ls", "/m/d77", **FAST).stdout.count("part-")
            listed = time.monotonic() - begin
            it.cluster.fs("touch", f"/m/new{begin}", **FAST)
            written = time.monotonic() - begin
            size = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{it.cluster.pid('master')}/status").read_text())[1]) / 1024
            print(f"restart with {files} files, {unpersisted} of them unpersisted: a folder of {found} listed {listed:.2f} s after the "
                  f"kill, a file made {written:.2f} s after it; {size:.0f} MiB resident", flush=True)


def stock():
    """A long-lived stock Java client while one of four workers is killed, for good or restarted at once."""
    for refresh, restarts in (("2min", False), ("2min", True), ("1s", False)):
        with Setting(4) as it:
            client = subprocess.Popen(["java", *java_options(), "-cp", shaded_class_path(), ROOT / "tests/compat/StockWriter.java", "40", refresh],
                                      stdout=subprocess.PIPE, text=True)
            try:
                time.sleep(14)
                it.cluster.kill("worker2")
                if restarts:
                    it.cluster.restart("worker2")
                out, _ = client.communicate(timeout=120)
            finally:
                client.kill()
            seconds = [tuple(map(int, line.split())) for line in out.splitlines() if line.count(" ") == 2]
            failing = [s for s, _, failed in seconds if failed > 0]
            print(f"stock client, worker list kept {refresh}, killed worker {'restarted' if restarts else 'gone'}: "
                  f"{sum(w for _, w, _ in seconds)} written, {sum(f for _, _, f in seconds)} failed"
                  + (f", in {failing[-1] - failing[0] + 1} s" if failing else ""), flush=True)


ALL = {f.__name__: f for f in (heal, two_of_three, limited, outage, requests, spark, restart, stock)}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
