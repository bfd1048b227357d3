"""What the cluster and compat tests share: local clusters, S3 servers, the stock Java shell.

Everything runs on 127.0.0.0/8 and is stopped by its pid, also when a test fails.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPILLWAY = pathlib.Path(os.environ.get("SPILLWAY_BIN", ROOT / "bin" / "spillway"))
CACHE = pathlib.Path(os.environ.get("SPILLWAY_TEST_CACHE", ROOT / ".cache"))
WORK = pathlib.Path(os.environ.get("SPILLWAY_TEST_WORK", "/tmp/spillway-tests"))
ACCESS, SECRET = "spillwayaccess", "spillwaysecret"


def wait_for(check, what, timeout=30.0, pause=0.02):
    """Polls check until it is true; fails naming what after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(pause)


def port_open(host, port):
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex((host, port)) == 0


def run(command, check=True, timeout=120, **kwargs):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=kwargs.pop("text", True),
                            timeout=timeout, **kwargs)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


class VersityGw:
    """versitygw over a folder."""

    METHODS = {"Put": "PUT", "Upload": "PUT", "Copy": "PUT", "Get": "GET", "List": "GET", "Head": "HEAD", "Delete": "DELETE",
               "Abort": "DELETE", "Create": "POST", "Complete": "POST"}

    def __init__(self, directory, port=7070):
        self.directory = pathlib.Path(directory)
        self.port = port
        self.process = None
        self.log = self.directory / "server.log"
        # What it prints of requests tears when many end at once; this does not.
        self.access_log = self.directory / "requests.log"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        (self.directory / "data" / "bucket").mkdir(parents=True, exist_ok=True)
        out = open(self.log, "ab")
        self.process = subprocess.Popen(
            [CACHE / "bin" / "versitygw", "--access", ACCESS, "--secret", SECRET, "--keep-alive", "--quiet",
             "--access-log", self.access_log, "--port", f"127.0.0.1:{self.port}", "posix", self.directory / "data"], stdout=out, stderr=out)
        wait_for(lambda: port_open("127.0.0.1", self.port), "versitygw")
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def requests(self):
        """(method, key, query) of every request that the server has logged."""
        found = []
        for line in self.access_log.read_text(errors="replace").splitlines():
            match = re.search(r" s3_([A-Z][a-z]+)(\w*) .* (/[^ ?]*)\??(\S*) \d{3} ", line)
            if match:
                method = "POST" if match[1] + match[2] == "DeleteObjects" else self.METHODS[match[1]]
                found.append((method, urllib.parse.unquote(match[3]), match[4]))
        return found

    def path(self, key):
        return self.directory / "data" / "bucket" / key

    def properties(self):
        return {"alluxio.master.mount.table.root.ufs": "s3://bucket", "alluxio.underfs.s3.endpoint": self.endpoint,
                "s3a.accessKeyId": ACCESS, "s3a.secretKey": SECRET, "alluxio.underfs.s3.disable.dns.buckets": "true"}


