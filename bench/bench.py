"""Spillway and its peer under the same load, in turns: bench.py [--rounds N] [--seconds S] [NAME ...]

Both run on this machine at once; the one that is not measured stands still. Every figure is the median of its
rounds, beside it the smallest and the largest. Results go to build/bench/ as JSON and as a table.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench" / "peer")]
from alluxio import Alluxio, class_path  # noqa: E402
from harness import SPILLWAY, Cluster, java_options, run  # noqa: E402

OUT = ROOT / "build" / "bench"
TICKS_PER_SECOND = 100
STRESS = ("CreateFile", "GetFileStatus", "OpenFile", "ListDir", "CreateDir", "RenameFile", "DeleteFile")


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_SECOND


def resident_mib(pids):
    return sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{p}/status").read_text())[1]) for p in pids) / 1024


class Spillway:
    name = "spillway"
    port = 19998

    def __init__(self, directory):
        self.cluster = Cluster(directory, properties={"alluxio.worker.ramdisk.size": "2GB"})

    def start(self):
        self.cluster.start()
        return self

    def pids(self):
        return [self.cluster.pid(name) for name in ["master"] + [f"worker{i + 1}" for i in range(self.cluster.workers)]]

    def pause(self):
        """It takes nothing while nobody asks."""

    def resume(self):
        """See pause."""

    def stop(self):
        self.cluster.stop()


JAVA = ["java", "-Xmx1g", *[o for o in java_options() if not o.startswith(("-Xmx", "-XX"))], "-cp", class_path()]
STOCK = [*JAVA, str(ROOT / "bench" / "StockLoad.java")]
NATIVE = [str(SPILLWAY.resolve().parent / "native_load")]


class Client:
    """A load generator against one side, which does what it is told line by line."""

    def __init__(self, command, side):
        self.process = subprocess.Popen([*command, "127.0.0.1", str(side.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{words}: {answer['error']}")
        return answer

    def stop(self):
        self.process.kill()
        self.process.wait()


class Run:
    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path("/tmp/spillway-bench")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        (self.work / "store").mkdir()
        self.results = {}
        self.sides = [Spillway(self.work / "spillway"),
                      Alluxio(self.work / "alluxio", properties={"alluxio.master.mount.table.root.ufs": self.work / "store"})]
        self.clients = {}

    def __enter__(self):
        for side in self.sides:
            side.start()
            self.clients[side.name] = Client(STOCK, side)
            self.clients[side.name].order("await", 3)
            self.clients[side.name].order("write", 4096, 8, 1, 5, "/warm")  # compilers of both JVMs
            side.pause()
        self.native = Client(NATIVE, self.sides[0])
        return self

    def __exit__(self, *_):
        for client in [self.native, *self.clients.values()]:
            client.stop()
        for side in self.sides:
            side.resume()
            side.stop()

    def rounds(self, name, measure):
        """measure(side, client, round) gives {what: figure}."""
        cell = self.results.setdefault(name, {side.name: [] for side in self.sides})
        for i in range(self.options.rounds):
            for side in self.sides:
                side.resume()
                figures = measure(side, self.clients[side.name], i)
                side.pause()
                os.sync()  # what one side leaves to the disk is not written in the other's time
                cell[side.name].append(figures)
                print(f"{name} round {i + 1} of {self.options.rounds}, {side.name}: "
                      + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()), flush=True)
        self.save()

    def save(self):
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / "results.json").write_text(json.dumps(self.results, indent=1))
        (OUT / "table.md").write_text(table(self.results))


def table(results):
    lines = ["| workload | figure | Spillway | Alluxio 2.9.4 | ratio |", "|---|---|---|---|---|"]
    for name, cell in results.items():
        for what in cell["spillway"][0]:
            texts, medians = [], []
            for side in ("spillway", "alluxio"):
                values = [r[what] for r in cell[side]]
                medians.append(statistics.median(values))
                texts.append(f"{medians[-1]:.4g} ({min(values):.4g} to {max(values):.4g})")
            ratio = f"{medians[0] / medians[1]:.3g}" if medians[1] else "-"
            lines.append(f"| {name} | {what} | {texts[0]} | {texts[1]} | {ratio} |")
    return "\n".join(lines) + "\n"


def writes(bench, name, size, writers, durable, native_writers=0):
    """With native_writers, our side is the native client's; the peer has its own client all the same."""
    def measure(side, client, i):
        in_flight = writers
        if native_writers and side.name == "spillway":
            client, in_flight = bench.native, native_writers
        folder = f"/{name.replace(' ', '-')}-{i}"
        before = cpu_seconds(side.pids())
        written = client.order("write", size, in_flight, durable, bench.options.seconds, folder)
        drained = client.order("drain", folder)
        cpu = cpu_seconds(side.pids()) - before
        client.order("remove", folder)
        count = max(1, written["count"])
        return {"files/s": written["per_second"], "MB/s": written["mb_per_second"], "p50 ms": written["p50_ms"],
                   "p99 ms": written["p99_ms"], "max ms": written["max_ms"], "server CPU ms/file": cpu * 1000 / count,
                   "all in the store after s": drained["seconds"], "errors": written["errors"] + drained["left"]}
    bench.rounds(name, measure)


