"""Every command of the shells: our own answers as Alluxio's own shell does, both against our servers."""
from harness import Cluster, fresh_directory, run, SPILLWAY
from shells import JavaShell, NativeShell, answers, differences

# Where they may differ, and why.
USAGE = "usage and help are told in our own words and name our own options"
OURS_SAYS_MORE = "ours tells more: how a file stands on its way to the store"
FAILURES = "ours says why each file failed, and its exit code is 255"
WHY = "ours says why"
DIFFERENT = {
    "fs stat /c/small": OURS_SAYS_MORE,
    "fs test -s /c/small": "Alluxio's test -s is false for every file; by its own help it is true for what is not empty",
    "fs chmod -R u+x,g-w /c/tree": "chmod's symbolic modes with + and - are understood, as in HDFS",
    "fs ls -R /c/tree": "follows from the chmod above",
    "fs getfacl /c/tree/sub/b": "follows from the chmod above",
    "fs load --local /c/big": "what is in the cluster is loaded already, local worker or not",
    "fs copyToLocal /c/tree {local}/treeback{side}": "says at its end what was copied, as for a file",
    "fs distributedCp --overwrite false /c/tree/sub /c/dcp/tree": FAILURES,
    "fs distributedCp /c/small": USAGE,
    "job stat 12": WHY, "job stat x": WHY, "job cancel 12": WHY, "job getCmdStatus 12": WHY,
    "fs bogus": USAGE, "fs ls": USAGE, "fs mkdir": USAGE, "fs ls --bogus /c": USAGE, "fs rm": USAGE, "fs help ls": USAGE,
    "fs test /c": USAGE, "fs freeWorker": USAGE,
    "fsadmin report bogus": USAGE, "fsadmin bogus": USAGE,
    "fsadmin report capacity": "no count of processors",
    "fsadmin metrics clear --master": "left out, and says so", "fsadmin journal checkpoint": "left out, and says so",
    "fsadmin updateConf alluxio.master.journal.retry.interval=2sec": "left out, and says so",
    "fsadmin ufs --mode readOnly {other}": "left out, and says so",
}


def everything(name, make_shell, side):
    cluster = Cluster(fresh_directory(name))
    shell = None
    try:
        cluster.start()
        shell = make_shell()
        return answers(shell, side)
    finally:
        if shell is not None:
            shell.close()
        cluster.stop()


def test_everyCommand_answersAsAlluxiosShell():
    theirs = everything("shell-cluster-java", JavaShell, "java")
    ours = everything("shell-cluster-native", NativeShell, "native")
    assert len(ours) > 190
    unexpected = {name: texts for name, texts in differences(theirs, ours).items() if name not in DIFFERENT}
    assert not unexpected, "\n".join(f"{name}\n  Alluxio's {a}\n  ours      {b}" for name, (a, b) in unexpected.items())


def test_completionAndManPages(tmp_path):
    for shell in ("bash", "zsh"):
        script = run([SPILLWAY, "docs", "completion", shell]).stdout
        assert "setReplication" in script and "pathConf" in script
    (tmp_path / "complete").write_text(run([SPILLWAY, "docs", "completion", "bash"]).stdout)
    offered = run(["bash", "-c", f". {tmp_path}/complete; COMP_WORDS=(spillway fs setR); COMP_CWORD=2; _spillway; echo ${{COMPREPLY[@]}}"]).stdout
    assert offered.split() == ["setReplication"]
    flags = run(["bash", "-c", f". {tmp_path}/complete; COMP_WORDS=(spillway fs ls --s); COMP_CWORD=3; _spillway; echo ${{COMPREPLY[@]}}"]).stdout
    assert flags.split() == ["--sort"]
    page = run([SPILLWAY, "docs", "man", "fsadmin"]).stdout
    assert page.startswith(".TH spillway") and "decommission" in page