class Cluster:
    """A master and workers started with `spillway local`."""

    def __init__(self, directory, workers=3, properties=None):
        self.directory = pathlib.Path(directory)
        self.workers = workers
        self.properties = {"alluxio.worker.ramdisk.size": "1GB", **(properties or {})}
        self.spillway = SPILLWAY

    def start(self):
        definitions = [f"-D{k}={v}" for k, v in self.properties.items()]
        run([self.spillway, "local", "start", "--workers", self.workers, "--dir", self.directory, *definitions])
        return self

    def stop_only(self):
        """Keeps what the cluster has in memory."""
        return run([self.spillway, "local", "stop", "--dir", self.directory]).stdout

    def stop(self):
        run([self.spillway, "local", "stop", "--dir", self.directory], check=False)
        for name in ["master"] + [f"worker{i + 1}" for i in range(self.workers)]:
            with contextlib.suppress(OSError, ValueError):
                os.kill(self.pid(name), signal.SIGKILL)
        shutil.rmtree(self.memory(), ignore_errors=True)

    def memory(self):
        """Where its blocks are (bin/memory_folder.cc)."""
        flat = str(self.directory.absolute()).replace("%", "%25").replace("_", "%5F").replace("/", "_")
        return "/dev/shm/spillway" + flat

    def pid(self, name):
        return int((self.directory / "pids" / f"{name}.pid").read_text())

    def running(self):
        """Whether its master runs."""
        with contextlib.suppress(OSError, ValueError):
            return pathlib.Path(f"/proc/{self.pid('master')}").exists()
        return False

    def kill(self, name):
        """SIGKILL, and waits until the process is gone."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
                 pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] == "Z", f"{name} to die")

    def restart(self, name):
        run([self.spillway, "local", "restart", "--dir", self.directory, name])

    def fs(self, *arguments, check=True, text=True, timeout=120, **properties):
        properties = {"alluxio.user.rpc.retry.max.duration": "20s", **properties}
        definitions = [f"-D{k}={v}" for k, v in properties.items()]
        return run([SPILLWAY, "fs", *definitions, *arguments], check=check, text=text, timeout=timeout)

    def admin(self, *arguments, check=True, timeout=60):
        return run([SPILLWAY, "fsadmin", *arguments], check=check, timeout=timeout)

    def locations(self, path, shell=None):
        lines = (shell or self.fs)("location", path).stdout.splitlines()
        first = next(i for i, line in enumerate(lines) if "is on nodes" in line)
        return [line for line in lines[first + 1:] if line]

    def state(self, path):
        match = re.search(r"persistenceState=(\w+)", self.fs("stat", path).stdout)
        return match[1]

    def await_persisted(self, path, timeout=60):
        wait_for(lambda: self.state(path) == "PERSISTED", f"{path} to be persisted", timeout)

    def metrics(self, host="127.0.0.1", port=19999):
        return urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=5).read().decode()

    def health(self, what="Degraded blocks"):
        """A count of the health report; None if the master does not answer."""
        text = run([SPILLWAY, "fsadmin", "report", "health"], check=False).stdout
        found = re.search(what + r": (\d+)", text)
        return int(found[1]) if found else None

    def resident_bytes(self):
        total = 0
        for name in ["master"] + [f"worker{i + 1}" for i in range(self.workers)]:
            status = pathlib.Path(f"/proc/{self.pid(name)}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
        return total


DURABLE3 = {"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.file.replication.durable": "3"}


def java_options():
    opens = ["java.base/java.lang", "java.base/java.nio", "java.base/sun.nio.ch", "java.base/java.util"]
    return [f"--add-opens={o}=ALL-UNNAMED" for o in opens] + [
        "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Dalluxio.home={WORK}", f"-Dalluxio.conf.dir={WORK}/conf",
        f"-Dalluxio.logs.dir={WORK}/logs", f"-Dlog4j.configuration=file:{ROOT}/tests/compat/log4j.properties",
        "-Dalluxio.master.hostname=127.0.0.1"]


SHADED_CLIENT = CACHE / "jars" / "alluxio-shaded-client-2.9.3.jar"


def shaded_class_path():
    """The published client jar, and the logging that it leaves to whoever uses it."""
    logging = [jar for name in ("slf4j-api-*", "slf4j-reload4j-*", "reload4j-*") for jar in (CACHE / "jars" / "shell").glob(name + ".jar")]
    return ":".join(str(jar) for jar in [SHADED_CLIENT, *logging])


def java_shell(*arguments, check=True, timeout=120, **properties):
    """Alluxio's own shell, unmodified."""
    definitions = [f"-D{k}={v}" for k, v in properties.items()]
    return run(["java", *java_options(), *definitions, "-cp", f"{CACHE}/jars/shell/*", "alluxio.cli.fs.FileSystemShell", *arguments],
               check=check, timeout=timeout, cwd=WORK)  # where it leaves lists of what failed


def fresh_directory(name):
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def spark_submit(script, *arguments, timeout=300, jars=(), conf=None, **properties):
    """Stock PySpark with the published client jar; properties are Alluxio client properties, conf Spark's."""
    site = next((ROOT / ".venv" / "lib").glob("python3*/site-packages/pyspark"))
    options = " ".join(f"-D{k}={v}" for k, v in properties.items())
    environment = {**os.environ, "SPARK_HOME": str(site), "PYSPARK_PYTHON": str(ROOT / ".venv" / "bin" / "python"),
                   "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(WORK / "spark")}
    return run([site / "bin" / "spark-submit", "--master", "local[2]", "--driver-memory", "1g", "--jars", ",".join(str(j) for j in [SHADED_CLIENT, *jars]),
                "--driver-class-path", ":".join(str(j) for j in [SHADED_CLIENT, *jars]), "--driver-java-options", options, "--conf", "spark.ui.enabled=false",
                "--conf", "spark.hadoop.fs.alluxio.impl=alluxio.hadoop.FileSystem",
                *[word for k, v in (conf or {}).items() for word in ("--conf", f"{k}={v}")], script, *arguments],
               timeout=timeout, env=environment)
