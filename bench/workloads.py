"""What is measured: one function a workload, called with the Bench."""
import concurrent.futures
import getpass
import json
import re
import shutil
import tempfile
import time

from bench import JAVA, ROOT, TOOLS, WORK, cpu_seconds, memory_of, resident_mib
from harness import ACCESS, DURABLE3, SECRET, Cluster, run, spark_submit, wait_for

STRESS = ("CreateFile", "ListDir", "GetFileStatus", "OpenFile", "CreateDir", "DeleteFile")
STRESS_WARM_UP = 5  # seconds
FILES_USED_UP = 45_000
S3A_JARS = tuple(str(jar) for jar in sorted((ROOT / ".cache" / "s3a").glob("*.jar")))
PARTS = 64
HEALED_FILES = 16  # of 64 MiB


def raw(*words, timeout=300):
    return json.loads(run([TOOLS / "raw_limits", *words], timeout=timeout).stdout)


def writes(bench, name, size, writers, durable, native=False, limit=None, peer=True):
    """With native, our side is the native client's; the peer has its own client all the same."""
    def measure(pair, side, client, i):
        if size > 65536:
            pair.fill()
            side.resume()
        if native and side.name == "spillway":
            client = pair.native
        folder = f"/{name.replace(' ', '-')}-{i}"
        before = cpu_seconds(side.pids())
        written = client.order("write", size, writers, durable, bench.options.seconds, folder)
        drained = client.order("drain", folder)
        cpu = cpu_seconds(side.pids()) - before
        # Small ones stay: ext4 is slow for some seconds where many files were deleted.
        if size > 65536:
            client.order("remove", folder)
        count = max(1, written["count"])
        return {"files/s": written["per_second"], "MB/s": written["mb_per_second"], "p50 ms": written["p50_ms"],
                "p99 ms": written["p99_ms"], "max ms": written["max_ms"], "server CPU ms/file": cpu * 1000 / count,
                "all in the store after s": drained["seconds"], "errors": written["errors"] + drained["left"]}
    bench.rounds(name, measure, limit, peer=peer)


def sockets(bench, size, streams):
    """MB/s of one of so many streams into tmpfs."""
    return lambda _, __: {"MB/s": raw("sockets", streams, size, bench.options.seconds, "/dev/shm")["mb_per_second"]}


def small(bench):
    def fsync(_, __):
        return {"files/s": raw("fsync", 2, WORK)["per_second"]}
    for durable in (1, 3):
        writes(bench, f"write 4 KiB durable {durable}", 4096, 8, durable, limit=fsync)


def large(bench):
    for durable in (1, 3):
        writes(bench, f"write 32 MiB durable {durable}", 32 << 20, 2, durable, limit=sockets(bench, 32 << 20, durable))


def sizes(bench):
    """Other sizes and numbers of writers."""
    for size, text, writers, durables in ((1 << 20, "1 MiB", 8, (1, 2, 3)), (4096, "4 KiB", 1, (1,)), (4096, "4 KiB", 16, (1,))):
        for durable in durables:
            writes(bench, f"write {text} durable {durable}, {writers} writers", size, writers, durable)


def native(bench):
    for durable in (1, 3):
        writes(bench, f"native write 4 KiB durable {durable}, 16 in flight", 4096, 16, durable, native=True)
    for durable in (1, 3):
        writes(bench, f"native write 32 MiB durable {durable}", 32 << 20, 2, durable, native=True, peer=False,
               limit=sockets(bench, 32 << 20, durable))


def huge(bench):
    for durable in (1, 3):
        writes(bench, f"native write 1 GiB durable {durable}", 1 << 30, 1, durable, native=True, peer=False, limit=sockets(bench, 1 << 30, durable))


def latency(bench):
    """One file after the other, three copies against one."""
    for durable in (1, 3):
        writes(bench, f"native write 4 KiB one by one durable {durable}", 4096, 1, durable, native=True, peer=False)