def small(bench):
    for durable in (1, 3):
        writes(bench, f"write 4 KiB durable {durable}", 4096, 8, durable)


def large(bench):
    for durable in (1, 3):
        writes(bench, f"write 32 MiB durable {durable}", 32 << 20, 2, durable)


def native(bench):
    for durable in (1, 3):
        writes(bench, f"native write 4 KiB durable {durable}", 4096, 8, durable, native_writers=16)
    for durable in (1, 3):
        writes(bench, f"native write 32 MiB durable {durable}", 32 << 20, 2, durable, native_writers=2)


def latency(bench):
    """One file after the other, three copies against one."""
    for durable in (1, 3):
        writes(bench, f"native write 4 KiB one by one durable {durable}", 4096, 1, durable, native_writers=1)


def reads(bench):
    for size, readers in ((4096, 8), (32 << 20, 2)):
        for side in bench.sides:
            side.resume()
            bench.clients[side.name].order("write", size, readers, 1, 2, f"/read-{size}")
            side.pause()

        def measure(side, client, _, size=size, readers=readers):
            before = cpu_seconds(side.pids())
            read = client.order("read", readers, bench.options.seconds, f"/read-{size}")
            cpu = cpu_seconds(side.pids()) - before
            return {"files/s": read["per_second"], "MB/s": read["mb_per_second"], "p50 ms": read["p50_ms"], "p99 ms": read["p99_ms"],
                    "server CPU ms/file": cpu * 1000 / max(1, read["count"]), "errors": read["errors"]}
        bench.rounds(f"warm read of {size >> 10} KiB", measure)


def stress(bench):
    """Alluxio's own StressMasterBench."""
    def measure(side, operation, i):
        # What looks at files needs those of a create run.
        base = f"alluxio://127.0.0.1:{side.port}/stress-{i}-{'dirs' if operation == 'CreateDir' else 'files'}"
        command = [JAVA[0], f"-Dalluxio.master.rpc.port={side.port}", *JAVA[1:], "alluxio.stress.cli.StressMasterBench",
                   "--in-process", "--operation", operation, "--threads", "16", "--target-throughput", "1000000",
                   "--duration", f"{bench.options.seconds:.0f}s", "--warmup", "3s", "--write-type", "MUST_CACHE",
                   "--fixed-count", "1000", "--base", base]
        if operation in ("DeleteFile", "RenameFile"):
            command += ["--stop-count", "20000"]
        text = run(command, timeout=300, check=False).stdout
        found = re.search(r'"throughput"\s*:\s*([0-9.]+)', text)
        return {"ops/s": float(found[1]) if found else 0.0}
    for operation in STRESS:
        bench.rounds(f"stress {operation}", lambda side, _, i, operation=operation: measure(side, operation, i))


def memory(bench):
    bench.rounds("memory", lambda side, _, __: {"MiB resident": resident_mib(side.pids())})


ALL = {f.__name__: f for f in (small, large, native, latency, reads, stress, memory)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    began = time.monotonic()
    with Run(chosen) as bench:
        for name in chosen.names or ALL:
            ALL[name](bench)
    print(table(bench.results))
    print(f"{time.monotonic() - began:.0f} s")
