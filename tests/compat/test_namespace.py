"""The name space over a real S3 server: mounts, what others change in the bucket, permissions, attributes, names."""
import contextlib
import json
import os
import re

import boto3
import pytest

from harness import ACCESS, DURABLE3, SECRET, SPILLWAY, WORK, Cluster, VersityGw, fresh_directory, java_shell, run, wait_for

OTHERS = {"alluxio.security.login.username": "eve"}


@pytest.fixture(scope="module")
def s3_cluster(s3):
    cluster = Cluster(fresh_directory("namespace-cluster"), properties={**s3.properties(), "alluxio.master.ttl.checker.interval": "200ms"})
    try:
        cluster.start().fs("mkdir", "/mnt")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def bucket(s3):
    """The root's bucket, as another program sees it."""
    return boto3.client("s3", endpoint_url=s3.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, region_name="us-east-1")


def put(bucket, key, text):
    bucket.put_object(Bucket="bucket", Key=key, Body=text.encode())


def listed(cluster, *arguments, **properties):
    return [entry["path"] for entry in json.loads(cluster.fs("ls", "--json", *arguments, **properties).stdout)]


def write(cluster, path, text="text", **properties):
    source = WORK / "namespace-source"
    source.write_text(text)
    if path.count("/") > 1 and "alluxio.security.login.username" not in properties:
        cluster.fs("mkdir", "--", path.rsplit("/", 1)[0], check=False)
    return cluster.fs("copyFromLocal", source, path, **properties)


# --- what others change in the bucket

def test_newObjects_appearWhenAskedFor(s3_cluster, bucket):
    put(bucket, "sync/known", "1")
    s3_cluster.fs("needsSync", "/sync")
    assert listed(s3_cluster, "/sync") == ["/sync/known"]
    put(bucket, "sync/new", "12")
    assert listed(s3_cluster, "/sync") == ["/sync/known"], "what was loaded once is not looked at again by itself"
    s3_cluster.fs("loadMetadata", "/sync")
    assert listed(s3_cluster, "/sync") == ["/sync/known", "/sync/new"]


def test_syncInterval_followsTheBucket(s3_cluster, bucket):
    always = {"alluxio.user.file.metadata.sync.interval": "0"}
    put(bucket, "interval/f", "old")
    assert s3_cluster.fs("cat", "/interval/f", **always).stdout == "old"
    put(bucket, "interval/f", "newer")
    assert s3_cluster.fs("cat", "/interval/f").stdout == "old", "any age is good enough by default"
    assert s3_cluster.fs("cat", "/interval/f", **always).stdout == "newer", "bytes that workers hold of the old one are not read"
    put(bucket, "interval/g", "1")
    assert listed(s3_cluster, "/interval", **always) == ["/interval/f", "/interval/g"]
    bucket.delete_object(Bucket="bucket", Key="interval/f")
    assert s3_cluster.fs("test", "-e", "/interval/f", check=False, **always).returncode == 3


def test_needsSync_onceThenNotAgain(s3_cluster, bucket):
    put(bucket, "needs/a", "1")
    s3_cluster.fs("needsSync", "/needs")
    listed(s3_cluster, "/needs")
    put(bucket, "needs/b", "1")
    s3_cluster.fs("needsSync", "/needs")
    assert listed(s3_cluster, "/needs") == ["/needs/a", "/needs/b"]
    put(bucket, "needs/c", "1")
    assert listed(s3_cluster, "/needs") == ["/needs/a", "/needs/b"]


def test_backgroundSync_tellsHowFarItIs(s3_cluster, bucket):
    for i in range(20):
        put(bucket, f"background/d{i % 4}/f{i}", "1")
    out = s3_cluster.fs("loadMetadata", "-R", "-a", "-p", "50", "/").stdout
    assert "Submitted as sync" in out and "SUCCEEDED" in out
    assert len(listed(s3_cluster, "-R", "/background")) == 24
    number = re.search(r"Submitted as sync (\d+)", out)[1]
    assert "SUCCEEDED" in s3_cluster.fs("loadMetadata", "-o", "get", "-id", number).stdout


