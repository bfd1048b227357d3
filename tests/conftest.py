"""Fixtures: a cluster over versitygw, and one over a local folder, shared by a test module."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import Cluster, VersityGw, fresh_directory  # noqa: E402


@pytest.fixture(scope="module")
def s3(request):
    server = VersityGw(fresh_directory(request.module.__name__ + "-s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def s3_cluster(request, s3):
    cluster = Cluster(fresh_directory(request.module.__name__ + "-cluster"), properties=s3.properties())
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def local_cluster(request):
    cluster = Cluster(fresh_directory(request.module.__name__ + "-local"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()
