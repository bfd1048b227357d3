"""Clients that are killed, or whose connections break, in the middle of what they write: nothing that is cut off is committed, or published."""
import pathlib
import random
import struct
import subprocess
import time

import pytest

from harness import SPILLWAY, WORK, Cluster, fresh_directory, wait_for
from raw_grpc import DATA, END_STREAM, GOAWAY, RST_STREAM, RawCall, field, framed, unary

NOSASL = {"alluxio.security.authentication.type": "NOSASL"}
MASTER = ("127.0.0.1", 19998)
WORKER = ("127.0.0.2", 29991)
MASTER_SERVICE = "/alluxio.grpc.file.FileSystemMasterClientService/"
WRITE_BLOCK = "/alluxio.grpc.block.BlockWorker/WriteBlock"
TRIES = 200
SECONDS = 20
PIECE = bytes(range(256)) * 32


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(fresh_directory("cut-streams"), workers=1, properties=NOSASL)
    try:
        yield made.start()
    finally:
        made.stop()


def shared_memory(cluster):
    return pathlib.Path(cluster.memory())


def stored(cluster, folder):
    """Names of the blocks that the worker keeps, or is being given."""
    return [path.name for path in shared_memory(cluster).glob(f"**/spillwayworker/{folder}/*")]


def new_block(path):
    name = field(1, path.encode())
    assert unary(*MASTER, MASTER_SERVICE + "CreateFile", name) is not None
    answer = unary(*MASTER, MASTER_SERVICE + "GetNewBlockIdForFile", name)
    block = 0
    for i, byte in enumerate(answer[1:]):
        block |= (byte & 0x7F) << 7 * i
    return block


def command(block=0, through=None):
    inner = field(1, 1 if through else 0) + field(2, block) + field(3, 0)
    if through:
        inner += field(6, field(1, str(through).encode()) + field(4, 0o644) + field(5, 1))
    return field(1, inner)


def chunk(data):
    return field(2, field(1, data))


def rst_stream(call):
    call.frame(RST_STREAM, 0, struct.pack(">I", 8))
    call.close()


def close_within_a_message(call):
    call.frame(DATA, 0, framed(chunk(PIECE))[:500])
    call.close()


def close_within_a_frame(call):
    call.socket.sendall(b"\x00\x20\x00\x00\x01\x00\x00\x00\x01" + b"x" * 100)
    call.close()


def go_away(call):
    call.frame(GOAWAY, 0, struct.pack(">II", 1, 0), stream=0)
    call.close()


def garbage(call):
    call.send(b"\xff\xff\xff\xff")
    call.close()


def close(call):
    call.close()


def reset_connection(call):
    call.close(reset=True)


# END_STREAM within a message is not among them: gRPC drops what is there of the message and tells of an end that the client has sent.
ENDS = [rst_stream, reset_connection, close, close_within_a_message, close_within_a_frame, go_away, garbage]


def cut(first, pieces, end, flushed):
    call = RawCall(*WORKER, WRITE_BLOCK)
    call.send(first)
    for _ in range(pieces):
        call.send(chunk(PIECE))
    if flushed:  # the worker has it all: a flush is answered
        inner = field(1, 0) + field(2, 0) + field(3, pieces * len(PIECE)) + field(5, 1)
        call.send(field(1, inner))
        call.await_message()
    end(call)


def write_whole(first):
    call = RawCall(*WORKER, WRITE_BLOCK)
    call.send(first)
    call.send(chunk(PIECE))
    call.frame(DATA, END_STREAM, b"")
    call.await_end()
    call.close()


def test_brokenStreams_commitNothing(cluster):
    rng = random.Random(1)
    store = cluster.directory / "underFSStorage"
    blocks = {}  # id -> how its stream was cut
    end_at = time.monotonic() + SECONDS
    tries = 0
    while tries < TRIES and time.monotonic() < end_at:
        end = ENDS[tries % len(ENDS)]
        through = tries // len(ENDS) % 2 == 1
        first = command(through=store / f"cut-{tries}")
        pieces, flushed = rng.randrange(4), rng.randrange(2) == 0
        if not through:
            block = new_block(f"/cut-{tries}")
            blocks[block] = (end.__name__, pieces, flushed)
            first = command(block=block)
        cut(first, pieces, end, flushed)
        tries += 1
    # That a whole one is committed shows that the others could have been.
    block = new_block("/whole")
    write_whole(command(block=block))
    write_whole(command(through=store / "whole"))
    assert any(name.startswith(f"{block:016x}-{len(PIECE)}-") for name in stored(cluster, "blocks"))
    assert (store / "whole").read_bytes() == PIECE
    wait_for(lambda: not stored(cluster, "temp"), "the blocks of broken streams to go")
    held = {int(name.split("-")[0], 16) for name in stored(cluster, "blocks")}
    assert [how for block, how in blocks.items() if block in held] == []
    assert [path.name for path in store.iterdir() if path.name.startswith("cut-")] == []
    assert tries > 50


@pytest.mark.parametrize("write_type", ["ASYNC_THROUGH", "THROUGH"])
def test_killedClients_publishNothing(cluster, write_type):
    """SIGKILL at any moment: a file is there whole, or not at all."""
    source = WORK / "cut-source"
    source.write_bytes(PIECE * 3000)
    rng = random.Random(2)
    store = cluster.directory / "underFSStorage"
    end_at = time.monotonic() + SECONDS / 2
    definitions = [f"-D{k}={v}" for k, v in {**NOSASL, "alluxio.user.file.writetype.default": write_type}.items()]
    tries = 0
    while tries < 40 and time.monotonic() < end_at:
        path = f"/killed-{write_type}-{tries}"
        client = subprocess.Popen([SPILLWAY, "fs", *definitions, "copyFromLocal", source, path],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client.wait(timeout=rng.uniform(0.01, 0.25))
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()
        tries += 1
    assert cluster.fs("copyFromLocal", source, f"/whole-{write_type}", **NOSASL, **{"alluxio.user.file.writetype.default": write_type}).returncode == 0
    # Before anything is read, which makes blocks of its own in the cache.
    wait_for(lambda: not stored(cluster, "temp"), "the blocks of killed clients to go")
    for i in range(tries):
        read = cluster.fs("cat", f"/killed-{write_type}-{i}", check=False, text=False, **NOSASL)
        assert read.returncode != 0 or read.stdout == source.read_bytes(), i
    for path in store.iterdir():
        if path.name.startswith("killed-"):
            assert path.read_bytes() == source.read_bytes(), path
