"""The understore suite over S3 against a real server: plain, TLS, and each source of credentials."""
import http.server
import json
import os
import subprocess
import threading

import pytest

from harness import ACCESS, CACHE, SECRET, SPILLWAY, VersityGw, fresh_directory, port_open, run, wait_for

BINARY = SPILLWAY.resolve().parent.parent / "src" / "understore" / "understore_test"
COUNT = 10


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


TEMPORARY = {"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": "", "Expiration": "2099-01-01T00:00:00Z"}
STS = (f"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{ACCESS}</AccessKeyId>"
       f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken></SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
       "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")


class Metadata(http.server.BaseHTTPRequestHandler):
    """What a container agent, an instance (version 2 alone) and STS answer."""

    def reply(self, code, body=""):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self):
        if self.path == "/container":
            return self.reply(200 if self.headers["Authorization"] == "container-token" else 401, json.dumps(TEMPORARY))
        if self.headers["X-aws-ec2-metadata-token"] != "instance-token":
            return self.reply(401)
        if self.path.endswith("/security-credentials/"):
            return self.reply(200, "the-role")
        return self.reply(200 if self.path.endswith("/the-role") else 404, json.dumps(TEMPORARY))

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = form.startswith("Action=AssumeRoleWithWebIdentity&")
        self.reply(200 if asked and form.endswith("WebIdentityToken=web-token") else 400, STS)

    def do_PUT(self):
        self.reply(200, "instance-token")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def metadata():
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}"
    service.shutdown()


def test_credentialsOfContainer(server, metadata):
    run_suite(server.endpoint, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{metadata}/container",
              AWS_CONTAINER_AUTHORIZATION_TOKEN="container-token", SPILLWAY_S3_TEST_RUN="container")


def test_credentialsOfInstance(server, metadata):
    run_suite(server.endpoint, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata,
              SPILLWAY_S3_TEST_RUN="instance")


def test_credentialsOfWebIdentity(server, metadata):
    token = server.directory / "token"
    token.write_text("web-token")
    run_suite(server.endpoint, AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN="arn:aws:iam::1:role/r",
              AWS_ENDPOINT_URL_STS=metadata, SPILLWAY_S3_TEST_RUN="web")


def test_noCredentials_saysWhatWasTried(server):
    properties = {**server.properties(), "alluxio.work.dir": str(fresh_directory("no-credentials")), "alluxio.master.rpc.port": "19991"}
    definitions = [f"-D{k}={v}" for k, v in properties.items() if not k.startswith("s3a.")]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    result = subprocess.run([SPILLWAY, "master", *definitions], capture_output=True, text=True, timeout=60,
                            env={**clean, "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"})
    assert result.returncode == 1 and "No S3 credentials: set s3a.accessKeyId" in result.stderr, result.stderr


def test_virtualHostStyle():
    """bucket.localhost is this machine by RFC 6761, which libcurl follows."""
    directory = fresh_directory("s3-virtual")
    (directory / "data" / "bucket").mkdir(parents=True)
    log = open(directory / "log", "wb")
    process = subprocess.Popen([CACHE / "bin" / "versitygw", "--access", ACCESS, "--secret", SECRET, "--keep-alive", "--port",
                                "127.0.0.1:7074", "--virtual-domain", "localhost:7074", "posix", directory / "data"], stdout=log, stderr=log)
    try:
        wait_for(lambda: port_open("127.0.0.1", 7074), "versitygw with virtual hosts")
        run_suite("http://localhost:7074", AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, SPILLWAY_S3_TEST_RUN="virtual",
                  SPILLWAY_S3_TEST_PATH_STYLE="false")
    finally:
        process.kill()
        process.wait()


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
