"""The documents say what the code does: README commands run, the configuration table is the code's."""
import os
import re
import subprocess
import sys

from harness import ROOT, SPILLWAY, Cluster, fresh_directory, run


def test_configurationTable_isTheCodes():
    table = run([SPILLWAY, "docs", "configuration"]).stdout
    assert table in (ROOT / "docs/CONFIGURATION.md").read_text(), "run: bin/spillway docs configuration"


def test_version_isTheProjectsOwn():
    own = re.search(r"project\(spillway VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    for words in ["version", "--version"]:
        told = run([SPILLWAY, words]).stdout
        assert re.fullmatch(rf"Spillway {re.escape(own)}(, commit [0-9a-f]+)? \(speaks the Alluxio 2.9 client protocol\)\n", told), told
    assert re.fullmatch(r"2\.9\.\d+\n", run([SPILLWAY, "version", "--alluxio"]).stdout), "what Alluxio's shell prints"


def test_metricsTable_isWhatAClusterExports():
    rows = re.findall(r"^\| `(spillway_\w+)` \| (\w+) \|", (ROOT / "docs/METRICS.md").read_text(), re.M)
    assert len(rows) == len(set(rows))
    table = dict(rows)
    directory = fresh_directory("metrics")
    cluster = Cluster(directory, workers=1)
    try:
        cluster.start()
        (directory / "f").write_bytes(b"x" * 1000)
        cluster.fs("copyFromLocal", directory / "f", "/f")
        cluster.await_persisted("/f")
        master, worker = cluster.metrics(), cluster.metrics("127.0.0.2", 30991)
    finally:
        cluster.stop()
    text = master + worker
    exported = {name: kind for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M)}
    assert {name: table.get(name) for name in exported} == exported, "docs/METRICS.md has a row for each"
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.cc"))
    assert {name for name in table if f'"{name}"' not in source} == set(), "rows of what no code exports"
    assert {name for name in re.findall(r'"(spillway_(?:master_|worker_|understore_|rpc_|lock_|executor_|connections)[a-z_]*)"', source)} == set(table)
    assert 'spillway_worker_tier_used_bytes{tier="MEM"}' in worker
    assert re.search(r'spillway_rpc_seconds_count{method="[^"]*/CreateFile"} [1-9]', master)
    assert re.search(r'spillway_rpc_seconds_count{method="[^"]*BlockWorker/', worker)
    assert 'spillway_executor_queued_tasks{pool="blocking"}' in worker
    assert 'le="5e-05"' in text, "buckets below a millisecond"


def test_compatibilityTable_isTheTests():
    sys.path.insert(0, str(ROOT / "tests/compat"))
    from features import FEATURES, table
    rows = re.sub(r"\\{\w+\\}", r"\\d+", re.escape(table()))  # what the run has counted
    assert re.search(rows, (ROOT / "docs/COMPATIBILITY.md").read_text()), "run: make compat"
    for row in FEATURES:
        for test in row[4]:
            file, _, name = test.partition("::")
            assert name in (ROOT / "tests/compat" / file).read_text(), test


def test_readme_commandsRun():
    text = (ROOT / "README.md").read_text()
    commands = re.search(r"<!-- run -->\n```sh\n(.*?)```", text, re.S)[1].splitlines()
    assert len(commands) >= 8
    cluster = Cluster(fresh_directory("readme"))
    path = fresh_directory("readme-bin")
    # README says bin/alluxio; the test may run another build of it.
    (path / "bin").mkdir()
    for name in ["spillway", "alluxio"]:
        os.symlink(SPILLWAY, path / "bin" / name)
    os.symlink(ROOT / "README.md", path / "README.md")
    try:
        cluster.start()
        for command in commands:
            result = subprocess.run(command, shell=True, cwd=path, capture_output=True, text=True, timeout=60)
            assert result.returncode == 0, (command, result.stdout, result.stderr)
            if "location" in command:
                assert len(result.stdout.splitlines()) == 4
            if " cat " in command:
                assert result.stdout == text
    finally:
        cluster.stop()


def test_demo_showsTheMainJob():
    directory = fresh_directory("demo")
    environment = {**os.environ, "SPILLWAY_RUN_DIR": str(directory)}
    try:
        (ROOT / "bin").mkdir(exist_ok=True)
        result = subprocess.run([ROOT / "tools/demo.sh"], capture_output=True, text=True, timeout=120, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr
        hosts = [line for line in result.stdout.splitlines() if line.startswith("127.0.0.")]
        assert sorted(hosts) == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
        assert " PERSISTED " in result.stdout
        assert f"{os.path.getsize(ROOT / 'LICENSE')} bytes" in result.stdout
    finally:
        run([SPILLWAY, "local", "stop", "--dir", directory], check=False)


def test_repositoryStandsAlone():
    tracked = run(["git", "-C", ROOT, "ls-files"]).stdout.split()
    assert not [f for f in tracked if f.endswith((".jar", ".o", ".class"))]
    assert "independent project" in (ROOT / "README.md").read_text()
