"""The stock Java client beyond the main job: write types, short circuit, reads of its own and our files."""
import os
import re

import pytest

from harness import ACCESS, CACHE, DURABLE3, ROOT, WORK, java_options, java_shell, run, wait_for


@pytest.fixture(scope="module")
def source():
    path = WORK / "java-client-source"
    path.write_bytes(os.urandom(3 << 20))
    return path


@pytest.mark.parametrize("kind,state", [("MUST_CACHE", "NOT_PERSISTED"), ("CACHE_THROUGH", "PERSISTED"), ("THROUGH", "PERSISTED")])
def test_writeTypes(s3, s3_cluster, source, kind, state):
    path = f"/wt-{kind}"
    java_shell("copyFromLocal", source, path, **{"alluxio.user.file.writetype.default": kind})
    assert s3_cluster.state(path) == state
    assert len(s3_cluster.locations(path)) == (0 if kind == "THROUGH" else 1)
    assert s3.path(path[1:]).exists() == (state == "PERSISTED")
    if state == "PERSISTED":
        assert s3.path(path[1:]).read_bytes() == source.read_bytes()
    assert s3_cluster.fs("cat", path, text=False).stdout == source.read_bytes()
    out = WORK / "java-client-out"
    out.unlink(missing_ok=True)
    java_shell("copyToLocal", path, out)
    assert out.read_bytes() == source.read_bytes()


def test_throughEmptyFile(s3, s3_cluster):
    (WORK / "java-empty").write_bytes(b"")
    java_shell("copyFromLocal", WORK / "java-empty", "/wt-empty", **{"alluxio.user.file.writetype.default": "THROUGH"})
    assert s3.path("wt-empty").stat().st_size == 0


def test_shortCircuit_writesAndReadsTheFileItself(s3, s3_cluster, source):
    local = {"alluxio.user.hostname": "127.0.0.2"}
    java_shell("copyFromLocal", source, "/sc", **DURABLE3, **local)
    assert sorted(s3_cluster.locations("/sc")) == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    s3_cluster.await_persisted("/sc")
    assert s3.path("sc").read_bytes() == source.read_bytes()
    out = WORK / "java-sc-out"
    out.unlink(missing_ok=True)
    java_shell("copyToLocal", "/sc", out, **local)
    assert out.read_bytes() == source.read_bytes()


def test_readFromS3_afterFree(s3, s3_cluster, source):
    java_shell("copyFromLocal", source, "/freed", **DURABLE3)
    s3_cluster.await_persisted("/freed")
    java_shell("free", "/freed")
    assert s3_cluster.locations("/freed") == []
    out = WORK / "java-freed-out"
    out.unlink(missing_ok=True)
    java_shell("copyToLocal", "/freed", out)
    assert out.read_bytes() == source.read_bytes()


def test_commands_answerAsOurs(s3_cluster):
    java_shell("mkdir", "/cmp/d")
    java_shell("touch", "/cmp/f")
    s3_cluster.await_persisted("/cmp/f")
    mask = re.compile(r"creationTimeMs=\d+|lastModificationTimesMs=\d+|lastAccessTimesMs=\d+")
    for command in [["ls", "-R", "/cmp"], ["ls", "/cmp/f"], ["count", "/cmp"], ["du", "/cmp"], ["test", "-d", "/cmp/f"], ["test", "-e", "/no"],
                    ["stat", "-f", "%N %z %b %u %g", "/cmp/f"], ["checksum", "/cmp/f"], ["getCapacityBytes"], ["cat", "/none"],
                    ["mkdir", "/cmp/d"], ["rm", "/cmp"], ["location", "/cmp/f"], ["leader"]]:
        ours = s3_cluster.fs(*command, check=False)
        theirs = java_shell(*command, check=False)
        assert mask.sub("", ours.stdout).rstrip() == mask.sub("", theirs.stdout).rstrip(), command
        assert ours.returncode == theirs.returncode, command


def test_loadsAreSubmittedToTheWorkers(s3, s3_cluster, source):
    s3.path("loads").mkdir()
    for i in range(3):
        s3.path(f"loads/f{i}").write_bytes(source.read_bytes())
    s3_cluster.fs("needsSync", "/loads")
    assert "successfully submitted" in java_shell("load", "/loads", "--submit").stdout
    wait_for(lambda: "SUCCEEDED" in java_shell("load", "/loads", "--progress").stdout, "the load")
    for i in range(3):
        assert len(s3_cluster.locations(f"/loads/f{i}")) == 1
    assert '"SUCCEEDED"' in java_shell("load", "/loads", "--progress", "--format", "JSON").stdout
    java_shell("load", "/loads", "--stop")
    java_shell("free", "/loads")
    wait_for(lambda: not s3_cluster.locations("/loads/f0"), "the copies to go")
    assert "Total completed file count is 3" in s3_cluster.fs("distributedLoad", "--replication", "2", "/loads").stdout
    assert all(len(s3_cluster.locations(f"/loads/f{i}")) == 2 for i in range(3))


