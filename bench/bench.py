"""Spillway, its peer and the bare machine under the same load, in turns:
bench.py [--rounds N] [--seconds S] [--fresh] [--before FOLDER] [NAME ...]

Both sides run on this machine at once; the one that is not measured stands still. Every figure is the median of its
rounds, with the smallest and the largest. A JVM gets faster for minutes: so that a figure does not depend on what was
measured before it, both sides are started anew for each group of workloads, and have the same short warm-up. Results
go to build/bench/: results.json, table.md, ratios.svg, growth.svg.
With --before the peer is an earlier Spillway, whose programs are in FOLDER (build/ci/bin of that tree); of the two, only
the one that is measured runs, because they use the same ports.
A run that was broken off goes on where it ended, unless the commit or the options have changed or --fresh is given.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench"), str(ROOT / "bench" / "peer")]
import plots  # noqa: E402
from alluxio import Alluxio, class_path  # noqa: E402
from harness import SPILLWAY, Cluster, VersityGw, java_options, run, wait_for  # noqa: E402
from s3_proxy import S3Proxy  # noqa: E402

OUT = ROOT / "build" / "bench"
WORK = pathlib.Path("/tmp/spillway-bench")
TICKS_PER_SECOND = 100
S3_DELAY_SECONDS = 0.03
FILL_FILES = 270  # of 32 MiB, into three workers of 2 GiB
JAVA = ["java", "-Xmx1g", *[o for o in java_options() if not o.startswith(("-Xmx", "-XX"))], "-cp", class_path()]
STOCK = [*JAVA, str(ROOT / "bench" / "StockLoad.java")]
TOOLS = SPILLWAY.resolve().parent


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_SECOND


def resident_mib(pids):
    return sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{p}/status").read_text())[1]) for p in pids) / 1024


def memory_of(pids):
    """RSS counts a library's pages once per process that maps it, PSS once in all."""
    shared = sum(int(re.search(r"Pss:\s+(\d+)", pathlib.Path(f"/proc/{p}/smaps_rollup").read_text())[1]) for p in pids) / 1024
    return {"MiB resident": resident_mib(pids), "MiB, shared pages once": shared}


class Spillway:
    name = "spillway"
    port = 19998
    programs = TOOLS

    def __init__(self, directory, properties=None):
        self.cluster = Cluster(directory, properties={"alluxio.worker.ramdisk.size": "2GB", **(properties or {})})
        self.cluster.spillway = self.programs / "spillway"

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


class Alone(Spillway):
    """Stopped while the other is measured."""

    def pause(self):
        self.stop()

    def resume(self):
        if not self.cluster.running():
            self.start()


class Before(Alone):
    """An earlier Spillway."""
    name = "before"


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


class Pair:
    """Both sides with a store of one kind: folders of this disk, or an S3 server where every request takes 30 ms."""

    def __init__(self, kind, before=None):
        self.kind, self.before = kind, before
        self.directory = WORK / kind
        self.sides, self.clients, self.natives, self.idle_memory = [], {}, {}, {}
        self.s3 = self.proxy = None
        self.filled = False

    def start(self):
        """What was started until it failed is stopped by stop."""
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "store").mkdir(parents=True)
        properties = {"alluxio.master.mount.table.root.ufs": str(self.directory / "store")}
        ours = {}
        Before.programs = self.before
        if self.kind == "s3":
            self.s3 = VersityGw(self.directory / "s3").start()
            self.proxy = S3Proxy(self.s3.port).start()
            self.proxy.delay = S3_DELAY_SECONDS
            common = {**self.s3.properties(), "alluxio.underfs.s3.endpoint": self.proxy.endpoint,
                      "alluxio.underfs.s3.inherit.acl": "false"}
            properties = {**common, "alluxio.master.mount.table.root.ufs": "s3://bucket/alluxio"}
            ours = {**common, "alluxio.master.mount.table.root.ufs": "s3://bucket/spillway"}
        if self.before is None:
            self.sides = [Spillway(self.directory / "spillway", ours), Alluxio(self.directory / "alluxio", properties=properties)]
        else:
            self.sides = [Alone(self.directory / "spillway", ours), Before(self.directory / "before", properties)]
        for side in self.sides:
            side.start()
            self.clients[side.name] = Client(STOCK, side)
            self.clients[side.name].order("await", 3)
            self.idle_memory[side.name] = memory_of(side.pids())
            for size, writers in ((4096, 8), (32 << 20, 2)):  # compilers of both JVMs
                self.write_and_remove(side, size, writers, 4, f"/warm-{size}", 10_000 if self.kind == "disk" else 30)
            if isinstance(side, Spillway):
                self.natives[side.name] = Client([str(side.programs / "native_load")], side)
            side.pause()
        return self

    @property
    def native(self):
        return self.natives["spillway"]

    def resume(self, side):
        side.resume()
        if isinstance(side, Alone):  # which both clients have to find again
            for client in (self.clients[side.name], self.natives[side.name]):
                client.order("await", 3)
                client.order("write", 4096, 1, 1, 1, "/found-again", 8)
                client.order("drain", "/found-again")
                client.order("remove", "/found-again")
            if self.s3 is not None:  # its deletes are none of what is measured next
                wait_for(lambda: not [p for p in self.s3.path(".").glob("*/found-again/*") if p.is_file()], "deletes in the store")

    def write_and_remove(self, side, size, writers, seconds, folder, count):
        client = self.clients[side.name]
        client.order("write", size, writers, 1, seconds, folder, count)
        client.order("drain", folder)
        client.order("remove", folder)

    def fill(self):
        """What the workers may keep has been written once, as on every cluster that has been up for a while: the first
        time, a virtual machine's memory may have to be got from its host."""
        if not self.filled:
            for side in self.sides:
                side.resume()
                self.write_and_remove(side, 32 << 20, 2, 120, "/fill", FILL_FILES)
                side.pause()
        self.filled = True

    def stop(self):
        for client in [*self.natives.values(), *self.clients.values()]:
            client.stop()
        for side in self.sides:
            if not isinstance(side, Alone):
                side.resume()
            side.stop()
        for server in (self.proxy, self.s3):
            if server is not None:
                server.stop()


