"""A cluster over an S3 store that holds the client to every rule, and whose answers tests deform.

One cluster and one store for all; each test has a mount and a prefix of its own.
"""
import collections
import json
import os
import re

import pytest

from harness import SPILLWAY, Cluster, fresh_directory, run, wait_for
from strict_store import NO_CONDITIONS, StrictStore

MB = 1 << 20
HANG_S = int(os.environ.get("SPILLWAY_TEST_HANG_S", "12"))            # how long a completion hangs
COPY_DELAY_S = int(os.environ.get("SPILLWAY_TEST_COPY_DELAY_S", "1"))  # how long one copy request takes
UNKNOWN_S = HANG_S + 18  # how long an unanswered call may still have its effect
FAST = {"alluxio.user.rpc.retry.max.duration": "1s"}
SYNC = {"alluxio.user.file.metadata.sync.interval": "0"}
DURABLE = {"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.file.replication.durable": "2"}


@pytest.fixture(scope="module")
def process():
    server = StrictStore(fresh_directory("strict-store")).start()
    yield server
    server.stop()


@pytest.fixture()
def store(process):
    process.be_good()
    yield process
    process.be_good()


@pytest.fixture(scope="module")
def cluster(process):
    it = Cluster(fresh_directory("strict-cluster"), workers=2, properties={
        **process.properties(), "alluxio.master.mount.table.root.ufs": "s3://bucket/root", "alluxio.worker.ramdisk.size": "256MB",
        "alluxio.underfs.s3.request.timeout": "3s", "spillway.underfs.retry.max.duration": "1s",
        "spillway.master.persist.retry.interval.max": "1s", "spillway.underfs.multipart.part.size": "5MB",
        "spillway.underfs.unknown.outcome.wait": f"{UNKNOWN_S}s"})
    try:
        yield it.start()
    finally:
        it.stop()


class Mount:
    """The test's own mount, /name over s3://bucket/name."""

    def __init__(self, cluster, store, name):
        self.cluster, self.store, self.name = cluster, store, name
        self.root, self.prefix = f"/{name}", f"{name}/"
        self.source = cluster.directory / f"source-{name}"

    def begin(self, **options):
        """Options have __ where their names have a dot."""
        words = [word for key, value in options.items() for word in ("--option", f"{key.replace('__', '.')}={value}")]
        self.cluster.fs("mount", *words, self.root, f"s3://bucket/{self.name}")
        return self

    def fs(self, verb, *arguments, **properties):
        """Arguments after the flags are paths below the mount."""
        words = [a if str(a).startswith("-") or a.isdigit() else f"{self.root}/{a}".rstrip("/") for a in arguments]
        return self.cluster.fs(verb, *words, **properties)

    def write(self, name, data, **properties):
        self.source.write_bytes(data)
        self.cluster.fs("copyFromLocal", self.source, f"{self.root}/{name}", **{**DURABLE, **properties})

    def overwrite(self, name, data):
        """What a writer with overwrite=true does; the new bytes come from a file that is in no store."""
        other = f"/new-content-{self.name}"
        self.source.write_bytes(data)
        self.cluster.fs("copyFromLocal", self.source, other, **{"alluxio.user.file.writetype.default": "MUST_CACHE"})
        self.cluster.fs("cp", "--overwrite", other, f"{self.root}/{name}", **DURABLE)
        self.cluster.fs("rm", other)

    def await_persisted(self, name, timeout=60):
        self.cluster.await_persisted(f"{self.root}/{name}", timeout)

    def persisted(self, name, data, **properties):
        self.write(name, data, **properties)
        self.await_persisted(name)

    def read(self, name):
        return self.fs("cat", name, text=False).stdout

    def names(self, folder="", **properties):
        """The entries of a folder by name."""
        return {entry["name"]: entry for entry in json.loads(self.fs("ls", "--json", folder, **properties).stdout)}

    def stat(self, name):
        return json.loads(self.fs("stat", "--json", name).stdout)

    def state(self, name):
        return self.stat(name)["persistenceState"]

    def objects(self):
        return {key[len(self.prefix):]: item for key, item in self.store.objects(self.prefix).items()}

    def await_objects(self, *names, timeout=60):
        wait_for(lambda: set(self.objects()) == set(names), f"{self.prefix} to hold {sorted(names)} alone", timeout)

    def holds(self, name, data):
        return self.store.holds(self.prefix + name, data)

    def report(self):
        """What fsadmin report store says of this mount."""
        reports = json.loads(run([SPILLWAY, "fsadmin", "report", "store", "--json", "-n", "1000"]).stdout)
        return next(report for report in reports if report["path"] == self.root)

    def await_profile(self):
        wait_for(lambda: "unknown" not in self.report()["features"].values(), "the profile to be known", 20)