def reads(bench):
    for size, readers in ((4096, 8), (32 << 20, 2)):
        name = f"warm read of {size >> 10} KiB"

        def measure(pair, side, client, i, size=size, readers=readers):
            if i == 0:
                client.order("write", size, readers, 1, 2, f"/read-{size}")
            before = cpu_seconds(side.pids())
            read = client.order("read", readers, bench.options.seconds, f"/read-{size}")
            cpu = cpu_seconds(side.pids()) - before
            return {"files/s": read["per_second"], "MB/s": read["mb_per_second"], "p50 ms": read["p50_ms"], "p99 ms": read["p99_ms"],
                    "server CPU ms/file": cpu * 1000 / max(1, read["count"]), "errors": read["errors"]}
        bench.rounds(name, measure)


def stress_ops(bench, side, operation, i, warm_up=STRESS_WARM_UP):
    """Alluxio's own StressMasterBench. What looks at files needs those of a create run; what uses them up needs enough."""
    base = f"alluxio://127.0.0.1:{side.port}/stress-{i}-{'dirs' if operation == 'CreateDir' else 'files'}"
    command = [JAVA[0], f"-Dalluxio.master.rpc.port={side.port}", *JAVA[1:], "alluxio.stress.cli.StressMasterBench",
               "--in-process", "--operation", operation, "--threads", "16", "--target-throughput", "1000000",
               "--duration", f"{bench.options.seconds:.0f}s", "--warmup", f"{warm_up}s", "--write-type", "MUST_CACHE",
               "--fixed-count", "1000", "--base", base]
    if operation in ("DeleteFile", "RenameFile"):
        command += ["--stop-count", str(FILES_USED_UP)]
    text = run(command, timeout=300, check=False).stdout
    found = re.search(r'"throughput"\s*:\s*([0-9.]+)', text)
    return {"ops/s": float(found[1]) if found else 0.0}


def stress(bench, operations=STRESS):
    for operation in operations:
        def measure(_, side, __, i, operation=operation):
            warm_up = STRESS_WARM_UP
            if operation in ("RenameFile", "DeleteFile"):  # uses files up while it warms up too
                i = f"{operation}-{i}"
                stress_ops(bench, side, "CreateFile", i, warm_up=8)
                warm_up = 3
            return stress_ops(bench, side, operation, i, warm_up=warm_up)
        bench.rounds(f"stress {operation}", measure)


def stress_rename(bench):
    stress(bench, ("RenameFile",))


def metadata(bench):
    """The native client's operations beside the figure of the peer's own benchmark."""
    for operation, order in (("CreateFile", "create"), ("GetFileStatus", "status")):
        def measure(pair, side, _, i, operation=operation, order=order):
            if side.name == "alluxio":
                return stress_ops(bench, side, operation, f"n{i}")
            done = pair.native.order(order, 16, bench.options.seconds, f"/native-{i}")
            return {"ops/s": done["per_second"], "p50 ms": done["p50_ms"], "p99 ms": done["p99_ms"]}
        bench.rounds(f"native {order}, 16 in flight", measure)


def memory(bench):
    bench.rounds("memory, idle", lambda pair, side, _, __: pair.idle_memory[side.name])
    bench.rounds("memory, after load", lambda _, side, __, ___: memory_of(side.pids()))


def bare_puts(count, size, in_flight):
    """So many objects by our S3 module alone."""
    return lambda pair, _: {"all in all s": raw("puts", pair.proxy.endpoint, count, size, in_flight, ACCESS, SECRET)["seconds"]}