class Bench:
    def __init__(self, options):
        self.options = options
        self.stamp = {"commit": run(["git", "rev-parse", "HEAD"], cwd=ROOT).stdout.strip(), "rounds": options.rounds,
                      "seconds": options.seconds, "before": str(options.before)}
        self.results = {}
        self.peer = "before" if options.before else "alluxio"
        self.began = time.monotonic()
        self._pair = None
        if not options.fresh and (OUT / "results.json").exists():
            earlier = json.loads((OUT / "results.json").read_text())
            if earlier.get("stamp") == self.stamp:
                self.results = earlier["results"]

    def pair(self, kind="disk"):
        if self._pair is None or self._pair[0] != kind:
            self.stop()
            self.say(f"starting both sides, store: {kind}")
            self._pair = (kind, Pair(kind, self.options.before))
            self._pair[1].start()
        return self._pair[1]

    def stop(self):
        if self._pair is not None:
            self._pair[1].stop()
            self._pair = None

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def done(self, name):
        return len(self.results.get(name, {}).get("spillway", [])) >= self.options.rounds

    def rounds(self, name, measure, limit=None, kind="disk", peer=True):
        """measure(pair, side, client, round) and limit(pair, round) give {what: figure}; peer: it is measured too."""
        if self.done(name):
            return self.say(f"{name}: done before")
        cell = {"spillway": [], self.peer: [], "limit": []}
        for i in range(self.options.rounds):
            pair = self.pair(kind)
            sides = pair.sides[:2 if peer or self.options.before else 1]
            for side in sides if i % 2 == 0 else reversed(sides):  # so that none is always the first
                pair.resume(side)
                cell[side.name].append(measure(pair, side, pair.clients[side.name], i))
                side.pause()
                os.sync()  # what one side leaves to the disk is not written in the other's time
                self.say(f"{name} {i + 1}/{self.options.rounds} {side.name}: "
                         + ", ".join(f"{k} {v:.4g}" for k, v in cell[side.name][-1].items()))
            if limit is not None:
                cell["limit"].append(limit(pair, i))
                self.say(f"{name} {i + 1}/{self.options.rounds} limit: " + ", ".join(f"{k} {v:.4g}" for k, v in cell["limit"][-1].items()))
        self.results[name] = cell
        self.save()

    def save(self):
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / "results.json").write_text(json.dumps({"stamp": self.stamp, "results": self.results}, indent=1))
        (OUT / "table.md").write_text(table(self.results, self.peer))
        if self.peer == "alluxio":
            plots.ratios(self.results, OUT / "ratios.svg")
        if "growth" in self.results:
            plots.growth(self.results["growth"]["spillway"][0], OUT / "growth.svg")


def median(values):
    return statistics.median(values) if values else None


def table(results, peer):
    title = "the commit before" if peer == "before" else "Alluxio 2.9.4"
    lines = [f"| workload | figure | Spillway | {title} | ratio | limit | of it |", "|---|---|---|---|---|---|---|"]
    for name, cell in results.items():
        if name == "growth":
            continue
        for what in cell["spillway"][0]:
            texts, medians = [], []
            for side in ("spillway", peer, "limit"):
                values = [r[what] for r in cell.get(side, []) if what in r]
                medians.append(median(values))
                texts.append(f"{medians[-1]:.4g} ({min(values):.4g} to {max(values):.4g})" if values else "-")
            ratios = [f"{medians[0] / other:.3g}" if other else "-" for other in medians[1:]]
            lines.append(f"| {name} | {what} | {texts[0]} | {texts[1]} | {ratios[0]} | {texts[2]} | {ratios[1]} |")
    return "\n".join(lines) + "\n"


def main():
    import workloads
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--before", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    unknown = [n for n in options.names if n not in workloads.ALL]
    if unknown:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(workloads.ALL)}")
    bench = Bench(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # what runs is stopped with it
    try:
        for name in options.names or workloads.ALL:
            if name in workloads.JUST_STARTED:
                bench.stop()
            workloads.ALL[name](bench)
    finally:
        bench.stop()
    bench.save()
    print(table(bench.results, bench.peer))
    bench.say(f"results are in {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