@pytest.fixture()
def mount(request, cluster, store):
    return Mount(cluster, store, re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-").lower())


def cause_of(path):
    """Why a file is not persisted, by fsadmin report persist."""
    files = json.loads(run([SPILLWAY, "fsadmin", "report", "persist", "--json", "-n", "1000"]).stdout)["files"]
    return next((file.get("lastError", "") for file in files if file["path"] == path), "")


def with_blocks_of(size):
    return {"alluxio.user.block.size.bytes.default": str(size)}


def without_whereabouts(files):
    """The files but for where copies are: a pinned file is fetched in the background, whatever the store lists."""
    return {name: {key: [{k: v for k, v in block.items() if k != "locations"} for block in value] if key == "blocks" else value
                   for key, value in file.items() if key not in ("inAlluxioPercentage", "inMemoryPercentage")}
            for name, file in files.items()}


# Listings and other answers


@pytest.mark.parametrize("lie", ["error_with_200", "html_page"])
def test_listingIsNoListing_folderIsNotEmpty_syncDropsNothing(lie, store, mount):
    for i in range(5):
        store.put(f"{mount.prefix}d/f{i}", b"x" * i)
    mount.begin()
    mount.await_profile()
    store.rule("ListObjectsV2", lie, key=mount.prefix + "*", count=-1)
    failed = mount.fs("ls", "d", check=False, **FAST)
    assert failed.returncode == 255 and "Cannot load s3://" in failed.stdout and "no usable answer" in failed.stdout, failed.stdout
    store.clear_rules()
    assert set(mount.names("d")) == {f"f{i}" for i in range(5)}
    mount.fs("chmod", "640", "d/f1")
    mount.fs("setTtl", "d/f1", "86400000")
    mount.fs("pin", "d/f1")
    before = mount.names("d")
    store.rule("ListObjectsV2", lie, key=mount.prefix + "*", count=-1)
    assert mount.fs("loadMetadata", "-R", "-F", "d", check=False, **FAST).returncode == 255
    mount.fs("ls", "d", check=False, **FAST, **SYNC)
    assert set(mount.names("d")) == set(before), "what is known is known still"
    store.clear_rules()
    mount.fs("loadMetadata", "-R", "-F", "d")
    assert without_whereabouts(mount.names("d", **SYNC)) == without_whereabouts(before)
    assert before["f1"]["pinned"] and before["f1"]["ttlMs"] == 86_400_000 and before["f1"]["mode"] == "640"


def test_probeAnsweredByAPage_isNotBelieved(store, cluster, mount):
    log = cluster.directory / "logs" / "master.log"
    known = log.stat().st_size
    store.rule("ListObjectsV2", "html_page", key=mount.prefix + ".spillway-probe*")
    mount.begin()
    store.await_rules_met()
    wait_for(lambda: mount.report()["features"]["list-v2"] != "unknown" or b"cannot be probed" in log.read_bytes()[known:], "the probe", 20)
    assert mount.report()["features"]["list-v2"] != "no"


def test_rangeIgnored_readsAreRight(store, mount):
    store.profile(range="ignore")
    foreign, data = os.urandom(3 * MB), os.urandom(2 * MB + 1000)
    store.put(mount.prefix + "foreign", foreign)
    mount.begin()
    assert mount.fs("head", "-c", "1000", "foreign", text=False).stdout == foreign[:1000]
    assert mount.fs("tail", "-c", "1000", "foreign", text=False).stdout == foreign[-1000:]
    assert mount.read("foreign") == foreign
    mount.persisted("own", data, **with_blocks_of(MB))
    mount.fs("free", "own")
    assert mount.fs("tail", "-c", "1000", "own", text=False).stdout == data[-1000:]
    assert mount.read("own") == data


@pytest.mark.parametrize("v2", ["refuse", "ignore"])
def test_listingOfTheFirstVersionAlone_showsAll(v2, store, mount):
    store.profile(list_v2=v2)
    for i in range(2500):
        store.put(f"{mount.prefix}many/f{i:04}", b"")
    mount.begin()
    assert set(mount.names("many")) == {f"f{i:04}" for i in range(2500)}


def test_absurdSizeInAListing_masterSurvives(store, cluster, mount):
    values = ["-1", "99999999999999999999", "9223372036854775807", "1e3", ""]
    for i in range(len(values)):
        store.put(f"{mount.prefix}d{i}/f", b"four")
    mount.begin()
    pid = cluster.pid("master")
    for i, value in enumerate(values):
        store.rule("ListObjectsV2", "field_absurd", key=f"{mount.prefix}d{i}/", name="Size", value=value, count=-1)
        result = mount.fs("ls", f"d{i}", check=False, **FAST)
        assert result.returncode in (0, 255) and result.stdout, value
        store.clear_rules()
        assert mount.names(f"d{i}", **SYNC)["f"]["length"] == 4, value
        assert mount.read(f"d{i}/f") == b"four"
    assert os.path.exists(f"/proc/{pid}") and cluster.pid("master") == pid


def test_deleteAnsweredWithoutKeys_masterSurvives_objectsGo(store, cluster, mount):
    mount.begin(**{"spillway__underfs__s3__feature__multi-delete-if-match": "true"})
    pid = cluster.pid("master")
    for i in range(2):
        store.profile(multi_delete_etag="refuse" if i == 0 else "yes")  # <Error>s alone, then <Deleted>s
        mount.source.mkdir()
        for name in range(10):
            (mount.source / f"f{name}").write_bytes(os.urandom(10))
        cluster.fs("copyFromLocal", mount.source, f"{mount.root}/d{i}", **DURABLE)
        cluster.fs("persist", "--wait", f"{mount.root}/d{i}")
        assert len(mount.objects()) == 10
        store.rule("DeleteObjects", "field_missing", name="Key")
        mount.fs("rm", "-R", f"d{i}")
        store.await_rules_met()
        store.profile(multi_delete_etag="yes")
        mount.await_objects()
        for file in mount.source.iterdir():
            file.unlink()
        mount.source.rmdir()
    run([SPILLWAY, "fs", "ls", "/"])
    assert os.path.exists(f"/proc/{pid}") and cluster.pid("master") == pid


# Writing


def test_putAnsweredByAPage_isNotPersistedOnThatWord(store, mount):
    mount.begin()
    data = os.urandom(5000)
    store.rule("PutObject", "html_page", key=mount.prefix + "f", count=-1, effect=False)
    mount.write("f", data)
    wait_for(lambda: len(store.requests(mount.prefix + "f", "PutObject")) >= 2, "the retry")
    assert mount.state("f") == "TO_BE_PERSISTED" and mount.objects() == {}
    store.clear_rules()
    mount.await_persisted("f")
    assert mount.holds("f", data)
    mount.fs("free", "f")
    assert mount.read("f") == data


def test_overwriteOfAnObjectThatOthersDeleted_isPersisted(store, mount):
    mount.begin()
    mount.persisted("f", b"old")
    store.remove(mount.prefix + "f")
    mount.overwrite("f", b"new content")
    mount.await_persisted("f")
    assert mount.holds("f", b"new content")


@pytest.mark.parametrize("conditions", [True, False])
def test_putWithoutAnswer_isNoConflictWithOurselves(conditions, store, cluster, mount):
    store.profile(checksums="refuse", **({} if conditions else {name: "ignore" for name in NO_CONDITIONS}))
    mount.begin()
    data = os.urandom(5000)
    log = cluster.directory / "logs" / "master.log"
    known = log.stat().st_size
    store.rule("PutObject", "effect_no_answer", key=mount.prefix + "f")
    mount.write("f", data)
    mount.await_persisted("f")
    assert store.rules() == [] and mount.holds("f", data)
    assert b"Somebody else" not in log.read_bytes()[known:]
    mount.fs("free", "f")
    assert mount.read("f") == data


def test_fileDeletedWhileItsCompletionHangs_isNotInTheStore(store, mount):
    mount.begin()
    store.rule("CompleteMultipartUpload", "blanks", key=mount.prefix + "f", ms=500, amount=HANG_S * 1000)
    mount.write("f", os.urandom(12 * MB), **with_blocks_of(5 * MB))
    store.await_rules_met(timeout=60)
    mount.fs("rm", "f")
    wait_for(lambda: any(r["carried_out"] for r in store.requests(mount.prefix, "CompleteMultipartUpload")), "the completion", HANG_S + 20)
    mount.await_objects(timeout=60)
    assert store.uploads(mount.prefix) == []
    # Nothing waits to be deleted any more: what it waited for can come no more.
    wait_for(lambda: json.loads(run([SPILLWAY, "fsadmin", "report", "persist", "--json"]).stdout)["objectsToDelete"] == 0,
             "the master to be sure of it", UNKNOWN_S + 30)
    assert mount.objects() == {} and store.uploads(mount.prefix) == []


@pytest.mark.parametrize("kind, lacks, support", [
    ("multi-delete", {"multi_delete": "refuse"}, ["multi-delete"]),
    ("conditions", {name: "ignore" for name in NO_CONDITIONS},
     ["put-if-absent", "put-if-match", "complete-conditions", "copy-conditions", "delete-if-match", "get-if-match"]),
    ("checksums", {"checksums": "refuse"}, ["checksums"])], ids=lambda value: value if isinstance(value, str) else "")
def test_storeWithout(kind, lacks, support, store, cluster, mount):
    store.profile(**lacks)
    mount.begin()
    small, large = os.urandom(5000), os.urandom(12 * MB)
    mount.persisted("small", small)
    mount.persisted("large", large, **with_blocks_of(5 * MB))
    assert mount.holds("small", small) and mount.objects()["large"]["size"] == len(large)
    mount.overwrite("small", small[::-1])
    mount.await_persisted("small")
    assert mount.holds("small", small[::-1])
    mount.fs("mv", "small", "moved")
    mount.await_objects("moved", "large")
    mount.fs("free", "")
    assert mount.read("moved") == small[::-1] and mount.read("large") == large
    for i in range(3):
        mount.fs("cp", "moved", f"copy{i}", **DURABLE)
        mount.await_persisted(f"copy{i}")
    mount.fs("rm", "moved", "copy0", "copy1")
    mount.await_objects("large", "copy2")
    assert store.uploads(mount.prefix) == []
    wait_for(lambda: {mount.report()["features"][feature] for feature in support} == {"no"}, f"{support} to be known as missing", 15)
    text = run([SPILLWAY, "fsadmin", "report", "store"]).stdout.split(f" on {mount.root} (")[1]
    assert re.search(rf"{support[0]} +no", text), text


CONDITIONS = ["put-if-absent", "put-if-match", "complete-conditions", "copy-conditions", "delete-if-match", "multi-delete-if-match",
              "get-if-match"]
OTHER_FEATURES = ["multi-delete", "get-range", "list-v2", "checksums", "copy-part"]


@pytest.mark.parametrize("known", ["told", "found-out"])
@pytest.mark.parametrize("conditions, put_max, rename_max", [(True, 1.0, 2.0), (False, 2.0, 3.1)], ids=["conditions", "none"])
def test_requestsPerFile(known, conditions, put_max, rename_max, store, cluster, mount):
    """New small files and renamed ones, on a store whose profile is told by properties or found out.

    A call that cannot be conditional is preceded by a look: a put at its key, a copy at its target. That the right version was copied
    is told by the copy's etag. Deletes are preceded by one listing for many.
    """
    files = 100
    store.profile(**({} if conditions else {name: "ignore" for name in NO_CONDITIONS}))
    told = {f"spillway__underfs__s3__feature__{feature}": str(conditions or feature in OTHER_FEATURES).lower()
            for feature in CONDITIONS + OTHER_FEATURES}
    mount.begin(**(told if known == "told" else {}))
    mount.await_profile()
    mount.source.mkdir()
    for i in range(files):
        (mount.source / f"f{i}").write_bytes(os.urandom(1000))
    cluster.fs("copyFromLocal", mount.source, f"{mount.root}/new", **DURABLE)
    cluster.fs("persist", "--wait", f"{mount.root}/new")
    new, last = store.requests(mount.prefix + "new/"), store.last_id()
    mount.fs("mv", "new", "old")
    mount.await_objects(*(f"old/f{i}" for i in range(files)))
    renames = {r["id"]: r["call"] for name in ("new/", "old/") for r in store.requests(mount.prefix + name, after=last)}
    print(f"{mount.name}: {len(new) / files:.2f} requests per new file, {len(renames) / files:.2f} per renamed file:",
          dict(collections.Counter(renames.values())))
    assert len(new) / files <= put_max
    assert len(renames) / files <= rename_max


# Reading and renaming beside other writers


@pytest.mark.parametrize("longer", [0, 5000])
def test_objectReplacedHalfCached_readerGetsOneVersion(longer, store, mount):
    mount.begin()
    old, new = os.urandom(2 * MB), os.urandom(2 * MB + longer)
    mount.persisted("f", old, **with_blocks_of(MB))
    mount.fs("free", "f")
    assert mount.fs("head", "-c", str(MB), "f", text=False).stdout == old[:MB]
    wait_for(lambda: [len(block["locations"]) for block in mount.stat("f")["blocks"]] == [1, 0], "the first block to be cached")
    store.put(mount.prefix + "f", new)
    first = mount.fs("cat", "f", check=False, text=False, **FAST)
    if first.returncode == 0:
        assert first.stdout in (old, new), "no mixture"
    else:
        assert old.startswith(first.stdout[:MB]) or new.startswith(first.stdout[:MB])
    wait_for(lambda: mount.fs("cat", "f", check=False, text=False, **FAST).stdout == new, "the new version", 10)
    assert mount.stat("f")["length"] == len(new)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_renameOntoAKeyThatOthersWrote_theirsStays(when, store, mount):
    mount.begin()
    ours, theirs = os.urandom(5000), os.urandom(6000)
    mount.persisted("a", ours)
    if when == "before":
        store.put(mount.prefix + "b", theirs)
        mount.fs("mv", "a", "b")
    else:
        store.rule("CopyObject", "blanks", key=mount.prefix + "b", ms=100, amount=2000)
        mount.fs("mv", "a", "b")
        store.await_rules_met()
        store.put(mount.prefix + "b", theirs)
    wait_for(lambda: "Somebody else's object stands at" in cause_of(f"{mount.root}/b"), "the cause to be told")
    assert mount.holds("b", theirs) and mount.holds("a", ours)
    assert mount.read("b") == ours
    store.remove(mount.prefix + "b")
    mount.await_objects("b")
    assert mount.holds("b", ours)


@pytest.mark.parametrize("multi", ["true", "false"])
def test_deletes_oneThatIsOdd_othersGo(multi, store, mount):
    names = [f"d/f{i:03}" for i in range(299)] + ["d/control\x01character"]
    for name in names:
        store.put(mount.prefix + name, b"x")
    mount.begin(**{"spillway__underfs__s3__feature__multi-delete-if-match": multi})
    assert len(mount.names("d")) == 300
    denied = "d/f007" if multi == "false" else "d/control\x01character"  # which is deleted alone
    store.rule("DeleteObject", "error_code", key=mount.prefix + denied, name="AccessDenied", count=-1)
    mount.fs("rm", "-R", "d")
    mount.await_objects(denied)
    report = wait_for(lambda: mount.report() if mount.report()["deletesFailing"] else None, "the cause to be told")
    assert report["deletesFailing"] == 1 and report["deletes"][0]["key"] == denied
    assert "AccessDenied" in report["deletes"][0]["cause"], report
    text = run([SPILLWAY, "fsadmin", "report", "store", "-n", "1000"]).stdout
    assert "Objects that cannot be deleted: 1" in text and "AccessDenied" in text, text
    store.clear_rules()
    mount.await_objects()


def test_largeObjectFoundByListing_isMovedOnceInParts(store, mount):
    size = 6 << 30
    store.put_synthetic(mount.prefix + "big", size, seed=7)
    mount.begin(spillway__underfs__s3__copy__single__max="1GB", spillway__underfs__s3__copy__part__size="256MB")
    assert mount.names()["big"]["length"] == size
    store.settings(delay_ms={"CopyObject": COPY_DELAY_S * 1000, "UploadPartCopy": COPY_DELAY_S * 1000})
    before = store.bytes_copied()
    mount.fs("mv", "big", "moved")
    mount.await_objects("moved", timeout=60 + 10 * COPY_DELAY_S)
    copied = store.bytes_copied() - before
    calls = [r["call"] for r in store.requests(mount.prefix + "moved")]
    print(f"copied {copied / size:.3f} of its size by {calls.count('UploadPartCopy')} parts of one upload")
    assert mount.objects()["moved"]["size"] == size and store.uploads(mount.prefix) == []
    assert copied <= 1.01 * size
    assert calls.count("CreateMultipartUpload") == calls.count("CompleteMultipartUpload") == 1 and "CopyObject" not in calls
    assert mount.state("moved") == "PERSISTED"


# Clock and region


def test_clockOfTheStoreIsOff(store, mount):
    for minutes in (20, -20):
        store.settings(clock_skew_ms=minutes * 60_000)
        if minutes == 20:
            mount.begin()
        data = os.urandom(5000)
        mount.persisted(f"f{minutes}", data)
        mount.fs("free", f"f{minutes}")
        assert mount.holds(f"f{minutes}", data) and mount.read(f"f{minutes}") == data


@pytest.mark.parametrize("redirects", [True, False])
def test_bucketInAnotherRegion(redirects, cluster, mount):
    """The answer is a 301 with x-amz-bucket-region, or 400 AuthorizationHeaderMalformed with the region."""
    other = StrictStore(fresh_directory("strict-region"), "--region", "eu-west-3", *(["--redirect-to-region"] if redirects else [])).start()
    try:
        other.put(mount.prefix + "there", b"already")
        mount.store = other
        mount.begin(**{key.replace(".", "__"): value for key, value in other.properties().items()})
        data = os.urandom(5000)
        mount.persisted("f", data)
        mount.fs("free", "f")
        assert mount.holds("f", data) and mount.read("f") == data and mount.read("there") == b"already"
        mount.fs("mv", "f", "g")
        mount.await_objects("there", "g")
        cluster.fs("unmount", mount.root)
    finally:
        other.stop()
