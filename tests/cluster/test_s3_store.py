"""The understore suite over S3 against a real server: plain, TLS, and each source of credentials."""
import os
import subprocess

import pytest

from harness import ACCESS, CACHE, SECRET, SPILLWAY, VersityGw, fresh_directory, port_open, run, wait_for

BINARY = SPILLWAY.resolve().parent.parent / "src" / "understore" / "understore_test"
COUNT = 7


def run_suite(endpoint, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    result = subprocess.run([BINARY, "--gtest_filter=*UnderStoreTest*/s3"], capture_output=True, text=True, timeout=120,
                            env={**clean, "SPILLWAY_S3_TEST_ENDPOINT": endpoint, "SPILLWAY_S3_TEST_PATH_STYLE": "true",
                                 "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent", **environment})
    assert result.returncode == 0, result.stdout
    assert f"[  PASSED  ] {COUNT} tests." in result.stdout, result.stdout


@pytest.fixture(scope="module")
def server():
    gateway = VersityGw(fresh_directory("s3-store"), port=7072).start()
    yield gateway
    gateway.stop()


def test_credentialsFromEnvironment(server):
    run_suite(server.endpoint, AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, SPILLWAY_S3_TEST_RUN="env")


def test_credentialsFromProfile(server):
    file = server.directory / "credentials"
    file.write_text(f"[other]\naws_access_key_id = no\n[work]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    run_suite(server.endpoint, AWS_SHARED_CREDENTIALS_FILE=str(file), AWS_PROFILE="work", SPILLWAY_S3_TEST_RUN="profile")


def test_tls(server):
    directory = fresh_directory("s3-tls")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"])
    (directory / "data" / "bucket").mkdir(parents=True)
    log = open(directory / "log", "wb")
    process = subprocess.Popen([CACHE / "bin" / "versitygw", "--access", ACCESS, "--secret", SECRET, "--keep-alive", "--port",
                                "127.0.0.1:7073", "--cert", directory / "cert.pem", "--key", directory / "key.pem", "posix",
                                directory / "data"], stdout=log, stderr=log)
    try:
        wait_for(lambda: port_open("127.0.0.1", 7073), "versitygw with TLS")
        run_suite("https://127.0.0.1:7073", AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, SPILLWAY_S3_TEST_RUN="tls",
                  SPILLWAY_S3_TEST_CA=str(directory / "cert.pem"))
        with pytest.raises(AssertionError):  # a certificate that nobody vouches for is refused
            run_suite("https://127.0.0.1:7073", AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, SPILLWAY_S3_TEST_RUN="bad")
    finally:
        process.kill()
        process.wait()
