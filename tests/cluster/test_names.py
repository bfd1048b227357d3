"""Odd names by each way in: accepted and shown the same everywhere, or refused everywhere."""
import os

import pytest
from odd_names import can_be_made, is_text, odd_names
from test_library import INVALID_ARGUMENT, OK, VISIT, Library

from harness import ROOT, SHADED_CLIENT, Cluster, fresh_directory, java_options, run, shaded_class_path


def listed(library, path):
    found = []
    assert library.call("list", path, VISIT(lambda _, name, status: found.append(name.rsplit(b"/", 1)[1]) or 0), None) == OK
    return set(found)


def in_understore(folder, names):
    """Those that a file system takes."""
    made = set()
    folder.mkdir(parents=True)
    for name in names:
        if b"\0" in name or len(name) > 255:
            continue
        os.mkdir(os.path.join(os.fsencode(folder), name))
        made.add(name)
    return made


def by_java(names, work, folders):
    (work / "names").write_text("".join(name.hex() + "\n" for name in names))
    result = run(["java", *java_options(), "-Dfile.encoding=UTF-8", "-cp", shaded_class_path(), ROOT / "tests/compat/NamesCheck.java",
                  work / "names", *folders], timeout=180)
    assert "NAMES OK" in result.stdout, result.stdout + result.stderr
    lists = {folder: set() for folder in folders}
    for line in result.stdout.splitlines():
        words = line.split()
        if words[:1] == ["LISTED"]:
            lists[words[1]].add(bytes.fromhex(words[2]))
    return lists


@pytest.fixture(scope="module")
def cluster():
    directory = fresh_directory("names")
    found = in_understore(directory / "store" / "under", odd_names())
    made = Cluster(directory / "cluster", workers=1, properties={"alluxio.master.mount.table.root.ufs": directory / "store"})
    made.found = found
    made.work = directory
    try:
        yield made.start()
    finally:
        made.stop()


def test_oddNames_areAcceptedEverywhereOrRefusedEverywhere(cluster):
    names = odd_names()
    assert len(names) == 500
    found = cluster.found
    library = Library("alluxio.master.hostname=127.0.0.1")
    codes = {}
    for name in names:
        if b"\0" not in name:  # no C string has one
            codes[name] = library.call("make_directory", b"/native/" + name)
    native = listed(library, "/native")
    assert {name for name, code in codes.items() if code == OK} == native
    assert all(code == INVALID_ARGUMENT for code in codes.values() if code != OK)
    # A folder takes no name of more than 255 bytes.
    assert native == {name for name in names if can_be_made(name) and len(name) <= 255}
    # The shell: all that are accepted at once, each of the others alone.
    cluster.fs("mkdir", *[os.fsdecode(b"/shell/" + name) for name in sorted(native)], text=False)
    for name in set(codes) - native:
        result = cluster.fs("mkdir", os.fsdecode(b"/shell/" + name), check=False, text=False)
        assert result.returncode != 0, name
        (result.stdout + result.stderr).decode("utf-8")
    assert listed(library, "/shell") == native
    # What stands in the store.
    under = listed(library, "/under")
    assert under == {name for name in found if can_be_made(name)}
    assert cluster.health("Folders of the understore with names that cannot be shown") >= 1
    cluster.fs("ls", "-R", "/", text=False)
    cluster.fs("checkConsistency", "/under", text=False)
    cluster.fs("loadMetadata", "-F", "/under", text=False)
    assert cluster.running()
    java = None
    if SHADED_CLIENT.exists():
        texts = [name for name in names if is_text(name)]
        lists = by_java(texts, cluster.work, ["/java", "/native", "/shell", "/under"])
        assert lists["/native"] == native and lists["/shell"] == native and lists["/under"] == under
        java = lists["/java"]
        # The client itself takes a backslash for a slash, and never sends one: these make folders of other names.
        parts = {part for name in texts if b"\\" in name for part in name.split(b"\\")}
        assert native <= java <= native | parts, (sorted(native - java), sorted(java - native - parts))
    cluster.kill("master")
    cluster.restart("master")
    again = Library("alluxio.master.hostname=127.0.0.1")
    assert listed(again, "/native") == native and listed(again, "/under") == under
    again.close()
    library.close()
    print(f"\n{len(names)} names: native and shell {len(native)} accepted, {len(codes) - len(native)} refused; "
          f"of {len(found)} in the store {len(under)} shown, {len(found) - len(under)} left out"
          + ("" if java is None else f"; the Java client: {len(java)} shown of {len(texts)} asked for, missing {sorted(native - java)}"))
