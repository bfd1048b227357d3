"""Beside real Alluxio 2.9.4, started from its published jars: the same contract tests and the same shell commands. Not in CI:
make compat fetches the jars and runs it."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / "bench/peer"), str(ROOT / "tests/compat")]
from alluxio import Alluxio  # noqa: E402
from harness import fresh_directory, wait_for  # noqa: E402
from shells import JavaShell, answers, differences  # noqa: E402
from test_hadoop import EXPECTED_TO_FAIL, contract_outcomes  # noqa: E402
from test_shell import everything  # noqa: E402

WORDS = "refused alike; the text is our own"
CHOWN = "Alluxio asks the master's operating system for the user and his groups, and changes the file of a local understore first; " \
        "in Spillway names are names, as with an object store"
FOLLOWS = "follows from the owner above"
NO_JOBS = "persisting and healing are no jobs, and a command is one job"
STRICTER = "an administrator's request that can never be carried out is an error"
DIFFERENT = {
    "fs persist /c": "files are on their way already when they are complete: nothing is left to ask for",
    "fs stat /c/small": "the understore's folder differs",
    "fs stat /c": "a directory says cacheable and no limit of copies",
    "fs chown ann /c/small": CHOWN, "fs chown bob:ops /c/small": CHOWN, "fs chown -R ann:ops /c/tree": CHOWN,
    "fs ls -R /c/tree": FOLLOWS, "fs getfacl /c/small": FOLLOWS, "fs ls /c/small": FOLLOWS, "fs getfacl /c/tree/sub/b": FOLLOWS,
    "fs ls -p /c": FOLLOWS,
    "fs mv /c/small /nodir/x": WORDS, "fs touch /mnt/a/no": WORDS, "fs rm -R /mnt": WORDS, "fs mv /mnt/a /mnt/b": WORDS,
    "fs unmount /mnt/a": WORDS, "fs unmount /c": WORDS, "fs updateMount /none": WORDS, "fs rm -R /": WORDS,
    "fs mount /mnt/a {other}": WORDS, "fs mount /nodir/a/b {other}": WORDS,
    "fs distributedCp --overwrite true /c/tree/sub /c/dcp/tree": "Alluxio does not replace a file that is still on its way to the store",
    "job ls": NO_JOBS, "fsadmin report jobservice": NO_JOBS,
    "fsadmin report capacity": "the order of workers, and no count of processors",
    "fsadmin report ufs": "capacity of the understore is not asked for",
    "fsadmin doctor": "Alluxio finds its workers on one machine configured unlike each other",
    "fsadmin doctor configuration": "Alluxio finds its workers on one machine configured unlike each other",
    "fsadmin updateConf alluxio.master.journal.retry.interval=2sec": "nothing changes while a master runs: " + STRICTER,
}


@pytest.fixture()
def peer():
    """A new one for each test: the shell's commands take a worker's copies away, among other things."""
    alluxio = Alluxio(fresh_directory("peer"), properties={"alluxio.master.mount.table.root.ufs": fresh_directory("peer-ufs")})
    shell = None
    try:
        alluxio.start()
        shell = JavaShell(alluxio.port, alluxio.properties["alluxio.job.master.rpc.port"])
        wait_for(lambda: "Live Workers: 3" in shell("fsadmin", ["report", "summary"])[1], "the peer's workers", 120, pause=0.5)
        wait_for(lambda: shell("fsadmin", ["report", "jobservice"])[1].count("127.0.0.") >= 4, "the peer's job workers", 120, pause=0.5)
        yield alluxio, shell
    finally:
        if shell is not None:
            shell.close()
        alluxio.stop()


def test_shell_answersAsBesideAlluxio(peer, record_property):
    theirs = answers(peer[1], "peer")
    ours = everything("shell-cluster-java", JavaShell, "java")
    found = differences(theirs, ours)
    unexpected = {name: texts for name, texts in found.items() if name not in DIFFERENT}
    record_property("shell_commands", len(ours))
    record_property("shell_differences", len(found))
    print(f"shell: {len(ours)} commands, {len(ours) - len(found)} answered alike, {len(found)} differences, "
          f"{len(unexpected)} of them not justified")
    assert not unexpected, "\n".join(f"{name}\n  Alluxio  {a}\n  Spillway {b}" for name, (a, b) in unexpected.items())


def test_contract_noneFailsThatPassesThere(peer, s3_cluster, record_property):
    theirs = contract_outcomes(peer[0].port)
    ours = contract_outcomes()
    for name, outcomes in (("Alluxio", theirs), ("Spillway", ours)):
        count = {kind: sum(1 for outcome, _ in outcomes.values() if outcome == kind) for kind in ("PASS", "FAIL", "SKIP")}
        record_property(f"{name}_run", len(outcomes))
        record_property(f"{name}_failing", count["FAIL"])
        print(f"contract tests, {name}: {len(outcomes)} run, {count['FAIL']} failing, {count['SKIP']} skipped")
    worse = [test for test, (outcome, _) in theirs.items() if outcome == "PASS" and ours[test][0] != "PASS"]
    assert not worse, worse
    kinder = [test for test in EXPECTED_TO_FAIL if theirs[test][0] == "PASS"]
    assert not kinder, f"these are not the client's doing: {kinder}"
