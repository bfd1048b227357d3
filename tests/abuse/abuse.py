"""Crowds and hostile peers against a cluster whose processes may open 1,024 files, with honest clients beside.

    python abuse.py [--seconds 4] [--only NAME,...] [--targets master,worker,web] [--strict]

For every attack it prints the honest clients' rate during it in percent of that before (in the median of short windows), the
attacked process's memory in multiples of that before and its descriptors, and how long after the attack a new client was
served. Ends with 1 if a process died or did not recover; with --strict also if a rate or a memory missed its target.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import attacks  # noqa: E402
from harness import SPILLWAY, Cluster, fresh_directory  # noqa: E402

FILES = 1024
RATE_MIN, MEMORY_MAX, RECOVERY_MAX = 80, 2.0, 5.0
WINDOW = 0.5
HONEST_BYTES = 32 << 10
TARGETS = {"master": ("master", "127.0.0.1", 19998, attacks.RPC), "worker": ("worker1", "127.0.0.2", 29991, attacks.RPC),
           "web": ("master", "127.0.0.1", 19999, attacks.WEB)}
PAGES = {"master": "http://127.0.0.1:19999/healthz", "worker1": "http://127.0.0.2:30991/healthz"}


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 508)]


def honest():
    """A native client: writes a file on two workers, reads it, removes it; says four times a second how often that went well."""
    library = ctypes.CDLL(str(SPILLWAY.resolve().parent.parent / "lib" / "libspillway.so"))
    library.spillway_open.restype = ctypes.c_void_p
    client = ctypes.c_void_p(library.spillway_open(b"alluxio.user.rpc.retry.max.duration=20s\n", ctypes.byref(Error())))
    done, failed = [0, 0], [0, 0]
    texts = []

    def work(i):
        error, read = Error(), ctypes.c_size_t()
        data, into = os.urandom(HONEST_BYTES), ctypes.create_string_buffer(HONEST_BYTES)
        for n in range(10_000_000):
            path = f"/honest/{i}-{n}".encode()
            good = library.spillway_write(client, path, data, ctypes.c_size_t(len(data)), 2, ctypes.byref(error)) == 0
            good = good and library.spillway_read(client, path, ctypes.c_int64(0), into, ctypes.c_size_t(len(data)), ctypes.byref(read),
                                                  ctypes.byref(error)) == 0 and into.raw == data
            good = good and library.spillway_remove(client, path, 0, ctypes.byref(error)) == 0
            (done if good else failed)[i] += 1
            if not good and len(texts) < 20:
                texts.append(error.message.decode(errors="replace"))

    for i in range(2):
        threading.Thread(target=work, args=(i,), daemon=True).start()
    while os.getppid() != 1:
        time.sleep(0.1)
        print(json.dumps({"at": time.monotonic(), "done": sum(done), "failed": sum(failed), "texts": texts}), flush=True)
    os._exit(0)


class Honest:
    def __init__(self):
        self.said = [{"at": 0, "done": 0, "failed": 0, "texts": []}]
        self.process = subprocess.Popen([sys.executable, __file__, "--honest"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.said.append(json.loads(line))

    def rates(self, begin, end):
        """Files a second in each window between two times."""
        found, at = [], begin
        while at + WINDOW <= end:
            inside = [s for s in list(self.said) if at <= s["at"] <= at + WINDOW]
            if len(inside) >= 2:
                found.append((inside[-1]["done"] - inside[0]["done"]) / (inside[-1]["at"] - inside[0]["at"]))
            at += WINDOW
        return found or [0]

    def stop(self):
        self.process.kill()
        self.process.wait()


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor_seconds(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def healthy(name):
    try:
        with urllib.request.urlopen(PAGES[name], timeout=4) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def recovery(name):
    """Seconds until a new client is served; None if it never is."""
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        if healthy(name):
            return time.monotonic() - begin
        time.sleep(0.02)
    return None


def attack(cluster, honest_client, target, name, seconds):
    process, host, port, _ = TARGETS[target]
    pid = cluster.pid(process)
    begin = time.monotonic()
    time.sleep(min(seconds, 2))
    before, rss = time.monotonic(), memory(pid)
    cpu = processor_seconds(pid)
    attacker = subprocess.Popen([sys.executable, attacks.__file__, name, host, str(port), str(seconds)], stdout=subprocess.PIPE, text=True)
    peak, files = rss, 0
    while attacker.poll() is None:
        peak, files = max(peak, memory(pid)), max(files, descriptors(pid))
        time.sleep(0.05)
    after = time.monotonic()
    cpu = (processor_seconds(pid) - cpu) / (after - before)
    took = recovery(process)
    rate = 100 * statistics.median(honest_client.rates(before + 0.2, after)) / max(1, statistics.median(honest_client.rates(begin, before)))
    return {"rate": rate, "before": rss, "peak": peak / rss, "after": memory(pid) / rss, "files": files, "cpu": cpu, "recovery": took,
            "attacker": attacker.stdout.read().strip()}


def verdict(found, cluster, process):
    """(what must never happen, what missed a target)"""
    bad, missed = [], []
    if not pathlib.Path(f"/proc/{cluster.pid(process)}").exists():
        bad.append("DIED")
    if found["recovery"] is None or found["recovery"] > RECOVERY_MAX:
        bad.append("NOT SERVING")
    if found["rate"] < RATE_MIN:
        missed.append("rate")
    if found["peak"] >= MEMORY_MAX:
        missed.append("memory")
    return bad, missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", default="")
    parser.add_argument("--targets", default="master,worker,web")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--honest", action="store_true")
    options = parser.parse_args()
    if options.honest:
        return honest()
    directory = fresh_directory("abuse")
    wrapper = directory / "spillway"
    wrapper.write_text(f'#!/bin/sh\nulimit -n {FILES}\nexec "{SPILLWAY.resolve()}" "$@"\n')
    wrapper.chmod(0o755)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20_000), most))
    cluster = Cluster(directory / "cluster", workers=2)
    cluster.spillway = wrapper
    cluster.start()
    client = Honest()
    failures = misses = 0
    try:
        time.sleep(2)
        print(f"{'attack':<30}{'honest':>8}{'memory':>8}{'after':>7}{'MB':>6}{'files':>7}{'CPU':>6}{'back':>8}", flush=True)
        for target in options.targets.split(","):
            process, _, _, all_attacks = TARGETS[target]
            names = [a.__name__ for a in all_attacks]
            for name in [n for n in names if not options.only or n in options.only.split(",")]:
                found = attack(cluster, client, target, name, options.seconds)
                bad, missed = verdict(found, cluster, process)
                failures, misses = failures + len(bad), misses + len(missed)
                back = "never" if found["recovery"] is None else f"{found['recovery']:.2f} s"
                print(f"{target + ' ' + name:<30}{found['rate']:>6.0f} %{found['peak']:>7.2f}x{found['after']:>6.2f}x{found['before']:>6.0f}"
                      f"{found['files']:>7}{found['cpu']:>6.2f}{back:>8}  {' '.join(bad + missed)}  ({found['attacker']})", flush=True)
        last = client.said[-1]
        print(f"honest clients: {last['done']} files, {last['failed']} failures {last['texts']}")
        print("all recovered" if failures == 0 else f"{failures} failures", f"; {misses} targets missed", sep="")
    finally:
        client.stop()
        cluster.stop()
    return 1 if failures or (options.strict and misses) else 0


if __name__ == "__main__":
    sys.exit(main())
