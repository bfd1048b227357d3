#!/usr/bin/env python3
"""Checks the tree against the house rules; prints every breach and ends with 1 if there is one.

Layers (an include may go left only):
  common, proto <- api, journal, understore <- master, worker, client <- rpc, gateway, fuse, cli <- lib <- bin; cores <- sim
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_FILE, MAX_FUNCTION, MAX_COLUMNS = 500, 70, 100
LAYER = {"common": 0, "api": 1, "journal": 1, "understore": 1, "master": 2, "worker": 2, "client": 2, "rpc": 3,
         "gateway": 3, "fuse": 3, "cli": 3, "lib": 4, "bin": 5, "sim": 3, "bench": 5, "fuzz": 5, "examples": 5, "tests": 5}
# What may be seen beside the layers below: rooms of one layer do not include each other ...
SAME_LAYER = {("understore", "api"), ("journal", "api")}
CORES = ("master", "worker", "client", "api", "journal", "understore", "common")
BANNED = [
    (re.compile(r"\bstd::(mutex|lock_guard|condition_variable)\b"), "use absl::Mutex", ()),
    (re.compile(r"\bsleep_for\b|\busleep\b"), "take a clock or an executor from outside", ("bin",)),
    (re.compile(r"std::chrono::\w+_clock::now"), "take a Clock from outside", ("common/clock.cc", "rpc/client", "bin")),
    (re.compile(r"\brand\(\)|std::random_device|mt19937"), "take a Random from outside", ("common/random.cc",)),
    (re.compile(r"std::thread\b"), "cores start no thread", ("common/executor.cc", "rpc", "cli", "bin", "understore/s3/http_client.cc",
                                                                 "understore/s3/credentials.cc")),
    (re.compile(r"\bstd::cout\b"), "write to the context's stream", ("bin", "sim/main.cc", "examples")),
    (re.compile(r"#include <(grpc|grpcpp)/?"), "gRPC lives in rpc/ and bin/", ("rpc", "bin")),
    (re.compile(r"#include <(curl|openssl)/"), "HTTP and TLS live in understore/s3", ("understore/s3", "cli/fs/checksum.cc")),
    (re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b"), "finish it, or write an issue", ()),
    (re.compile(r"\bassert\("), "use Panic or a Status", ("common",)),
    (re.compile(r"GTEST_SKIP|DISABLED_"), "every test runs", ()),
]
problems = []


def report(path, line, what):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {what}")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                         capture_output=True, text=True)
    names = out.stdout.split("\n") if out.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).exists()]


def room_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "src" else parts[0]


def check_layers(path, number, line):
    match = re.match(r'#include "([a-z]+)/', line)
    if not match or match[1] not in LAYER:
        return
    source, target = room_of(path), match[1]
    if source == target or LAYER[target] < LAYER[source] or (source, target) in SAME_LAYER:
        return
    report(path, number, f"{source} must not include {target}")


def check_banned(path, number, line):
    inside = path.relative_to(ROOT / "src").as_posix() if (ROOT / "src") in path.parents else path.relative_to(ROOT).as_posix()
    if room_of(path) in ("bench", "tests"):
        return
    for pattern, why, allowed in BANNED:
        if pattern.search(line) and not any(inside.startswith(a) for a in allowed):
            report(path, number, f"{pattern.search(line)[0]}: {why}")


def check_functions(path, lines):
    """Measures what stands between the braces behind a parameter list, outside other functions."""
    text = "\n".join(lines)
    text = re.sub(r"R\"(\w*)\(.*?\)\1\"", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    text = re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', "", text)
    text = re.sub(r"^#[^\n]*", "", text, flags=re.M)  # what the preprocessor takes is no header of a function
    stack, header, line, inside = [], "", 1, 0
    for char in text:
        if char == "{":
            head = header.strip()
            is_function = (inside == 0 and ")" in head and "=" not in head.split("(")[0] and
                           not re.match(r"(namespace|class|struct|enum|union|if|for|while|switch|else|do)\b", head))
            inside += is_function
            stack.append((line, is_function))
        if char == "}" and stack:
            start, is_function = stack.pop()
            inside -= is_function
            if is_function and line - start + 1 > MAX_FUNCTION:
                report(path, start, f"function of {line - start + 1} lines; {MAX_FUNCTION} is the most")
        header = "" if char in "{};" else header + char
        line += char == "\n"


def check_source(path):
    lines = path.read_text().split("\n")
    if len(lines) > MAX_FILE:
        report(path, 1, f"{len(lines)} lines; {MAX_FILE} is the most")
    if path.suffix == ".h" and not any(line.startswith("#pragma once") for line in lines):
        report(path, 1, "no #pragma once")
    table = False  # lines between clang-format off and on are tables
    for number, line in enumerate(lines, 1):
        table = "clang-format off" in line or (table and "clang-format on" not in line)
        if len(line) > MAX_COLUMNS and not table:
            report(path, number, f"{len(line)} columns; {MAX_COLUMNS} is the most")
        check_layers(path, number, line)
        if not path.name.endswith("_test.cc"):
            check_banned(path, number, line)
    check_functions(path, lines)


def check_format():
    tool = shutil.which("clang-format-14")
    if tool is None:
        return
    files = [str(p) for p in tracked("*.cc", "*.h")]
    result = subprocess.run([tool, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    for match in re.finditer(r"^(\S+?):(\d+):\d+: error: code should be clang-formatted", result.stderr, re.M):
        report(pathlib.Path(match[1]), int(match[2]), "not formatted: make format")


def check_tests_registered():
    """gtest files are globbed per room; a test elsewhere would be forgotten."""
    for path in tracked("*_test.cc"):
        room = path.parent
        while room != ROOT and not (room / "CMakeLists.txt").exists():
            room = room.parent
        text = (room / "CMakeLists.txt").read_text()
        below = path.parent.relative_to(room).as_posix()
        named = below == "." or re.search(rf"DIRS[^)]*\b{re.escape(below)}\b", text, re.S)
        if path.name not in text and ("spillway_library" not in text or not named):
            report(path, 1, "this test is built by nobody")
    for path in tracked("tests/**/*.py"):
        if "def test_" in path.read_text() and not path.name.startswith("test_"):
            report(path, 1, "a file with tests must be called test_*.py")


def check_tree():
    for path in tracked():
        if path.suffix in (".jar", ".o", ".a", ".so", ".class", ".pyc"):
            report(path, 1, "binaries are not committed")
    for path in tracked("*.sh", "*.py", "*.md", "*.cc", "*.h", "*.txt", "*.cmake", "Makefile"):
        if path.name == "tidy.py":
            continue
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
            if re.search(r"/work/(main|shared)|/root/", line):
                report(path, number, "a path of one machine")


for source in tracked("*.cc", "*.h"):
    check_source(source)
check_format()
check_tests_registered()
check_tree()
print("\n".join(problems) if problems else "tidy: the tree keeps the house rules")
sys.exit(1 if problems else 0)
