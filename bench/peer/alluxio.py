"""Alluxio 2.9.4 from its published jars, as the peer of a benchmark: masters, workers and job workers on this machine."""
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tests"))
from harness import CACHE, ROOT, java_options, port_open, wait_for  # noqa: E402

JARS = CACHE / "peer"


def class_path():
    return ":".join(str(jar) for jar in sorted(JARS.glob("*.jar")) if not jar.name.startswith("log4j-slf4j-impl"))


class Alluxio:
    name = "alluxio"
    port = 24998

    def __init__(self, directory, workers=3, properties=None):
        self.directory = pathlib.Path(directory)
        self.memory = pathlib.Path("/dev/shm") / ("spillway-peer" + str(self.directory.absolute()).replace("/", "_"))
        self.workers = workers
        self.processes = {}
        self.properties = {
            "alluxio.master.hostname": "127.0.0.1", "alluxio.master.rpc.port": self.port, "alluxio.master.web.port": 24999,
            "alluxio.job.master.rpc.port": 25001, "alluxio.job.master.web.port": 25002,
            "alluxio.master.journal.type": "UFS", "alluxio.master.journal.folder": self.directory / "journal",
            "alluxio.master.metastore.dir": self.directory / "metastore", "alluxio.work.dir": self.directory,
            "alluxio.worker.ramdisk.size": "2GB", "alluxio.security.login.username": os.environ.get("USER", "root"),
            **(properties or {})}

    def _start(self, name, main, heap, **properties):
        options = [o for o in java_options() if not o.startswith(("-Xmx", "-XX", "-Dalluxio"))]
        definitions = [f"-D{k}={v}" for k, v in {**self.properties, **properties}.items()]
        log = open(self.directory / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            ["java", f"-Xmx{heap}", *options, f"-Dalluxio.home={self.directory}", f"-Dalluxio.conf.dir={self.directory}/conf",
             f"-Dalluxio.logs.dir={self.directory}/logs", *definitions, "-cp", class_path(), *main.split()], stdout=log, stderr=log)

    def start(self):
        (self.directory / "conf").mkdir(parents=True)
        self._start("format", "alluxio.cli.Format master", "512m")
        if self.processes.pop("format").wait(60) != 0:
            raise AssertionError(f"the peer's journal cannot be formatted, see {self.directory}/format.log")
        self._start("master", "alluxio.master.AlluxioMaster", "2g")
        wait_for(lambda: port_open("127.0.0.1", self.port), "the peer's master", 60)
        self._start("job_master", "alluxio.master.AlluxioJobMaster", "512m")
        for i in range(self.workers):
            host = f"127.0.0.{i + 2}"
            worker = {"alluxio.worker.hostname": host, "alluxio.worker.rpc.port": 24990 - i, "alluxio.worker.web.port": 24980 - i,
                      "alluxio.worker.tieredstore.level0.dirs.path": self.memory / f"worker{i}"}
            self._start(f"worker{i}", "alluxio.worker.AlluxioWorker", "1g", **worker)
            self._start(f"job_worker{i}", "alluxio.worker.AlluxioJobWorker", "512m", **worker, **{
                "alluxio.job.worker.hostname": host, "alluxio.job.worker.rpc.port": 24970 - i,
                "alluxio.job.worker.data.port": 24960 - i, "alluxio.job.worker.web.port": 24950 - i})
        return self

    def pids(self):
        return [p.pid for p in self.processes.values()]

    def pause(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def stop(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        subprocess.run(["rm", "-rf", str(self.memory)], check=False)
