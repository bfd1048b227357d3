"""A worker whose storage folders fail, at start and while it runs: nothing is removed on doubt.

The faults are made by a library that is loaded into the worker and reads what is to fail from a file, so that they come and go
while it runs. It also writes down every unlink and rename, and strace does so again from outside.
"""
import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import SPILLWAY, WORK, Cluster, run, wait_for

SHIM = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Lines "errno operation text": an operation on a path with text in it fails. Operations: open, change, list.
static int Fault(const char* operation, const char* path) {
  const char* rules = getenv("FOLDER_FAULTS");
  FILE* (*real)(const char*, const char*) = dlsym(RTLD_NEXT, "fopen64");
  FILE* in = rules == NULL || path == NULL ? NULL : real(rules, "re");
  if (in == NULL) return 0;
  int found = 0, number = 0;
  char kind[32], text[512];
  while (found == 0 && fscanf(in, "%d %31s %511s", &number, kind, text) == 3)
    if (strcmp(kind, operation) == 0 && strstr(path, text) != NULL) found = number;
  fclose(in);
  return found;
}

static void Note(const char* what, const char* path) {
  const char* log = getenv("FOLDER_LOG");
  int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, "open64");
  int fd = log == NULL ? -1 : real(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  dprintf(fd, "%s %s\n", what, path);
  close(fd);
}

#define FAIL_IF(operation, path, result) \
  do { int error = Fault(operation, path); if (error != 0) { errno = error; return result; } } while (0)

