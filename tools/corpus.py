#!/usr/bin/env python3
"""What the fuzzers keep between runs, as text in the tree: fuzz/corpus/NAME.txt, one input a line in base64.

    tools/corpus.py unpack FUZZER FOLDER        files for libFuzzer
    tools/corpus.py pack FUZZER FOLDER [KIB]    the smallest files of FOLDER (which libFuzzer has merged), up to so many KiB
"""
import base64
import hashlib
import pathlib
import sys

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "corpus"


def unpack(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if (CORPUS / f"{name}.txt").exists():
        for line in (CORPUS / f"{name}.txt").read_text().split():
            data = base64.b64decode(line)
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack(name, folder, kib):
    lines, left = [], kib << 10
    for file in sorted(folder.iterdir(), key=lambda f: (f.stat().st_size, f.name)):
        line = base64.b64encode(file.read_bytes()).decode()
        left -= len(line) + 1
        if left < 0:
            break
        lines += [line] if line else []
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(lines)} inputs kept of {len(list(folder.iterdir()))}")


if __name__ == "__main__":
    verb, fuzzer, where, *size = sys.argv[1:]
    if verb == "unpack":
        unpack(fuzzer, pathlib.Path(where))
    else:
        pack(fuzzer, pathlib.Path(where), int(size[0]) if size else 24)
