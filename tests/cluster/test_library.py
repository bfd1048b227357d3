"""libspillway: its examples, and its C ABI called from here."""
import ctypes
import threading

import pytest

from harness import SPILLWAY, Cluster, fresh_directory, run

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, OUT_OF_RANGE = 0, 3, 4, 5, 6, 11


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 508)]


class FileStatus(ctypes.Structure):
    _fields_ = [("length_bytes", ctypes.c_int64), ("modified_ms", ctypes.c_int64), ("is_directory", ctypes.c_int),
                ("is_persisted", ctypes.c_int)]


DONE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(Error))
VISIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(FileStatus))


class Library:
    def __init__(self, properties):
        self.c = ctypes.CDLL(str(SPILLWAY.resolve().parent.parent / "lib" / "libspillway.so"))
        self.c.spillway_open.restype = ctypes.c_void_p
        self.error = Error()
        self.client = ctypes.c_void_p(self.c.spillway_open(properties.encode(), ctypes.byref(self.error)))

    def call(self, name, *arguments):
        """The code; the text of an error is in error.message."""
        self.error = Error()
        words = [a.encode() if isinstance(a, str) else a for a in arguments]
        return getattr(self.c, "spillway_" + name)(self.client, *words, ctypes.byref(self.error))

    def write(self, path, data, durable=0):
        return self.call("write", path, data, ctypes.c_size_t(len(data)), durable)

    def read(self, path, size, offset=0):
        buffer, got = ctypes.create_string_buffer(max(1, size)), ctypes.c_size_t()
        code = self.call("read", path, ctypes.c_int64(offset), buffer, ctypes.c_size_t(size), ctypes.byref(got))
        return code, buffer.raw[:got.value]

    def close(self):
        self.c.spillway_close(self.client)
        self.client = None


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(fresh_directory("library"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def library(cluster):
    library = Library("alluxio.master.hostname=127.0.0.1\nalluxio.master.rpc.port=19998\n")
    assert library.client, library.error.message
    yield library
    library.close()


def test_examples_do_what_they_say(cluster):
    for name, line in (("write_and_read", "100 files are in the store."), ("write_and_read_c", "14 bytes, in the store.")):
        text = run([SPILLWAY.resolve().parent / name, "127.0.0.1", "19998"]).stdout
        assert text.splitlines()[-1] == line
    assert cluster.fs("cat", "/example/42").stdout == "This is file 42.\n"


def test_files_in_and_out(library):
    for size in (0, 1, 4096, 128 << 10, (128 << 10) + 1, 5 << 20):
        data = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
        path = f"/inout/{size}"
        assert library.write(path, data[:size], 2) == OK, library.error.message
        assert library.read(path, size + 10) == (OK, data[:size])
    assert library.read(f"/inout/{5 << 20}", 7, 1 << 20) == (OK, data[1 << 20:(1 << 20) + 7])
    assert library.read("/inout/4096", 1, 5000)[0] == OUT_OF_RANGE
    assert library.write("/inout/1", b"x") == ALREADY_EXISTS
    assert b"/inout/1" in library.error.message
    assert library.read("/inout/none", 1)[0] == NOT_FOUND
    assert library.read("/inout", 1)[0] == INVALID_ARGUMENT


def test_names(library):
    names = []
    assert library.call("make_directory", "/names/a/b") == OK
    assert library.write("/names/f", b"12345") == OK
    assert library.call("rename", "/names/f", "/names/g") == OK
    visit = VISIT(lambda _, path, status: names.append((path.decode(), status[0].is_directory, status[0].length_bytes)) or 0)
    assert library.call("list", "/names", visit, None) == OK
    assert sorted(names)[1] == ("/names/g", 0, 5) and sorted(names)[0][:2] == ("/names/a", 1)
    status = FileStatus()
    assert library.call("await_persisted", "/names", ctypes.c_int64(30_000)) == OK, library.error.message
    assert library.call("get_status", "/names/g", ctypes.byref(status)) == OK
    assert (status.length_bytes, status.is_persisted, status.is_directory) == (5, 1, 0)
    assert library.call("remove", "/names", 1) == OK
    assert library.call("get_status", "/names/g", ctypes.byref(status)) == NOT_FOUND


def test_many_at_once_while_a_worker_dies(cluster, library):
    """What was acknowledged is there with its bytes, whichever worker is not."""
    left, outcomes = threading.Semaphore(0), {}

    def done(index, error):
        outcomes[index or 0] = error[0].message.decode() if error else ""
        left.release()
    callback = DONE(done)
    for i in range(600):
        data = f"file {i} ".encode() * (1 + i % 50)
        library.c.spillway_write_async(library.client, f"/many/{i}".encode(), data, ctypes.c_size_t(len(data)), 2, callback,
                                       ctypes.c_void_p(i))
        if i == 300:
            left.acquire()
            cluster.kill("worker2")
    for _ in range(599):
        assert left.acquire(timeout=120)
    assert [text for text in outcomes.values() if text] == []
    for i in range(600):
        data = f"file {i} ".encode() * (1 + i % 50)
        assert library.read(f"/many/{i}", 1 << 20) == (OK, data)


def test_what_is_wrong_is_said():
    library = Library("spillway.no.such.key=1")
    assert not library.client and b"spillway.no.such.key" in library.error.message
    away = Library("alluxio.master.hostname=127.0.0.1\nalluxio.master.rpc.port=1\nalluxio.user.rpc.retry.max.duration=200ms\n")
    assert away.client and away.write("/f", b"x") != OK and b"127.0.0.1:1" in away.error.message
    away.close()
