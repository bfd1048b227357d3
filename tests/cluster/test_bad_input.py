"""Bad input gets a clear error, the right code, and the processes stay up."""
import os
import socket
import subprocess

import pytest

from harness import ACCESS, SECRET, SPILLWAY, WORK, Cluster, VersityGw, fresh_directory, run


def start_role(role, *definitions):
    return subprocess.run([SPILLWAY, role, *[f"-D{d}" for d in definitions]], capture_output=True, text=True, timeout=60)


def test_paths(local_cluster):
    fs = local_cluster.fs
    (WORK / "small").write_bytes(b"x")
    fs("copyFromLocal", WORK / "small", "/file")
    for arguments, text in [
            (["cat", "/none"], 'Path "/none" does not exist.'),
            (["ls", "/file/below"], "Component 1(file) is a file, not a directory"),
            (["cat", "/"], "must be a file"),
            (["mkdir", "/file/below"], "is a file, not a directory"),
            (["rm", "/none"], "does not exist"),
            (["mv", "/none", "/other"], "does not exist"),
            (["mv", "/file", "/no/parent"], "does not exist"),
            (["copyFromLocal", WORK / "small", "/file"], "already exists"),
            (["copyFromLocal", "/no/such/local", "/x"], "No such file"),
            (["touch", "/" + "n" * 2000], "is longer than"),
            (["chmod", "rubbish", "/file"], "Invalid mode"),
            (["cat", "relative"], "an absolute path is needed"),
            (["noSuchCommand"], "is an unknown command"),
            (["cat"], "takes"),
            (["ls", "--sort=colour", "/"], "Invalid sort option"),
            (["head", "-c", "-5", "/file"], "-c is -5"),
            (["tail", "-c", "-5", "/file"], "-c is -5"),
            (["setReplication", "--min", "5", "--max", "2", "/file"], "Invalid values"),
            (["setReplication", "--min", "2147483647", "/file"], "--min is 2147483647"),
            (["free", "/no"], "does not exist")]:
        result = fs(*arguments, check=False)
        assert result.returncode == 255, arguments
        assert text in result.stdout, (arguments, result.stdout)
    assert fs("test", "-e", "/none", check=False).returncode == 3
    assert fs("cat", "/file").stdout == "x"
    assert fs("tail", "-c", "9e18", "/file").stdout == "x"


def test_garbageOnEveryPort(local_cluster):
    for host, port in [("127.0.0.1", 19998), ("127.0.0.1", 19999), ("127.0.0.2", 29991), ("127.0.0.2", 30991)]:
        for garbage in [b"\x00" * 4096, b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(999)]:
            with socket.create_connection((host, port), timeout=5) as connection:
                try:
                    connection.sendall(garbage)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
    assert local_cluster.fs("ls", "/").returncode == 0
    run([SPILLWAY, "local", "status", "--dir", local_cluster.directory])


def test_configuration_namesTheKey():
    for definition, text in [("spillway.tpyo=1", "spillway.tpyo"), ("alluxio.master.rpc.port=abc", "alluxio.master.rpc.port"),
                             ("alluxio.master.worker.timeout=soon", "alluxio.master.worker.timeout"), ("alluxio.worker.rpc.port=65536", "alluxio.worker.rpc.port"),
                             ("alluxio.user.block.size.bytes.default=0", "alluxio.user.block.size.bytes.default")]:
        for role in ["master", "worker", "fs"]:
            result = start_role(role, definition)
            assert result.returncode != 0 and text in result.stderr, (role, definition, result.stderr)


def test_portInUse_isNamed(local_cluster):
    work = fresh_directory("port-in-use")
    result = start_role("master", f"alluxio.work.dir={work}", "alluxio.master.web.port=0")
    assert result.returncode == 1 and "19998" in result.stderr


def test_foreignData_isRefused(local_cluster):
    journal = local_cluster.directory / "journal"
    result = start_role("master", f"alluxio.master.journal.folder={journal}", "alluxio.master.rpc.port=19997",
                        "alluxio.master.web.port=0")
    assert result.returncode == 1 and "in use by another process" in result.stderr
    local_cluster.stop()
    result = start_role("master", f"alluxio.master.journal.folder={journal}", "alluxio.master.rpc.port=19997",
                        "alluxio.master.mount.table.root.ufs=/tmp/spillway-tests/another")
    assert result.returncode == 1 and "alluxio.master.mount.table.root.ufs" in result.stderr
    local_cluster.start()


def test_workerOfAnotherCluster_isRefused(local_cluster):
    storage = fresh_directory("foreign-worker")
    (storage / "spillwayworker").mkdir()
    (storage / "spillwayworker" / "format").write_text("spillway-blocks 1")
    (storage / "spillwayworker" / "cluster").write_text("some-other-cluster")
    result = start_role("worker", "alluxio.master.hostname=127.0.0.1", "alluxio.worker.hostname=127.0.0.9",
                        f"alluxio.worker.tieredstore.level0.dirs.path={storage}", "alluxio.worker.web.port=0")
    assert result.returncode == 1 and "some-other-cluster" in result.stderr
    (storage / "spillwayworker" / "format").write_text("spillway-blocks 9")
    result = start_role("worker", f"alluxio.worker.tieredstore.level0.dirs.path={storage}", "alluxio.worker.web.port=0")
    assert result.returncode == 1 and "spillway-blocks 9" in result.stderr


@pytest.fixture(scope="module")
def gateway():
    server = VersityGw(fresh_directory("bad-input-s3"), port=7071).start()
    yield server
    server.stop()


@pytest.mark.parametrize("change,text", [
    ({"s3a.secretKey": "wrong"}, "403"), ({"alluxio.master.mount.table.root.ufs": "s3://nobucket"}, "NoSuchBucket"),
    ({"alluxio.master.mount.table.root.ufs": "ftp://x"}, "ftp://x"),
    ({"alluxio.underfs.s3.endpoint": "gopher://x"}, "alluxio.underfs.s3.endpoint")])
def test_s3Settings_refuseTheStart(gateway, change, text):
    properties = {**gateway.properties(), "alluxio.work.dir": str(fresh_directory("bad-s3")), "alluxio.master.rpc.port": "19990",
                  "alluxio.master.web.port": "0", **change}
    result = start_role("master", *[f"{k}={v}" for k, v in properties.items()])
    assert result.returncode == 1 and text in result.stderr, result.stderr
    assert ACCESS not in result.stderr.replace(gateway.endpoint, "") and SECRET not in result.stderr
