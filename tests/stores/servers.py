"""The S3 servers that Spillway is run against: each is started on loopback ports over a folder, and stopped by its pid."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import ACCESS, CACHE, ROOT, SECRET, fresh_directory, port_open, run, wait_for  # noqa: E402

STORES = CACHE / "stores"
FIRST_PORT = int(os.environ.get("SPILLWAY_STORES_PORT", "7400"))


class Server:
    """A process that speaks S3 for one bucket. The folder outlives kill() and start(), as a disk does."""

    name = ""
    port = 0
    start_seconds = 60

    def __init__(self):
        self.directory = fresh_directory(f"stores-{self.name}")
        self.data = self.directory / "data"
        self.data.mkdir()
        self.log = self.directory / "server.log"
        self.process = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def client(self):
        """boto3's, independent of Spillway's."""
        import boto3
        from botocore.config import Config
        return boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, region_name="us-east-1",
                            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, read_timeout=60))

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([str(word) for word in self.command()], stdout=out, stderr=out, cwd=self.directory)
        wait_for(lambda: self._alive() and port_open("127.0.0.1", self.port), f"{self.name} (its log: {self.log})", self.start_seconds)
        wait_for(self._bucket_made, f"the bucket of {self.name} (its log: {self.log})", self.start_seconds, pause=0.2)
        return self

    def _alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log.read_text(errors='replace')[-2000:]}")
        return True

    def _bucket_made(self):
        """True once the bucket is there, and objects could be written into it and deleted: some servers make room with the first of them."""
        import botocore.exceptions
        client = self.client()
        try:
            there = [b["Name"] for b in client.list_buckets().get("Buckets", [])]
            if "bucket" not in there:
                client.create_bucket(Bucket="bucket")
            for number in range(20):
                client.put_object(Bucket="bucket", Key=f"started-{number}", Body=b"x")
                client.delete_object(Bucket="bucket", Key=f"started-{number}")
            return True
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False

    def kill(self):
        """SIGKILL, as a machine that fails."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    stop = kill

    def properties(self):
        return {"alluxio.master.mount.table.root.ufs": "s3://bucket", "alluxio.underfs.s3.endpoint": self.endpoint,
                "s3a.accessKeyId": ACCESS, "s3a.secretKey": SECRET, "alluxio.underfs.s3.disable.dns.buckets": "true"}


class VersityGateway(Server):
    name = "versitygw"
    port = FIRST_PORT

    def command(self):
        return [CACHE / "bin" / "versitygw", "--access", ACCESS, "--secret", SECRET, "--keep-alive", "--quiet", "--port", f"127.0.0.1:{self.port}",
                "posix", self.data]

    def version(self):
        words = run(["go", "version", "-m", CACHE / "bin" / "versitygw"]).stdout.split()
        return words[words.index("mod") + 2]


class SeaweedFs(Server):
    name = "SeaweedFS"
    port = FIRST_PORT + 10

    def command(self):
        config = self.directory / "s3.json"
        identity = {"name": "test", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}
        config.write_text(json.dumps({"identities": [identity]}))
        ports = {"master.port": 1, "master.port.grpc": 2, "volume.port": 3, "volume.port.grpc": 4, "filer.port": 5, "filer.port.grpc": 6,
                 "s3.port": 0, "s3.port.grpc": 7}
        return [STORES / "venv" / "bin" / "weed", "server", "-dir", self.data, "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-filer", "-s3",
                "-s3.config", config, "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=40",
                *[f"-{name}={self.port + offset}" for name, offset in ports.items()]]

    def version(self):
        return run([STORES / "venv" / "bin" / "weed", "version"]).stdout.split()[2]


class Rclone(Server):
    name = "rclone"
    port = FIRST_PORT + 20

    def command(self):
        return [STORES / "venv" / "bin" / "rclone", "serve", "s3", "--config", "/dev/null", "--addr", f"127.0.0.1:{self.port}",
                "--auth-key", f"{ACCESS},{SECRET}", self.data]

    def version(self):
        return run([STORES / "venv" / "bin" / "rclone", "version"]).stdout.split()[1]


class S3Proxy(Server):
    name = "s3proxy"
    port = FIRST_PORT + 30

    def command(self):
        settings = self.directory / "s3proxy.conf"
        settings.write_text("".join(f"{k}={v}\n" for k, v in {
            "s3proxy.endpoint": self.endpoint, "s3proxy.authorization": "aws-v2-or-v4", "s3proxy.identity": ACCESS, "s3proxy.credential": SECRET,
            "jclouds.provider": "filesystem-nio2", "jclouds.identity": "x", "jclouds.credential": "x", "jclouds.filesystem.basedir": self.data}.items()))
        return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlogback.configurationFile={HERE}/logback.xml", "-cp", f"{STORES}/s3proxy/*", "org.gaul.s3proxy.Main", "--properties", settings]

    def version(self):
        return next((STORES / "s3proxy").glob("s3proxy-*.jar")).stem.removeprefix("s3proxy-")


SERVERS = [VersityGateway, SeaweedFs, Rclone, S3Proxy]