def test_freeWorker_leavesWhatIsNeeded(s3_cluster, source):
    late = {"alluxio.user.file.persistence.initial.wait.time": "-1"}
    java_shell("copyFromLocal", source, "/free-persisted", **DURABLE3)
    s3_cluster.await_persisted("/free-persisted")
    java_shell("copyFromLocal", source, "/free-dirty", **DURABLE3, **late)
    assert java_shell("freeWorker", "127.0.0.2").returncode == 0
    wait_for(lambda: "127.0.0.2" not in s3_cluster.locations("/free-persisted"), "the copy to go")
    assert len(s3_cluster.locations("/free-dirty")) == 3, "not persisted: it stays"


def test_distributedCp_isCarriedOutByTheWorkers(s3, s3_cluster, source):
    """Alluxio's shell submits it to its job service, whose port our master answers."""
    for name in ("a", "d/b", "d/empty/c"):
        java_shell("mkdir", f"/dcp/{name.rpartition('/')[0]}")
        java_shell("copyFromLocal", source, f"/dcp/{name}", **DURABLE3)
    copied = java_shell("distributedCp", "/dcp", "/dcp-copy").stdout
    assert "Total completed file count is 3, failed file count is 0" in copied
    again = java_shell("distributedCp", "--overwrite", "false", "/dcp", "/dcp-copy").stdout
    assert "Total completed file count is 0, failed file count is 3" in again
    assert "Total completed file count is 3" in s3_cluster.fs("distributedCp", "/dcp", "/dcp-ours", **DURABLE3).stdout
    for copy in ("dcp-copy", "dcp-ours"):
        for name in ("a", "d/b", "d/empty/c"):
            s3_cluster.await_persisted(f"/{copy}/{name}")
            assert s3.path(f"{copy}/{name}").read_bytes() == source.read_bytes()
    assert len(s3_cluster.locations("/dcp-ours/a")) == 3
    through = {"alluxio.user.file.writetype.default": "CACHE_THROUGH"}
    java_shell("distributedCp", "/dcp/a", "/dcp-through", **through)
    assert s3_cluster.state("/dcp-through") == "PERSISTED", "it ends when all of it is"


def test_jobMasterClient_asProgramsUseIt(s3, s3_cluster, source):
    s3.path("jobs").mkdir()
    s3.path("jobs/f").write_bytes(source.read_bytes())
    s3_cluster.fs("needsSync", "/jobs")
    ran = run(["java", *java_options(), "-cp", f"{CACHE}/jars/shell/*", ROOT / "tests/compat/JobClient.java", "/jobs/f"])
    assert "JOBS OK" in ran.stdout
    assert len(s3_cluster.locations("/jobs/f")) == 2
    assert s3.path("jobs/f-copy").read_bytes() == source.read_bytes()


def test_metadataCommands(s3_cluster):
    java_shell("touch", "/mc")
    assert java_shell("chmod", "600", "/mc").stdout == "Changed permission of /mc to 600\n"
    assert "-rw-------" in s3_cluster.fs("ls", "/mc").stdout
    assert "successfully pinned" in java_shell("pin", "/mc").stdout
    assert "pinned=true" in s3_cluster.fs("stat", "/mc").stdout
    assert "successfully unpinned" in java_shell("unpin", "/mc").stdout
    java_shell("setTtl", "/mc", "3600000")
    assert "ttl=3600000" in s3_cluster.fs("stat", "/mc").stdout
    java_shell("setReplication", "--min", "1", "--max", "2", "/mc")
    assert "replicationMax=2, replicationMin=1" in s3_cluster.fs("stat", "/mc").stdout
    assert java_shell("mv", "/mc", "/mc2").stdout == "Renamed /mc to /mc2\n"
    assert java_shell("rm", "/mc2").stdout == "/mc2 has been removed\n"
    refused = java_shell("startSync", "/", check=False, timeout=30)
    assert refused.returncode == 255 and "does not tell of changes" in refused.stdout, "at once, not after two minutes"
    assert ACCESS not in java_shell("ls", "/").stderr