def persist(bench):
    """A backlog into S3, every request of which takes 30 ms; the limit is our S3 module alone."""
    for count, size, writers, in_flight in ((600, 4096, 8, 64), (12, 32 << 20, 2, 4)):
        def measure(pair, side, client, i, count=count, size=size, writers=writers):
            folder = f"/persist-{size}-{i}"
            before = len(pair.s3.requests())
            written = client.order("write", size, writers, 1, 600, folder, count)
            drained = client.order("drain", folder)
            requests = len(pair.s3.requests()) - before
            return {"files/s": written["per_second"], "p50 ms": written["p50_ms"], "all in S3 after s": drained["seconds"],
                    "all in all s": written["seconds"] + drained["seconds"], "requests per file": requests / count,
                    "errors": written["errors"] + drained["left"] + abs(written["count"] - count)}
        bench.rounds(f"persist {count} x {size >> 10} KiB, 30 ms a request", measure, bare_puts(count, size, in_flight), kind="s3")


def persist_native(bench):
    """The same backlog from the native client, which is fast enough to make it one; what drains beside bare connections."""
    for count, size, writers, in_flight in ((600, 4096, 64, 64), (12, 32 << 20, 4, 4)):
        def measure(pair, side, _, i, count=count, size=size, writers=writers):
            folder = f"/persist-native-{size}-{i}"
            written = pair.natives[side.name].order("write", size, writers, 1, 600, folder, count)
            drained = pair.natives[side.name].order("drain", folder)
            return {"all in all s": written["seconds"] + drained["seconds"], "all in S3 after s": drained["seconds"]}
        bench.rounds(f"native persist {count} x {size >> 10} KiB, 30 ms a request", measure, bare_puts(count, size, in_flight),
                     kind="s3", peer=False)


def spark_seconds(base, *jobs, **options):
    """What each job took, without Spark's own start."""
    job = spark_submit(ROOT / "bench" / "spark_bench.py", base, *jobs, timeout=900, **options)
    return json.loads(next(line for line in job.stdout.splitlines() if line.startswith("{")))


def spark(bench):
    """The jobs of the compat tests."""
    bench.rounds("spark durable 3", lambda _, side, __, i: spark_seconds(f"alluxio://127.0.0.1:{side.port}/spark-{i}", **DURABLE3))


def spark_s3(bench):
    """The same over S3 at 30 ms a request; the limit is s3a straight to it. (The peer's jobs fail there: its renames give up.)"""
    jobs = ("text in 4 parts s", f"text in {PARTS} parts s", "parquet of 400 files s")
    s3a = {"spark.hadoop.fs.s3a.access.key": ACCESS, "spark.hadoop.fs.s3a.secret.key": SECRET,
           "spark.hadoop.fs.s3a.path.style.access": "true", "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
           "spark.hadoop.fs.s3a.directory.marker.retention": "keep", "spark.hadoop.fs.s3a.multiobjectdelete.enable": "false"}

    def measure(pair, side, client, i):
        folder = f"/spark-{i}"
        figures = spark_seconds(f"alluxio://127.0.0.1:{side.port}{folder}", *jobs, **DURABLE3)
        client.order("drain", folder)
        of_parts = [key for _, key, __ in pair.s3.requests() if f"{folder}/text-{PARTS}" in key]
        return {**figures, f"requests per part of {PARTS}": len(of_parts) / PARTS,
                "temporary keys": sum("_temporary" in key for key in of_parts)}

    def limit(pair, i):
        conf = {**s3a, "spark.hadoop.fs.s3a.endpoint": pair.proxy.endpoint}
        # One part takes s3a a second: 64 of them once, parquet never.
        return spark_seconds(f"s3a://bucket/straight-{i}", *jobs[:1 if i > 0 else 2], jars=S3A_JARS, conf=conf)
    bench.rounds("spark durable 3 over S3, 30 ms a request", measure, limit, kind="s3", peer=False)