static int Open(const char* name, const char* path, int flags, int mode) {
  int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, name);
  FAIL_IF("open", path, -1);
  if ((flags & (O_CREAT | O_RDWR | O_WRONLY)) != 0) FAIL_IF("change", path, -1);
  return real(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
  return Open("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);
  return Open("open64", path, flags, mode);
}
DIR* opendir(const char* path) {
  DIR* (*real)(const char*) = dlsym(RTLD_NEXT, "opendir");
  FAIL_IF("list", path, NULL);
  return real(path);
}
int unlink(const char* path) {
  int (*real)(const char*) = dlsym(RTLD_NEXT, "unlink");
  Note("unlink", path);
  FAIL_IF("change", path, -1);
  return real(path);
}
int rename(const char* from, const char* to) {
  int (*real)(const char*, const char*) = dlsym(RTLD_NEXT, "rename");
  FAIL_IF("change", from, -1);
  FAIL_IF("change", to, -1);
  return real(from, to);
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
  int (*real)(int, const char*, int, const char*, unsigned) = dlsym(RTLD_NEXT, "renameat2");
  Note("move", from);
  FAIL_IF("change", from, -1);
  return real(a, from, b, to, flags);
}
"""

EIO, EROFS = 5, 30
# Some containers forbid tracing; the shim's own record is left there.
TRACED = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
BLOCKS = 1000


class Folders(Cluster):
    """A master, and one worker of our own over two folders."""

    HOST, PORT, WEB = "127.0.0.2", 29991, 30991

    def __init__(self, directory):
        super().__init__(directory, workers=1)
        self.process = None
        self.tiers = [self.directory / "a", self.directory / "b"]
        self.rules = self.directory / "faults"
        self.unlinked = self.directory / "unlinked"
        self.calls = self.directory / "calls"  # what strace saw of the workers

    def fail(self, *rules):
        """Whole at once: the worker reads it all the time."""
        new = self.rules.with_suffix(".new")
        new.write_text("".join(f"{number} {operation} {text}\n" for number, operation, text in rules))
        new.rename(self.rules)

    def properties_of_all(self):
        return {"alluxio.work.dir": self.directory, "alluxio.master.hostname": "127.0.0.1", "alluxio.master.bind.host": "127.0.0.1",
                "alluxio.master.journal.folder": self.directory / "journal",
                "alluxio.master.mount.table.root.ufs": self.directory / "underFSStorage",
                "alluxio.user.file.writetype.default": "MUST_CACHE"}

    def arguments(self):
        return [f"-D{key}={value}" for key, value in self.properties_of_all().items()]

    def begin(self, role, *more):
        log = open(self.directory / f"{role}.out", "ab")
        environment = dict(os.environ)
        before = []
        if role == "worker":
            # With -D the process that is started is the worker, and strace goes when it goes.
            if TRACED:
                before = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-A", "-o", self.calls,
                          "-e", "trace=unlink,unlinkat,rename,renameat,renameat2,rmdir,truncate"]
            before += ["env", f"LD_PRELOAD={self.directory / 'shim.so'}"]
            environment |= {"FOLDER_FAULTS": str(self.rules), "FOLDER_LOG": str(self.unlinked)}
        return subprocess.Popen([str(c) for c in (*before, SPILLWAY, role, *self.arguments(), *more)], stdout=log, stderr=log, env=environment)

    def start_worker(self):
        self.process = self.begin(
            "worker", f"-Dalluxio.worker.hostname={self.HOST}", f"-Dalluxio.worker.rpc.port={self.PORT}",
            f"-Dalluxio.worker.web.port={self.WEB}", "-Dspillway.worker.folder.probe.interval=200ms",
            "-Dspillway.worker.stop.grace=0",
            "-Dalluxio.worker.tieredstore.level0.dirs.path=" + ",".join(map(str, self.tiers)),
            "-Dalluxio.worker.tieredstore.level0.dirs.quota=200MB")

    def stop_worker(self):
        self.process.kill()
        self.process.wait(timeout=20)

    def page(self, path, host=HOST, port=WEB):
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def shell(self, *words, check=True):
        return run([SPILLWAY, *words[:1], *self.arguments(), *words[1:]], check=check)

    def health(self):
        return json.loads(self.shell("fsadmin", "report", "health", "--json").stdout)

    def folder(self, tier):
        for worker in self.health()["workers"]:
            for folder in worker["folders"]:
                if folder["path"].startswith(str(tier)):
                    return folder
        return None

    def blocks(self):
        return sorted(path for tier in self.tiers for path in (tier / "spillwayworker" / "blocks").glob("*"))


@pytest.fixture
def cluster():
    directory = WORK / "folders"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "shim.c").write_text(SHIM)
    run(["cc", "-shared", "-fPIC", "-O1", "-o", directory / "shim.so", directory / "shim.c", "-ldl"])
    it = Folders(directory)
    it.fail()
    master = it.begin("master")
    it.start_worker()
    try:
        wait_for(lambda: it.page("/healthz")[0] == 200, "the worker")
        yield it
    finally:
        for process in (it.process, master):
            process.kill()
            process.wait(timeout=20)


def put(cluster, count):
    source = cluster.directory / "source"
    source.mkdir(exist_ok=True)
    for i in range(count):
        (source / f"f{i}").write_text(f"content {i}")
    cluster.shell("fs", "copyFromLocal", str(source), "/files")
    assert len(cluster.blocks()) == count


def readable(cluster, names):
    return [name for name in names if cluster.shell("fs", "cat", f"/files/{name}", check=False).returncode == 0]


def test_one_bad_file_and_a_dead_folder_leave_the_rest(cluster):
    put(cluster, BLOCKS)
    before = cluster.blocks()
    # All in one folder, so that the other one can be dead.
    cluster.stop_worker()
    a, b = (tier / "spillwayworker" / "blocks" for tier in cluster.tiers)
    for path in b.glob("*"):
        path.rename(a / path.name)
    bad = sorted(a.glob("*"))[17]
    cluster.unlinked.unlink(missing_ok=True)
    assert not TRACED or "rename" in cluster.calls.read_text(), "strace saw the writes"
    cluster.calls.write_text("")
    cluster.fail((EIO, "open", bad.name), (EIO, "list", str(cluster.tiers[1])), (EIO, "open", str(cluster.tiers[1])))
    cluster.start_worker()
    wait_for(lambda: cluster.page("/healthz")[0] == 200, "the worker with one folder")
    assert "FAILED" in cluster.page("/healthz")[1]
    wait_for(lambda: cluster.folder(cluster.tiers[0]) is not None, "its report")
    assert cluster.folder(cluster.tiers[0])["state"] == "SERVING"
    assert cluster.folder(cluster.tiers[0])["unreadFiles"] == 1
    assert cluster.folder(cluster.tiers[1])["state"] == "FAILED"
    assert "spillway_worker_folders_failed 1" in cluster.page("/metrics")[1]
    assert "spillway_worker_unread_files 1" in cluster.page("/metrics")[1]
    shown = cluster.shell("fsadmin", "report", "health").stdout
    assert "FAILED" in shown and "1 files cannot be read now" in shown
    everything = [f"f{i}" for i in range(BLOCKS)]
    target = cluster.directory / "target"
    cluster.shell("fs", "copyToLocal", "/files", str(target), check=False)
    back = [name for name in everything if list(target.rglob(name)) and list(target.rglob(name))[0].read_text() == f"content {name[1:]}"]
    assert len(back) >= BLOCKS - 1
    assert len(cluster.blocks()) == BLOCKS and {p.name for p in cluster.blocks()} == {p.name for p in before}
    log = cluster.unlinked.read_text() if cluster.unlinked.exists() else ""
    assert not [line for line in (log + cluster.calls.read_text()).splitlines() if "/blocks/" in line], "nothing was removed or moved away"
    cluster.fail()
    wait_for(lambda: cluster.folder(cluster.tiers[0])["unreadFiles"] == 0, "the file to be read again")
    wait_for(lambda: cluster.folder(cluster.tiers[1])["state"] == "SERVING", "the folder to be back")
    assert readable(cluster, ["f0", "f500", "f999"]) == ["f0", "f500", "f999"]


def test_a_folder_that_turns_read_only_is_served(cluster):
    put(cluster, 20)
    before = set(cluster.blocks())
    cluster.fail((EROFS, "change", str(cluster.tiers[0])), (EROFS, "change", str(cluster.tiers[1])))
    (cluster.directory / "late").write_text("late")
    # It has nowhere to go, and waits for a folder.
    late = subprocess.Popen([str(c) for c in (SPILLWAY, "fs", *cluster.arguments(), "copyFromLocal", cluster.directory / "late", "/late")])
    try:
        wait_for(lambda: cluster.page("/healthz")[0] == 503, "the worker to say that it takes nothing")
        names = [f"f{i}" for i in range(20)]
        assert readable(cluster, names) == names
        wait_for(lambda: cluster.folder(cluster.tiers[0])["state"] == "READ_ONLY", "the report of it")
        cluster.shell("fs", "rm", "/files/f3")
        wait_for(lambda: sum(cluster.folder(tier)["undeletedFiles"] for tier in cluster.tiers) == 1, "the removal to be remembered")
        assert before <= set(cluster.blocks())
        cluster.fail()
        wait_for(lambda: cluster.page("/healthz")[0] == 200, "the worker to take blocks again")
        wait_for(lambda: len(before - set(cluster.blocks())) == 1, "the removed block to go")
        assert late.wait(timeout=100) == 0
    finally:
        late.kill()
        late.wait(timeout=20)


def test_a_file_set_aside_comes_back_or_goes(cluster):
    put(cluster, 3)
    cluster.stop_worker()
    torn = cluster.blocks()[0]
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-1])
    (torn.parent / "notes").write_text("mine")
    cluster.start_worker()
    wait_for(lambda: cluster.page("/healthz")[0] == 200, "the worker")
    lost = torn.parent.parent / "lost"
    wait_for(lambda: torn.name in cluster.shell("fsadmin", "lostBlocks", "list").stdout, "the list")
    assert (lost / "notes").read_text() == "mine"
    assert cluster.shell("fsadmin", "lostBlocks", "restore", torn.name, check=False).returncode != 0
    (lost / torn.name).write_bytes(whole)
    assert "restored" in cluster.shell("fsadmin", "lostBlocks", "restore", torn.name).stdout
    assert torn.read_bytes() == whole
    assert "dropped" in cluster.shell("fsadmin", "lostBlocks", "drop", "notes").stdout
    assert not (lost / "notes").exists()
    assert "No file is set aside." in cluster.shell("fsadmin", "lostBlocks", "list").stdout
    wait_for(lambda: readable(cluster, ["f0", "f1", "f2"]) == ["f0", "f1", "f2"], "the master to hear of the block")


def test_all_folders_dead_the_worker_stays_up_and_says_so(cluster):
    put(cluster, 3)
    cluster.stop_worker()
    cluster.fail((EIO, "list", str(cluster.directory / "a")), (EIO, "list", str(cluster.directory / "b")))
    cluster.start_worker()
    wait_for(lambda: cluster.page("/healthz")[1].startswith("no storage folder takes blocks"), "the worker to say so")
    assert cluster.page("/healthz")[0] == 503
    wait_for(lambda: cluster.folder(cluster.tiers[0])["state"] == "FAILED", "the report of it")
    cluster.fail()
    wait_for(lambda: cluster.page("/healthz")[0] == 200, "the folders to be back")
    wait_for(lambda: readable(cluster, ["f0", "f1", "f2"]) == ["f0", "f1", "f2"], "the blocks to be back")


def test_phases_of_a_start_are_answered(cluster):
    """The web port answers while folders are scanned; the library holds nothing up, so the phase may be over at once."""
    cluster.stop_worker()
    cluster.start_worker()
    answers = set()

    def serving():
        code, text = cluster.page("/healthz")
        answers.add((code, text.split(":")[0]))
        return code == 200
    wait_for(serving, "the worker")
    assert {code for code, _ in answers} <= {0, 200, 503}
    assert {text for code, text in answers if code == 503} <= {"starting", "registering"}
