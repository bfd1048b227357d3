"""Shells that answer the commands of shell_commands.py: Alluxio's in one JVM, and Spillway's own."""
import base64
import re
import subprocess

from harness import CACHE, ROOT, SPILLWAY, WORK, fresh_directory, java_options, run
from shell_commands import LOCAL, commands


def java_classes(source, class_path, name):
    """Compiles one Java source; returns where its classes are."""
    classes = fresh_directory(name)
    run(["javac", "-Xlint:none", "-nowarn", "-d", classes, "-cp", class_path, source])
    return classes


class JavaShell:
    """Alluxio's fs, fsadmin and job shells, unmodified."""

    def __init__(self, port=19998, job_port=20001):
        class_path = f"{CACHE}/jars/shell/*"
        classes = java_classes(ROOT / "tests/compat/ShellRunner.java", class_path, "shell-runner-classes")
        self.process = subprocess.Popen(
            ["java", *java_options(), f"-Dalluxio.master.rpc.port={port}",
             f"-Dalluxio.job.master.rpc.port={job_port}", "-Dalluxio.user.rpc.retry.max.duration=20s", "-cp", f"{classes}:{class_path}", "ShellRunner"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=WORK)

    def __call__(self, shell, words):
        self.process.stdin.write("\t".join([shell, *(str(w) for w in words)]) + "\n")
        self.process.stdin.flush()
        line = ""
        while not line.startswith("@answer "):
            line = self.process.stdout.readline()
            assert line, "the shell's JVM has ended"
        _, code, text = line.rstrip("\n").split(" ")
        return int(code), base64.b64decode(text).decode()

    def close(self):
        self.process.kill()
        self.process.wait()


class NativeShell:
    def __call__(self, shell, words):
        result = run([SPILLWAY, shell, "-Dalluxio.user.rpc.retry.max.duration=10s", *words], check=False)
        return result.returncode, result.stdout

    def close(self):
        pass


MASKS = [(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}", "TIME"),
         (re.escape(str(WORK)) + r"/shell-(local|other)-\w+", r"\1"),
         (re.escape(str(WORK)) + r"/[-\w]+(/underFSStorage)?", "UFS"),
         (r"(fileId|\bid|Ms|workerId|Port|blockIds)=\[?-?[\d, ]+\]?", r"\1=N, "), (r"file id \d+", "file id N"),
         (r"Time elapsed \d+", "Time elapsed N"),
         (r"jobControlId = \d+", "jobControlId = N"), (r"\d{8}-\d{6}", "TIME"), (r"(I[dD]: )\d+", r"\1N"), (r"^\d{13}\b", "N"), (r"127\.0\.0\.\d(:\d+)?(/<unresolved>(:\d+)?)?", "HOST"), (r"\(unresolved\)", ""),
         (r"ufsFingerprint=.*?, acl", "ufsFingerprint=F, acl"), (r"(back)(java|native|peer)", r"\1"),
         (r"\d+(\.\d+)?[KMG]?B( ?\(\d+%\))?", "BYTES"), (r"(Port|Uptime|Version|Revision|Safe Mode): .*", r"\1"), (r"2\.9\.\d", "VERSION"), (r" +", " ")]


def masked(text):
    """Without ids, times, addresses and spacing."""
    for pattern, by in MASKS:
        text = re.sub(pattern, by, text, flags=re.M)
    return [line.rstrip() for line in text.rstrip().splitlines()]


def answers(shell, side):
    """What shell answers to all commands, in their order: (command, exit code, text)."""
    local = fresh_directory(f"shell-local-{side}")
    for name, text in LOCAL.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_text(text)
    other = fresh_directory(f"shell-other-{side}")
    (other / "hello").write_text("hello\n")
    found = []
    for command, words in commands(local=local, other=other, side=side):
        code, text = shell(command, words)
        name = " ".join([command, *words]).replace(str(local), "{local}").replace(str(other), "{other}").replace("back" + side, "back{side}")
        found.append((name, code, text))
    return found


def differences(left, right):
    """Of two lists of answers: command -> (left, right), each "code: text", where they differ."""
    found = {}
    for (name, left_code, left_text), (_, right_code, right_text) in zip(left, right, strict=True):
        same_text = sorted(masked(left_text)) == sorted(masked(right_text))  # copies end in any order
        if left_code != right_code or not same_text:
            found.setdefault(name, (f"{left_code}: {left_text.rstrip()}", f"{right_code}: {right_text.rstrip()}"))
    return found