def growth(bench):
    """One master with ever more files: what a file, a start, a question and a lost worker cost then."""
    if bench.done("growth"):
        return bench.say("growth: done before")
    bench.stop()
    points = []
    for files in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        directory = WORK / "growth"
        shutil.rmtree(directory, ignore_errors=True)
        cluster = Cluster(directory, workers=4, properties={"alluxio.worker.ramdisk.size": "1GB"})
        try:
            cluster.start()
            cluster.kill("master")
            with tempfile.TemporaryDirectory(dir="/dev/shm") as fast:  # where syncs cost nothing
                shutil.copytree(directory / "journal", f"{fast}/journal")
                run([TOOLS / "fill_master", "--journal", f"{fast}/journal", "--root-ufs", directory / "underFSStorage",
                     "--user", getpass.getuser(), "--files", files, "--flat", min(files, 1_000_000)], timeout=1800)
                shutil.rmtree(directory / "journal")
                shutil.copytree(f"{fast}/journal", directory / "journal")
            begin = time.monotonic()
            cluster.restart("master")
            cluster.fs("ls", "/m/d0", **{"alluxio.user.rpc.retry.max.duration": "60s"})
            point = {"files": files, "start s": time.monotonic() - begin}
            point.update(figures_of(cluster, files))
            point["heal 1 GiB s"] = heal(cluster)
            points.append(point)
            bench.say("growth: " + ", ".join(f"{k} {v:.4g}" for k, v in point.items()))
        finally:
            cluster.stop()
    bench.results["growth"] = {"spillway": [points] * bench.options.rounds}
    bench.save()


def figures_of(cluster, files):
    from bench import Client
    side = type("Side", (), {"port": 19998})
    client, beside = (Client([str(TOOLS / "native_load")], side) for _ in range(2))
    try:
        client.order("await", 4)
        client.order("write", 4096, 16, 1, 1, "/warm")
        status = client.order("status", 16, 3, "/m/d0")
        create = client.order("create", 16, 3, "/new")
        master = resident_mib([cluster.pid("master")])
        written = client.order("write", 4096, 16, 1, 3, "/written")
        client.order("drain", "/written")
        begin = time.monotonic()
        shown = cluster.fs("ls", f"/m/d{(files - 1) // 1000}").stdout.count("part-")
        listing = time.monotonic() - begin
        with concurrent.futures.ThreadPoolExecutor() as pool:  # creates beside a long listing
            creates = pool.submit(beside.order, "create", 16, 2, "/beside")
            time.sleep(0.5)
            flat = client.order("list", "/flat")
        return {"status/s": status["per_second"], "create/s": create["per_second"], "write 4 KiB/s": written["per_second"],
                "list of 1,000 s": listing, "listed": shown, "flat entries": flat["count"], "flat first entry ms": flat["first_ms"],
                "flat all s": flat["seconds"], "slowest create beside it ms": creates.result()["max_ms"],
                "slowest create alone ms": create["max_ms"], "master MiB": max(master, resident_mib([cluster.pid("master")])),
                "journal bytes/file": sum(f.stat().st_size for f in (cluster.directory / "journal").rglob("*") if f.is_file()) / files}
    finally:
        client.stop()
        beside.stop()


def heal(cluster):
    """Seconds from the death of a worker until 1 GiB of unpersisted data has its three copies again."""
    source = cluster.directory / "source"
    source.mkdir()
    for i in range(HEALED_FILES):
        (source / f"f{i}").write_bytes(bytes([i]) * (64 << 20))
    cluster.fs("copyFromLocal", source, "/heal", **DURABLE3, **{"alluxio.user.file.persistence.initial.wait.time": "-1"})
    shutil.rmtree(source)
    cluster.kill("worker1")
    begin = time.monotonic()
    wait_for(lambda: not any(host == "127.0.0.2" for i in range(HEALED_FILES) for host in cluster.locations(f"/heal/f{i}")), "the dead to be gone", 30)
    wait_for(lambda: cluster.health() == 0, "healing", 120)
    return time.monotonic() - begin


ALL = {f.__name__: f for f in (memory, small, native, latency, large, huge, reads, stress, metadata, spark, persist, persist_native, spark_s3,
                               growth, sizes, stress_rename)}
# Both sides are started anew before these.
JUST_STARTED = ("memory", "large", "reads", "stress", "spark", "sizes")