def test_checkConsistency_findsAndRepairs(s3_cluster, bucket):
    write(s3_cluster, "/consistent/f", "mine")
    s3_cluster.await_persisted("/consistent/f")
    assert "is consistent" in s3_cluster.fs("checkConsistency", "/consistent").stdout
    put(bucket, "consistent/f", "somebody else's")
    assert "/consistent/f" in s3_cluster.fs("checkConsistency", "/consistent").stdout
    assert "repaired" in s3_cluster.fs("checkConsistency", "-r", "/consistent").stdout
    assert s3_cluster.fs("cat", "/consistent/f").stdout == "somebody else's"


def test_unpersistedFiles_areNotGivenUpForWhatIsInTheBucket(s3_cluster, bucket):
    write(s3_cluster, "/kept/f", "acknowledged", **{"alluxio.user.file.persistence.initial.wait.time": "-1"})
    put(bucket, "kept/f", "foreign")
    s3_cluster.fs("loadMetadata", "-R", "-F", "/kept")
    assert s3_cluster.fs("cat", "/kept/f").stdout == "acknowledged"
    s3_cluster.fs("rm", "/kept/f")


def test_directoriesWithAndWithoutMarkers(s3_cluster, bucket):
    bucket.put_object(Bucket="bucket", Key="marked/empty/")
    put(bucket, "marked/plain/f", "1")
    s3_cluster.fs("needsSync", "/marked")
    assert listed(s3_cluster, "/marked") == ["/marked/empty", "/marked/plain"]
    assert listed(s3_cluster, "/marked/empty") == []
    s3_cluster.fs("rm", "-R", "/marked")

    def left():
        return [item["Key"] for item in bucket.list_objects_v2(Bucket="bucket", Prefix="marked/").get("Contents", [])]
    wait_for(lambda: not left(), "objects and markers to be deleted")


# --- mounts

@pytest.fixture(scope="module")
def second_store():
    """Another S3 server with credentials of its own."""
    server = VersityGw(fresh_directory("namespace-second-s3"), port=7071)
    server.start()
    yield server
    server.stop()


def test_mounts_withOptionsOfTheirOwn(s3_cluster, second_store):
    properties = second_store.properties()
    options = [word for key in ("alluxio.underfs.s3.endpoint", "s3a.accessKeyId", "s3a.secretKey", "alluxio.underfs.s3.disable.dns.buckets")
               for word in ("--option", f"{key}={properties[key]}")]
    refused = s3_cluster.fs("mount", *options[:2], "--option", "s3a.accessKeyId=nobody", "--option", "s3a.secretKey=wrong", "/mnt/second",
                            "s3://bucket/data", check=False)
    assert refused.returncode == 255 and "Cannot mount" in refused.stdout
    s3_cluster.fs("mount", *options, "/mnt/second", "s3://bucket/elsewhere", check=False)
    mounted = s3_cluster.fs("mount").stdout
    assert "/mnt/second" in mounted or "s3://bucket" in mounted
    assert SECRET not in mounted and SECRET not in s3_cluster.fs("mount", "--json").stdout


