"""Hadoop's own file system contract tests against alluxio://, and what MapReduce does with it."""
import re

from harness import CACHE, ROOT, SHADED_CLIENT, WORK, java_options, run
from shells import java_classes

HADOOP = f"{SHADED_CLIENT}:{CACHE}/jars/hadoop/*"
CLIENT = "the client's doing: "
# Fails with the unmodified client whatever a server answers. Real Alluxio fails each of them too.
EXPECTED_TO_FAIL = {
    "Create testSyncable": CLIENT + "hflush is accepted and does nothing, and a file that is not complete is not opened",
    "Create testOverwriteExistingFile": CLIENT + "createNonRecursive is not implemented",
    "Create testCreateNewFile": CLIENT + "createNonRecursive is not implemented",
    "Open testOpenFileReadZeroByte": CLIENT + "createNonRecursive is not implemented",
    "Seek testReadSmallFile": CLIENT + "a closed stream is read from without an exception",
    "Seek testReadFullySmallFile": CLIENT + "a read beyond the end throws nothing",
    "Seek testReadNullBuffer": CLIENT + "throws another exception than IllegalArgumentException",
    "CopyFromLocal testSourceIsDirectoryAndDestinationIsFile": CLIENT + "wraps FileAlreadyExistsException into IOException",
}


def contract_outcomes(port=19998):
    """Test -> (PASS, FAIL or SKIP, text)."""
    classes = java_classes(ROOT / "tests/compat/hadoop/ContractTests.java", HADOOP, "contract-classes")
    result = run(["java", *java_options(), "-cp", f"{classes}:{HADOOP}", "ContractTests", f"alluxio://127.0.0.1:{port}/"],
                 timeout=400, check=False)
    found = {}
    for line in result.stdout.splitlines():
        match = re.match(r"(PASS|FAIL|SKIP) (\w+ \w+)(.*)", line)
        if match:
            found[match[2]] = (match[1], match[3])
    assert len(found) > 130, result.stdout[-2000:] + result.stderr[-2000:]
    return found


def test_fileSystemContract(s3_cluster):
    outcomes = contract_outcomes()
    failed = {test: text for test, (outcome, text) in outcomes.items() if outcome == "FAIL"}
    unexpected = {test: text for test, text in failed.items() if test not in EXPECTED_TO_FAIL}
    assert not unexpected, "\n".join(test + text for test, text in unexpected.items())
    passed = sum(1 for outcome, _ in outcomes.values() if outcome == "PASS")
    print(f"contract tests: {len(outcomes)} run, {passed} passed, {len(failed)} failed, {len(outcomes) - passed - len(failed)} skipped")
    assert passed >= 118


JOBS = ["tera", "committer-v1", "committer-v2", "concurrent-writers", "hadoop-fs", "distcp"]


def test_mapReduceAndTools(s3, s3_cluster):
    classes = java_classes(ROOT / "tests/compat/hadoop/MapReduceJobs.java", HADOOP, "mapreduce-classes")
    properties = {"alluxio.user.file.writetype.default": "ASYNC_THROUGH", "alluxio.user.file.replication.durable": "2"}
    result = run(["java", *java_options(), *[f"-D{k}={v}" for k, v in properties.items()], "-cp", f"{classes}:{HADOOP}", "MapReduceJobs",
                  "alluxio://127.0.0.1:19998/jobs", WORK / "mapreduce"], timeout=400, check=False)
    finished = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("OK ")]
    assert finished == JOBS, result.stdout[-3000:] + result.stderr[-3000:]
    s3_cluster.fs("persist", "/jobs")
    sorted_bytes = b"".join(part.read_bytes() for part in sorted(s3.path("jobs/tera/out").glob("part-r-*")))
    assert len(sorted_bytes) == 20000 * 100
    keys = [sorted_bytes[at:at + 10] for at in range(0, len(sorted_bytes), 100)]
    assert keys == sorted(keys), "what S3 has is sorted too"
    assert b"be\t2" in b"".join(part.read_bytes() for part in s3.path("jobs/words2/out").glob("part-r-*"))
    assert not [r for r in s3.requests() if "_temporary" in r[1]], "no temporary key ever"
