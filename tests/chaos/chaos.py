"""Chaos on real processes: a ledger of acknowledged files against everything that goes wrong.

    python chaos.py [--minutes 30] [--seed 1]

Writers copy small datasets with three copies each, sometimes through a temporary folder that is
renamed, sometimes overwriting or deleting what they wrote; each dataset ends with _SUCCESS. Meanwhile
workers are killed one at a time and two at once, the master is killed, workers are restarted in order,
disks fill up, and the store throttles, fails, forgets answers and goes away. In the end everything
acknowledged is compared through the client and in the bucket.
"""
import argparse
import errno
import hashlib
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import DURABLE3, SPILLWAY, Cluster, VersityGw, fresh_directory, run, wait_for  # noqa: E402
from s3_proxy import S3Proxy  # noqa: E402

SIZES = [0, 1, 100, 4096, 4096, 65536, 300_000, 3_000_000]
WORKERS = 4
SMALL_DISK = "512m"


class Ledger:
    """What clients were told. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.files = {}       # path -> content digest
        self.acked_at = {}    # path -> time of the last acknowledgement
        self.markers = {}     # path of a _SUCCESS -> [(time of its acknowledgement, paths it vouches for)]
        self.errors = []
        self.acknowledged = 0

    def ack(self, contents):
        now = time.time()
        with self.lock:
            self.files.update(contents)
            for path in contents:
                self.acked_at[path] = now
            self.acknowledged += len(contents)


class Writer(threading.Thread):
    def __init__(self, number, ledger, stop, directory, seed):
        super().__init__(daemon=True)
        self.number, self.ledger, self.stopping = number, ledger, stop
        self.directory = directory / f"writer{number}"
        self.random = random.Random(seed * 100 + number)
        self.done = []  # datasets

    def fs(self, *arguments):
        definitions = [f"-D{k}={v}" for k, v in {**DURABLE3, "alluxio.user.rpc.retry.max.duration": "2min"}.items()]
        result = subprocess.run([str(SPILLWAY), "fs", *definitions, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            self.ledger.errors.append(f"{time.strftime('%H:%M:%S')} {arguments}: {result.stdout[-400:]}{result.stderr[-200:]}")
        return result.returncode == 0

    def make(self, count):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        contents = {}
        for i in range(count):
            size = self.random.choice(SIZES)
            data = self.random.randbytes(min(size, 65536)) * (size // 65536 + 1)
            (self.directory / f"part-{i}").write_bytes(data[:size])
            contents[f"part-{i}"] = hashlib.md5(data[:size]).hexdigest()
        return contents

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                self.dataset(number)
            except subprocess.TimeoutExpired as error:
                self.ledger.errors.append(f"a client hangs: {error.cmd}")

    def dataset(self, number):
        target = f"/w{self.number}/d{number}"
        contents = self.make(self.random.randrange(3, 12))
        staged = self.random.random() < 0.4
        into = f"/w{self.number}/_temporary/d{number}" if staged else target
        if not self.fs("copyFromLocal", self.directory, into):
            return
        if staged and not self.fs("mv", into, target):
            return
        files = {f"{target}/{name}": digest for name, digest in contents.items()}
        self.ledger.ack(files)
        marker = self.directory / "_SUCCESS"
        marker.write_bytes(self.random.randbytes(8))
        if not self.fs("copyFromLocal", marker, f"{target}/_SUCCESS"):
            return
        files[f"{target}/_SUCCESS"] = hashlib.md5(marker.read_bytes()).hexdigest()
        self.ledger.ack({f"{target}/_SUCCESS": files[f"{target}/_SUCCESS"]})
        with self.ledger.lock:
            self.ledger.markers[f"{target}/_SUCCESS"] = [p for p in files if not p.endswith("_SUCCESS")]
        self.done.append((target, files))
        if self.random.random() < 0.2:
            self.copy(target, f"/w{self.number}/c{number}", files)
        if len(self.done) > 3 and self.random.random() < 0.25:
            self.remove(*self.done.pop(self.random.randrange(len(self.done))))

    def copy(self, source, target, files):
        """By the workers. A master that is killed forgets its jobs: then nobody is told that it is done."""
        definitions = [f"-D{k}={v}" for k, v in {**DURABLE3, "alluxio.user.rpc.retry.max.duration": "2min"}.items()]
        result = subprocess.run([str(SPILLWAY), "fs", *definitions, "distributedCp", source, target], capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            return
        copied = {target + path.removeprefix(source): digest for path, digest in files.items()}
        self.ledger.ack(copied)
        with self.ledger.lock:
            self.ledger.markers[f"{target}/_SUCCESS"] = [p for p in copied if not p.endswith("_SUCCESS")]
        self.done.append((target, copied))

    def remove(self, target, files):
        with self.ledger.lock:
            for path in files:
                self.ledger.files.pop(path, None)
            self.ledger.markers.pop(f"{target}/_SUCCESS", None)
        self.fs("rm", "-R", target)


class Chaos:
    def __init__(self, minutes, seed):
        self.minutes, self.random = minutes, random.Random(seed)
        self.ledger, self.stopping = Ledger(), threading.Event()
        self.directory = fresh_directory("chaos")
        self.gateway = VersityGw(self.directory / "s3", port=7071)
        self.proxy = S3Proxy(7071)
        self.seed = seed
        self.counts = {}
        self.full_disk = None

    def begin(self):
        (self.directory / "s3").mkdir()
        self.gateway.start()
        self.proxy.start()
        properties = {**self.gateway.properties(), "alluxio.underfs.s3.endpoint": self.proxy.endpoint,
                      "alluxio.worker.ramdisk.size": "2GB", "spillway.worker.stop.grace": "5sec",
                      # What the store was asked and never answered comes at once here, or never.
                      "spillway.underfs.unknown.outcome.wait": "30sec"}
        self.cluster = Cluster(self.directory / "cluster", workers=WORKERS, properties=properties)
        disk = pathlib.Path(self.cluster.memory()) / "worker1"
        subprocess.run(["umount", "-l", disk], check=False, capture_output=True)  # of a run that was killed
        shutil.rmtree(disk, ignore_errors=True)
        disk.mkdir(parents=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", disk], capture_output=True).returncode == 0:
            self.full_disk = disk
        self.cluster.start()
        self.cluster.fs("ls", "/")

    def await_healed(self, timeout=120):
        wait_for(lambda: self.cluster.health() == 0, "all copies to be made again", timeout, 0.2)

    # --- what goes wrong
    def kill_worker(self):
        name = f"worker{self.random.randrange(WORKERS) + 1}"
        self.cluster.kill(name)
        begin = time.monotonic()
        time.sleep(1.3)
        self.await_healed()
        self.counts.setdefault("seconds to heal", []).append(round(time.monotonic() - begin, 1))
        self.cluster.restart(name)

    def kill_two_workers(self):
        names = [f"worker{i + 1}" for i in self.random.sample(range(WORKERS), 2)]
        for name in names:
            self.cluster.kill(name)
        time.sleep(self.random.choice([0.3, 2, 6]))
        for name in names:
            self.cluster.restart(name)
        self.await_healed()

    def kill_master(self):
        for _ in range(3):
            self.cluster.kill("master")
            time.sleep(self.random.random())
            self.cluster.restart("master")
            time.sleep(self.random.random() * 3)

    def restart_in_order(self):
        for i in range(WORKERS):
            self.cluster.restart(f"worker{i + 1}")
        self.await_healed()

    def store_outage(self):
        self.proxy.begin_outage()
        time.sleep(15)
        self.proxy.end_outage()

    def store_storm(self):
        self.proxy.reject = 0.7
        time.sleep(15)
        self.proxy.reject = 0

    def store_limited(self):
        self.proxy.puts_per_second, self.proxy.delay = 20, 0.2
        time.sleep(15)
        self.proxy.puts_per_second, self.proxy.delay = None, 0

    def store_forgets_answers(self):
        self.proxy.reset = self.proxy.error_after = 0.1
        time.sleep(15)
        self.proxy.reset = self.proxy.error_after = 0

    def disk_full(self):
        """Another program takes the space that worker 1 counts on."""
        if self.full_disk is None:
            print("  (no small file system could be mounted: skipped)")
            return
        filler = self.full_disk / "filler"
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(bytes(1 << 20)) == 1 << 20:
                    pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        time.sleep(8)
        filler.unlink()

    def outage_and_kill(self):
        # Four workers less one must hold three copies of all that is written meanwhile: the small
        # disk is full before long, and then only the store makes room.
        self.proxy.begin_outage()
        time.sleep(2)
        name = f"worker{self.random.randrange(WORKERS) + 1}"
        self.cluster.kill(name)
        time.sleep(6)
        self.proxy.end_outage()
        self.await_healed()
        self.cluster.restart(name)

    def run(self):
        self.begin()
        writers = [Writer(i, self.ledger, self.stopping, self.directory, self.seed) for i in range(3)]
        for writer in writers:
            writer.start()
        end = time.monotonic() + self.minutes * 60
        faults = [self.kill_worker, self.kill_two_workers, self.kill_master, self.restart_in_order, self.store_outage,
                  self.store_storm, self.store_limited, self.store_forgets_answers, self.disk_full, self.outage_and_kill]
        while time.monotonic() < end:
            for fault in self.random.sample(faults, len(faults)):
                if time.monotonic() >= end:
                    break
                print(f"{time.strftime('%H:%M:%S')} {fault.__name__}; {self.ledger.acknowledged} files acknowledged, "
                      f"{len(self.ledger.errors)} errors", flush=True)
                self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
                fault()
                time.sleep(2)
        self.stopping.set()
        for writer in writers:
            writer.join(400)
        return self.verify()

    # --- what must hold
    def verify(self):
        self.await_healed(300)
        waited = self.cluster.fs("persist", "--wait", "-t", "600000", "/", timeout=700)
        print(waited.stdout.strip())
        lost, corrupted = 0, 0
        copy = self.directory / "copy"
        # A copy that a killed master forgot has left files that were never complete: they fail, and nobody misses them.
        self.cluster.fs("copyToLocal", "/", copy, timeout=600, check=False)
        for path, digest in self.ledger.files.items():
            file = copy / path[1:]
            if not file.exists():
                lost += 1
                print("LOST", path)
            elif hashlib.md5(file.read_bytes()).hexdigest() != digest:
                corrupted += 1
                print("CORRUPTED", path)
        wrong = self.wrong_objects()
        early = self.early_markers()
        lags = self.lags()
        print(f"acknowledged files {self.ledger.acknowledged}, of these still wanted {len(self.ledger.files)}")
        print(f"faults {self.counts}")
        print(f"requests {len(self.proxy.requests)}: {self.proxy.count(status=503)} answered 503, "
              f"{self.proxy.count(status=500)} with 500, {self.proxy.count(status=0)} not at all")
        print(f"persist lag: median {lags[len(lags) // 2]:.2f} s, p99 {lags[int(len(lags) * 0.99)]:.2f} s, worst {lags[-1]:.2f} s")
        for error in self.ledger.errors[:20]:
            print("CLIENT ERROR", error)
        print(f"acknowledged files lost {lost}, corrupted {corrupted}, wrong or extra objects {wrong}, "
              f"_SUCCESS before data {early}, native client errors {len(self.ledger.errors)}")
        return lost + corrupted + wrong + early + len(self.ledger.errors) == 0

    def wrong_objects(self):
        wait_for(lambda: self.reports_nothing_to_delete(), "deletes to be carried out", 120, 0.5)
        bucket = self.directory / "s3" / "data" / "bucket"
        objects = {"/" + str(p.relative_to(bucket)) for p in bucket.rglob("*")
                   if p.is_file() and not str(p.relative_to(bucket)).startswith(".sgwtmp")}
        wrong = 0
        for path, digest in self.ledger.files.items():
            if path not in objects or hashlib.md5((bucket / path[1:]).read_bytes()).hexdigest() != digest:
                wrong += 1
                print("WRONG OBJECT", path, "missing" if path not in objects else "")
        # Clients that were told of an error may have left whole files; those are in the name space too.
        known = {line.split()[-1] for line in self.cluster.fs("ls", "-R", "/", timeout=300).stdout.splitlines()}
        for path in objects - set(self.ledger.files):
            if path not in known:
                wrong += 1
                print("EXTRA OBJECT", path)
        return wrong

    def reports_nothing_to_delete(self):
        return "Objects to delete: 0" in run([SPILLWAY, "fsadmin", "report", "persist"], check=False).stdout

    def published(self):
        times = {}
        for when, method, key, query, _, status in self.proxy.requests:
            done = method == "PUT" and "partNumber" not in query or method == "POST" and "uploadId" in query
            if done and status == 200 and "delete" not in query:
                times.setdefault("/" + key, when)
        return times

    def early_markers(self):
        times, early = self.published(), 0
        for marker, files in self.ledger.markers.items():
            for path in files:
                if path not in times and (stored := self.gateway.path(path[1:])).exists():
                    times[path] = stored.stat().st_mtime  # an outage cut the proxy off from the answer
                if marker in times and times.get(path, float("inf")) > times[marker]:
                    early += 1
                    print("EARLY", marker, "before", path)
        return early

    def lags(self):
        times = self.published()
        return sorted(max(0.0, times[p] - at) for p, at in self.ledger.acked_at.items() if p in times) or [0.0]

    def close(self):
        self.stopping.set()
        unmount = lambda: self.full_disk and subprocess.run(["umount", "-l", self.full_disk], check=False)  # noqa: E731
        for step in (unmount, lambda: self.cluster.stop(), self.proxy.stop, self.gateway.stop):
            try:
                step()
            except Exception as error:  # noqa: BLE001
                print("while stopping:", error)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chaos = Chaos(arguments.minutes, arguments.seed)
    try:
        ok = chaos.run()
    finally:
        chaos.close()
    print("chaos: all promises held" if ok else "chaos: FAILED")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