def test_mount_writeReadAndUnmount(s3, s3_cluster):
    (s3.directory / "data" / "other").mkdir(exist_ok=True)
    (s3.directory / "data" / "other" / "old").write_text("there before")
    s3_cluster.fs("mount", "/mnt/other", "s3://other")
    assert s3_cluster.fs("cat", "/mnt/other/old").stdout == "there before"
    write(s3_cluster, "/mnt/other/new", "written", **DURABLE3)
    assert len(s3_cluster.locations("/mnt/other/new")) == 3
    assert "Unmounted" in s3_cluster.fs("unmount", "/mnt/other").stdout, "once what was acknowledged is there"
    assert (s3.directory / "data" / "other" / "new").read_text() == "written"
    s3_cluster.fs("mount", "--readonly", "/mnt/other", "s3://other")
    assert s3_cluster.fs("cat", "/mnt/other/new").stdout == "written"
    assert "read-only" in write_refused(s3_cluster, "/mnt/other/x")
    assert s3_cluster.fs("rm", "/mnt/other/new", check=False).returncode == 255
    s3_cluster.restart("master")
    assert s3_cluster.fs("cat", "/mnt/other/new").stdout == "written", "mounts outlive the master"
    s3_cluster.fs("updateMount", "/mnt/other")
    write(s3_cluster, "/mnt/other/x")
    s3_cluster.await_persisted("/mnt/other/x")
    s3_cluster.fs("rm", "-R", "-m", "/mnt/other")
    assert (s3.directory / "data" / "other" / "new").exists(), "the store keeps what it has"


def write_refused(cluster, path, text="x", **properties):
    source = WORK / "namespace-source"
    source.write_text(text)
    result = cluster.fs("copyFromLocal", source, path, check=False, **properties)
    assert result.returncode == 255
    return result.stdout


# --- who may do what

def test_permissions_andAcls(s3_cluster):
    s3_cluster.fs("mkdir", "/perm")
    write(s3_cluster, "/perm/f")
    s3_cluster.fs("chmod", "700", "/perm")
    assert "Permission denied" in s3_cluster.fs("cat", "/perm/f", check=False, **OTHERS).stdout
    s3_cluster.fs("setfacl", "-m", "user:eve:r-x", "/perm")
    assert s3_cluster.fs("cat", "/perm/f", **OTHERS).stdout == "text"
    assert "Permission denied" in write_refused(s3_cluster, "/perm/g", **OTHERS)
    s3_cluster.fs("setfacl", "-d", "-m", "user:eve:rwx", "/perm")
    s3_cluster.fs("mkdir", "/perm/inherits")
    assert "default:user:eve:rwx" in s3_cluster.fs("getfacl", "/perm/inherits").stdout
    s3_cluster.fs("setfacl", "-m", "mask::rwx", "/perm/inherits")
    write(s3_cluster, "/perm/inherits/mine", **OTHERS)
    assert "owner=eve" in s3_cluster.fs("stat", "/perm/inherits/mine").stdout
    assert s3_cluster.fs("chmod", "777", "/perm/f", check=False, **OTHERS).returncode == 255, "only the owner may"
    assert s3_cluster.fs("chown", "ann", "/perm/inherits/mine", check=False, **OTHERS).returncode == 255, "only a superuser may"
    s3_cluster.fs("setfacl", "-b", "/perm")
    assert "Permission denied" in s3_cluster.fs("cat", "/perm/f", check=False, **OTHERS).stdout


def test_umask_andSupergroup(s3_cluster):
    write(s3_cluster, "/perm-umask")
    assert "-rw-r--r--" in s3_cluster.fs("ls", "/perm-umask").stdout
    assert s3_cluster.fs("chown", "ann:staff", "/perm-umask").returncode == 0, "who started the master may"


# --- attributes

def test_pin_keepsFromBeingFreed(s3_cluster):
    write(s3_cluster, "/pinned")
    s3_cluster.await_persisted("/pinned")
    s3_cluster.fs("pin", "/pinned")
    assert "pinned" in s3_cluster.fs("free", "/pinned", check=False).stdout
    assert s3_cluster.locations("/pinned")
    s3_cluster.fs("unpin", "/pinned")
    s3_cluster.fs("free", "/pinned")
    wait_for(lambda: not s3_cluster.locations("/pinned"), "the copies to go")


def test_setReplication_healsAndTrims(s3_cluster):
    write(s3_cluster, "/copies", **{"alluxio.user.file.replication.durable": "1"})
    s3_cluster.await_persisted("/copies")
    s3_cluster.fs("setReplication", "--min", "3", "/copies")
    wait_for(lambda: len(s3_cluster.locations("/copies")) == 3, "three copies")
    s3_cluster.fs("setReplication", "--min", "0", "--max", "1", "/copies")
    wait_for(lambda: len(s3_cluster.locations("/copies")) == 1, "one copy")


