"""Clients and servers without authentication."""
from harness import DURABLE3, WORK, Cluster, fresh_directory, java_shell


def test_bothShells():
    nosasl = {"alluxio.security.authentication.type": "NOSASL"}
    cluster = Cluster(fresh_directory("nosasl"), properties=nosasl)
    source = WORK / "nosasl-source"
    source.write_bytes(b"no questions asked")
    try:
        cluster.start()
        java_shell("copyFromLocal", source, "/java", **DURABLE3, **nosasl)
        cluster.fs("copyFromLocal", source, "/ours", **DURABLE3, **nosasl)
        assert cluster.fs("cat", "/java", **nosasl).stdout == java_shell("cat", "/ours", **nosasl).stdout == source.read_text()
        assert len(cluster.locations("/java", shell=lambda *a: cluster.fs(*a, **nosasl))) == 3
    finally:
        cluster.stop()
