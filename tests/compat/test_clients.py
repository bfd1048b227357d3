"""Every published version of the client, and the ways in which clients are set up."""
import os

import pytest

from harness import CACHE, DURABLE3, ROOT, Cluster, fresh_directory, java_options, run
from shells import java_classes

# make compat fetches the others too and says so here: none may be missing then.
VERSIONS = os.environ.get("SPILLWAY_CLIENT_VERSIONS", "2.9.3").split(",")


# Versions before 2.9.3 look into the JVM.
EXPORTS = "--add-exports=java.management/sun.management=ALL-UNNAMED"


def client_jar(version):
    name = f"alluxio-shaded-client-{version}.jar"
    return next(path for path in (CACHE / "jars" / name, CACHE / "clients" / name) if path.exists())


def use_client(version, directory, *arguments, uri="alluxio://127.0.0.1:19998/", replicas=DURABLE3, **properties):
    hadoop = f"{client_jar(version)}:{CACHE}/jars/hadoop/*"
    classes = java_classes(ROOT / "tests/compat/hadoop/ClientCheck.java", hadoop, "client-check-classes")
    result = run(["java", *[o for o in java_options() if "master.hostname" not in o], EXPORTS, "-cp", f"{classes}:{hadoop}", "ClientCheck", uri, directory,
                  *[f"{k}={v}" for k, v in {**replicas, **properties}.items()], *arguments], timeout=120, check=False)
    assert "CLIENT OK" in result.stdout, result.stdout[-1500:] + result.stderr[-1500:]


@pytest.fixture(scope="module")
def cluster():
    user = os.environ.get("USER", "root")
    cluster = Cluster(fresh_directory("clients-cluster"), properties={f"alluxio.master.security.impersonation.{user}.users": "ann,bob"})
    try:
        cluster.start()
        cluster.fs("mkdir", "/home")
        cluster.fs("chmod", "777", "/home")
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.parametrize("version", VERSIONS)
def test_version(cluster, version):
    use_client(version, f"/home/v{version}")
    assert len(cluster.locations(f"/home/v{version}/b/c/moved")) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_shortCircuit(cluster, version):
    use_client(version, f"/home/sc{version}", **{"alluxio.user.hostname": "127.0.0.2"})


def test_severalMastersNamed_theFirstIsDown(cluster):
    use_client("2.9.3", "/home/ha", uri="alluxio://127.0.0.1:19990,127.0.0.1:19998/")
    use_client("2.9.3", "/home/ha2", uri="alluxio:///", **{"alluxio.master.rpc.addresses": "127.0.0.1:19990,127.0.0.1:19998"})


def test_proxyUsers(cluster):
    use_client("2.9.3", "/home/proxy", "as=ann")
    assert "owner=ann" in cluster.fs("stat", "/home/proxy/empty").stdout
    assert "owner=ann" in cluster.fs("stat", "/home/proxy/b").stdout


def test_pathConfiguration(cluster):
    run([os.environ.get("SPILLWAY_BIN", ROOT / "bin/spillway"), "fsadmin", "pathConf", "add", "--property",
         "alluxio.user.file.replication.durable=1", "/home/path"])
    use_client("2.9.3", "/home/path", replicas={})
    assert len(cluster.locations("/home/path/b/c/moved")) == 1