def test_ttl_itsThreeActions(s3, s3_cluster):
    for action in ("delete", "free", "deleteAlluxio"):
        write(s3_cluster, f"/ttl-{action}")
        s3_cluster.await_persisted(f"/ttl-{action}")
        s3_cluster.fs("setTtl", "--action", action, f"/ttl-{action}", "1")
    wait_for(lambda: s3_cluster.fs("test", "-e", "/ttl-delete", check=False).returncode == 3, "delete")
    wait_for(lambda: not s3.path("ttl-delete").exists(), "the object to be deleted")
    wait_for(lambda: not s3_cluster.locations("/ttl-free"), "free")
    assert s3_cluster.fs("cat", "/ttl-free").stdout == "text"
    wait_for(lambda: s3_cluster.fs("test", "-e", "/ttl-deleteAlluxio", check=False).returncode == 3, "deleteAlluxio")
    assert s3.path("ttl-deleteAlluxio").exists()


# --- names

NAMES = ["sp ace", "ümläut", "日本語", "emoji-🎉", "a+b=c&d", "per%20cent", "quote'\"", "star", "tilde~", "semi;colon,", "#hash?", "-dash"]


@pytest.mark.parametrize("name", NAMES)
def test_names_inAnyUtf8(s3, s3_cluster, bucket, name):
    write(s3_cluster, f"/names/{name}/f {name}", name)
    assert s3_cluster.fs("cat", f"/names/{name}/f {name}").stdout == name
    s3_cluster.await_persisted(f"/names/{name}/f {name}")
    assert bucket.get_object(Bucket="bucket", Key=f"names/{name}/f {name}")["Body"].read().decode() == name
    s3_cluster.fs("mv", f"/names/{name}/f {name}", f"/names/{name}/moved")
    wait_for(lambda: s3.path(f"names/{name}/moved").exists() and not s3.path(f"names/{name}/f {name}").exists(), "the object to move")


def test_keysBeyond1024Bytes_areRefusedEarly(s3_cluster):
    deep = "/long" + "/" + "/".join(["x" * 200] * 5)  # 1,009 bytes of key
    write(s3_cluster, deep)
    s3_cluster.await_persisted(deep)
    for path in (deep + "y" * 16, deep.rsplit("/", 1)[0] + "/" + "ü" * 112):
        assert "S3 takes 1 to 1024" in write_refused(s3_cluster, path)
    assert "S3 takes 1 to 1024" in s3_cluster.fs("mkdir", deep[:-200] + "d" * 220, check=False).stdout
    refused = s3_cluster.fs("mv", "/long", "/" + "l" * 30, check=False)
    assert refused.returncode == 255 and "S3 takes 1 to 1024" in refused.stdout, "a rename that makes one is refused as a whole"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(WORK / "namespace-source")


def test_quotas_onFilesAndBytes(s3_cluster):
    def admin(*words, check=True):
        return run([SPILLWAY, "fsadmin", *words], check=check)
    s3_cluster.fs("mkdir", "/quota")
    admin("quota", "--files", "2", "--bytes", "10B", "/quota")
    write(s3_cluster, "/quota/a", "12345")
    refused = write_refused(s3_cluster, "/quota/b", text="123456")
    assert "quota of /quota is 10 bytes" in refused
    write(s3_cluster, "/quota/b", "1234")
    assert "quota of /quota is 2 files" in write_refused(s3_cluster, "/quota/c")
    assert java_shell("copyFromLocal", WORK / "namespace-source", "/quota/c", check=False).returncode == 255
    assert "files: 2 of 2  bytes: 9B of 10B" in admin("quota", "/").stdout
    s3_cluster.restart("master")
    assert "files: 2 of 2" in admin("quota", "/quota").stdout
    admin("quota", "--clear", "/quota")
    write(s3_cluster, "/quota/c")
