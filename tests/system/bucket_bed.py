"""A bucket of a real server, SeaweedFS, for tests, and botocore as an independent client of it. braid itself needs neither."""

import contextlib
import glob
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from by_hand import wait_until
from slurm_bed import HeldPorts

try:
    import botocore.exceptions
    import botocore.session
except ImportError as error:
    botocore = None
    WHY = f"{error}: scripts/setup installs botocore and SeaweedFS, where they can be had"

BUCKET = "models"
KEYS = {
    "writer": ("AKIDWRITER", "secret-of-the-writer"),
    "reader": ("AKIDREADER", "secret-of-the-reader"),
}
ACTIONS = {"writer": ["Admin", "Read", "Write", "List"], "reader": ["Read", "List"]}
# Each has another one for gRPC.
SERVERS = ("master", "volume", "filer", "s3")


def weed():
    """The server, which is installed beside this interpreter."""
    return os.path.join(os.path.dirname(sys.executable), "weed")


def require():
    if botocore is None or not os.path.exists(weed()):
        raise unittest.SkipTest(WHY if botocore is None else "there is no weed beside this Python")


class BucketBed:
    def __enter__(self):
        require()
        self.folder = tempfile.mkdtemp(prefix="braid-bucket-")
        self.process = None
        self.ports = HeldPorts(2 * len(SERVERS))
        self.endpoint = f"http://127.0.0.1:{self.port('s3')}"
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": ACTIONS[name],
            }
            for name, (key, secret) in KEYS.items()
        ]
        with open(self.path("keys.json"), "w", encoding="utf-8") as file:
            json.dump({"identities": identities}, file)
        os.mkdir(self.path("data"))
        session = botocore.session.Session()
        self.client = session.create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["writer"][0],
            aws_secret_access_key=KEYS["writer"][1],
        )
        self.start()
        self.client.create_bucket(Bucket=BUCKET)
        wait_until(lambda: self.put("probe", b"x"), "a bucket that takes an object")
        return self

    def __exit__(self, kind, *_):
        self.kill()
        for port in self.ports.ports:
            for left in glob.glob(f"/tmp/seaweedfs-*-{port}.sock"):
                os.remove(left)
        self.ports.close()
        if kind is not None or os.environ.get("BRAID_KEEP_TESTS"):
            print("the bucket's server is kept in", self.folder)
        else:
            shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def port(self, server, grpc=False):
        return self.ports.ports[2 * SERVERS.index(server) + int(grpc)]

    def start(self):
        words = [weed(), "server", "-dir=" + self.path("data"), "-ip=127.0.0.1", "-s3"]
        words += ["-ip.bind=127.0.0.1", "-s3.config=" + self.path("keys.json"), "-s3.iam=false"]
        words += [
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
        ]
        # A master that resumes its state waits for others to vote for longer than ten seconds.
        words += ["-master.telemetry=false", "-master.resumeState=false"]
        for server in SERVERS:
            words.append(f"-{server}.port={self.port(server)}")
            words.append(f"-{server}.port.grpc={self.port(server, grpc=True)}")
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self.answers, "the bucket's server", timeout_s=60)

    def answers(self):
        if self.process.poll() is not None:
            with open(self.path("log"), encoding="utf-8") as log:
                raise AssertionError("the bucket's server has ended:\n" + log.read()[-2000:])
        try:
            self.client.list_buckets()
            return True
        except (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            http.client.HTTPException,
        ):
            return False

    def kill(self):
        """As a machine that is switched off. It takes long over a SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def put(self, key, content):
        try:
            self.client.put_object(Bucket=BUCKET, Key=key, Body=content)
            return True
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False

    def objects(self, prefix):
        """The blobs below a prefix: key -> the SHA-256 of its bytes, as they are."""
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=prefix + "/"
        ):
            for one in page.get("Contents", []):
                if one["Key"] == prefix + "/coordinator":
                    continue
                body = self.client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
                found[one["Key"]] = hashlib.sha256(body).hexdigest()
        return found

    def unfinished(self, prefix):
        """Uploads in parts that are neither completed nor ended."""
        listed = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix + "/")
        return listed.get("Uploads", [])

    def url(self, prefix, endpoint=None):
        return f"s3://{BUCKET}/{prefix}?endpoint={endpoint or self.endpoint}"

    def reads_nothing_of(self):
        """Whether a request has come that the server, which stands still, has not read: bytes wait in its socket."""
        port = f":{self.port('s3'):04X}"
        with open("/proc/net/tcp", encoding="utf-8") as file:
            rows = [line.split() for line in file.read().splitlines()[1:]]
        return any(
            row[1].endswith(port) and row[3] == "01" and int(row[4].split(":")[1], 16) > 0
            for row in rows
        )


class Between:
    """A network in front of the bucket's server that lets connections of those pass who have keys, and of those who
    have a URL that was signed for them only so many bytes of the answers: `cuts` has a number for each connection. It
    can hold what they send, too."""

    def __init__(self, bed):
        self.target = ("127.0.0.1", bed.port("s3"))
        self.cuts, self.signed, self.lock = [], [], threading.Lock()
        self.sent, self.most_sent = 0, None  # bytes of signed requests
        self.holds, self.released = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self, most):
        """Lets so many more bytes of signed requests pass, and then none until `release`; `holds` is set by then."""
        self.most_sent = self.sent + most

    def release(self):
        self.most_sent = None
        self.released.set()

    def close(self):
        self.release()
        self.listener.close()
        self.cut([])

    def cut(self, cuts):
        """From now on; connections that are there end."""
        with self.lock:
            self.cuts = list(cuts)
            for one in self.signed:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self.signed = []

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(self.target) as server:
            first = client.recv(1 << 16)
            most = None
            line = first.split(b"\r\n")[0]
            # The coordinator tries by itself whether URLs hold to what was signed.
            if b"X-Amz-Signature=" in line and b"/probe?" not in line:
                with self.lock:
                    self.signed.append(client)
                    most = self.cuts.pop(0) if self.cuts else None
            if most == 0:
                return
            signed = client in self.signed
            threading.Thread(
                target=self.pass_on, args=(client, server, first, signed), daemon=True
            ).start()
            self.pump(server, client, most)

    def pass_on(self, client, server, piece, signed):
        with contextlib.suppress(OSError):
            while piece:
                if signed:
                    with self.lock:
                        self.sent += len(piece)
                        too_many = self.most_sent is not None and self.sent > self.most_sent
                    if too_many:
                        self.holds.set()
                        self.released.wait()
                server.sendall(piece)
                piece = client.recv(1 << 16)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    @staticmethod
    def pump(source, sink, most):
        with contextlib.suppress(OSError):
            while most is None or most > 0:
                piece = source.recv(1 << 16 if most is None else min(most, 1 << 16))
                if not piece:
                    break
                sink.sendall(piece)
                most = None if most is None else most - len(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def write_keys(path, who):
    """A credentials file, for its owner alone."""
    key, secret = KEYS[who]
    with open(path + ".new", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    os.rename(path + ".new", path)
