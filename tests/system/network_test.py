#!/usr/bin/env python3
"""A coordinator on a network: TLS between the real programs, workers that join, people with tokens, and what is said when
something of it fails."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import unittest

import by_hand
from by_hand import program, wait_until
from service import Braid, content, write_recipe


def braid(folder, *words, **environment):
    """`braid` from elsewhere: no folder of state, no variables of this shell."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
    return subprocess.run(
        [program("braid"), *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**plain, **environment},
    )


def certificate_at(port):
    """What a client that verifies nothing is shown first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))


class Coordinator(Braid):
    """braid-coordinator by hand. `state` has its address file, as `braid --dir` expects it."""

    def __init__(self, *words):
        super().__init__(tempfile.mkdtemp(prefix="braid-network-"))
        self.words, self.process, self.workers = words, None, []
        os.makedirs(os.path.join(self.folder, "state"))

    def __enter__(self):
        self.start()
        return self

    def start(self, *words):
        address = os.path.join(self.folder, "state", "address.json")
        if os.path.exists(address):
            os.remove(address)
        self.process = self.launch(
            "coordinator",
            "braid-coordinator",
            "--dir",
            os.path.join(self.folder, "state", "coordinator"),
            "--address-file",
            address,
            *(words or self.words),
        )
        wait_until(
            lambda: os.path.exists(address) or self.process.poll() is not None, "the coordinator"
        )
        if self.process.poll() is not None:
            raise AssertionError(self.log("coordinator"))

    def launch(self, name, what, *words, stdin=None):
        with open(os.path.join(self.folder, name + ".log"), "a", encoding="utf-8") as log:
            return subprocess.Popen(
                [program(what), *words],
                env=self.environment,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def worker(self, name, *words, **more):
        process = self.launch(
            name, "braid-worker", "--dir", os.path.join(self.folder, name), *words, **more
        )
        self.workers.append(process)
        return process

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), encoding="utf-8") as file:
            return file.read()

    def link(self, worker):
        """The state of the link to a worker; None if it is not listed."""
        for entry in self.json("worker", "list").get("workers", []):
            if entry["id"] == worker:
                return entry["link"]
        return None

    def wait_ready(self, worker):
        wait_until(lambda: self.link(worker) == "WORKER_READY", worker)

    def port(self):
        return int(self.endpoint()["grpc"].rsplit(":", 1)[1])

    def tls(self, name):
        return os.path.join(self.folder, "state", "coordinator", "tls", name)

    def stop(self):
        for process in [*self.workers, self.process]:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)

    def __exit__(self, kind, *_):
        self.stop()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if kind is not None or os.environ.get("BRAID_KEEP_TESTS"):
            print("state kept in", self.folder)
        else:
            shutil.rmtree(self.folder)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Coordinator("--listen", "0.0.0.0:0", "--tls-name", "braid.example")
        cls.service.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def from_elsewhere(self, *words, **environment):
        """`braid list runs` with a token, and whatever says how to trust the coordinator."""
        service = self.service
        return braid(
            service.folder,
            "--addr",
            f"127.0.0.1:{service.port()}",
            "--token-file",
            service.endpoint()["token_file"],
            "--dir",
            "none",
            *words,
            "list",
            "runs",
            **environment,
        )

    def test_the_address_file_is_all_that_a_command_needs(self):
        self.assertEqual(self.service.run("list", "runs").returncode, 0)
        for name in ("ca.key", "ca.pem", "server.key", "server.pem"):
            self.assertEqual(stat.S_IMODE(os.stat(self.service.tls(name)).st_mode), 0o600, name)
        self.assertEqual(stat.S_IMODE(os.stat(self.service.tls("")).st_mode), 0o700)
        # Copied to another machine, it still says whom to trust.
        with tempfile.TemporaryDirectory() as elsewhere:
            shutil.copy(os.path.join(self.service.folder, "state", "address.json"), elsewhere)
            token = self.service.endpoint()["token_file"]
            done = braid(elsewhere, "--dir", ".", "--token-file", token, "list", "runs")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_who_listens_is_proved_by_a_file_or_a_digest(self):
        digest = self.service.endpoint()["ca_sha256"]
        for trust in (self.service.tls("ca.pem"), "sha256:" + digest):
            self.assertEqual(self.from_elsewhere("--ca", trust).returncode, 0, trust)
            self.assertEqual(self.from_elsewhere(BRAID_CA=trust).returncode, 0, trust)
        done = self.from_elsewhere("--ca", "sha256:" + "0" * 64)
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in ("is not who it should be", digest, "nothing was sent"):
            self.assertIn(word, done.stderr)
        done = self.from_elsewhere("--ca", "sha256:12")
        self.assertIn("64 lower-case hex digits", done.stderr)

    def test_another_authority_is_refused_and_says_what_to_do(self):
        with Coordinator("--tls") as other:
            done = self.from_elsewhere("--ca", other.tls("ca.pem"))
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in ("is not who it should be", "ca.pem", "nothing was sent", "--ca"):
            self.assertIn(word, done.stderr)

    def test_a_certificate_for_other_names_is_refused_and_names_them(self):
        # 127.0.0.2 is this machine as well, and none of its names.
        service = self.service
        done = braid(
            service.folder,
            "--addr",
            f"127.0.0.2:{service.port()}",
            "--token-file",
            service.endpoint()["token_file"],
            "--ca",
            service.tls("ca.pem"),
            "list",
            "runs",
        )
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in ("braid.example", "and not for 127.0.0.2", "--tls-name 127.0.0.2"):
            self.assertIn(word, done.stderr)

    def test_plain_text_and_tls_tell_each_other_apart(self):
        done = self.from_elsewhere()
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("speaks TLS: say with --ca", done.stderr)
        with Coordinator() as plain:
            for trust in (self.service.tls("ca.pem"), "sha256:" + "0" * 64):
                done = braid(
                    plain.folder,
                    "--addr",
                    plain.endpoint()["grpc"],
                    "--token-file",
                    plain.endpoint()["token_file"],
                    "--ca",
                    trust,
                    "list",
                    "runs",
                )
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn("speaks no TLS", done.stderr)
                self.assertIn("nothing was sent", done.stderr)

    def test_no_token_crosses_a_network_without_tls(self):
        done = braid(self.service.folder, "--addr", "192.0.2.1:7070", "list", "runs")
        self.assertEqual(done.returncode, 4, done.stderr)
        for word in ("192.0.2.1:7070", "--ca", "ssh -L"):
            self.assertIn(word, done.stderr)

    def test_a_worker_speaks_tls_and_a_rotated_certificate_disturbs_nobody(self):
        service = self.service
        address = os.path.join(service.folder, "state", "address.json")
        service.worker("w1", "--address-file", address, "--id", "w1", "--slots", "1")
        service.wait_ready("w1")
        before = certificate_at(service.port())
        events = len(service.events())
        # What an administrator does: a new certificate in place of the old one.
        with tempfile.TemporaryDirectory() as work:
            for file in ("ca.pem", "ca.key", "server.key"):
                shutil.copy(service.tls(file), work)
            subprocess.run(
                f"cd {work} && openssl req -new -key server.key -subj /CN=rotated -out r.csr 2>/dev/null"
                " && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > names"
                " && openssl x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 30 -extfile names"
                " -out new.pem 2>/dev/null && cat new.pem ca.pem > chain.pem",
                shell=True,
                check=True,
            )
            shutil.copy(os.path.join(work, "chain.pem"), service.tls("server.pem.new"))
            os.chmod(service.tls("server.pem.new"), 0o600)
            os.replace(service.tls("server.pem.new"), service.tls("server.pem"))
        wait_until(lambda: certificate_at(service.port()) != before, "the new certificate")
        self.assertEqual(self.from_elsewhere("--ca", service.tls("ca.pem")).returncode, 0)
        # The worker's session goes on over the old connection: nothing has happened to it.
        self.assertEqual(service.link("w1"), "WORKER_READY")
        kinds = [event["kind"] for event in service.events()[events:]]
        self.assertNotIn("worker.disconnected", kinds)
        self.assertNotIn("worker.replaced", kinds)

    def test_a_worker_that_meets_another_says_so(self):
        service = self.service
        with Coordinator("--tls") as other:
            service.worker(
                "w2",
                "--coordinator",
                f"127.0.0.1:{service.port()}",
                "--token-file",
                service.endpoint()["token_file"],
                "--ca",
                other.tls("ca.pem"),
                "--id",
                "w2",
            )
            wait_until(lambda: "is not who it should be" in service.log("w2"), "the worker's words")
        self.assertIsNone(service.link("w2"))


class Joining(unittest.TestCase):
    """Workers of other machines: invited, known by their keys, and gone when they are removed."""

    @classmethod
    def setUpClass(cls):
        cls.service = Coordinator(
            "--listen", "0.0.0.0:0", "--worker-certificate-s", "24", "--site", "home"
        )
        cls.service.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.service.__exit__(None)

    def invite(self, *words):
        """The line to paste, without the command around it."""
        service = self.service
        here = ("--address", f"127.0.0.1:{service.port()}")
        done = service.run("worker", "invite", *here, *words)
        self.assertRegex(
            done.stdout, r"^echo braid-join:v1:\S+ \| braid-worker --join - --dir \S+\n$"
        )
        return done.stdout.split()[1]

    def join(self, line, name, *words):
        """A worker with the line on its standard input."""
        worker = self.service.worker(
            name, "--join", "-", "--slots", "1", *words, stdin=subprocess.PIPE
        )
        worker.stdin.write((line + "\n").encode())
        worker.stdin.close()
        return worker

    def refused(self, line, name, *words):
        worker = self.join(line, name, *words)
        self.assertEqual(worker.wait(timeout=60), 78)
        return self.service.log(name)

    def file(self, worker, name):
        return os.path.join(self.service.folder, worker, "tls", name)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_a_worker_joins_works_renews_restarts_and_is_removed(self):
        service = self.service
        line = self.invite("--worker-id", "far-1", "--site", "far", "--expires", "5m")
        secret = line.split(":")[2]
        worker = self.join(line, "far-1")
        service.wait_ready("far-1")
        listed = service.json("worker", "list")["workers"]
        self.assertEqual([entry["site"] for entry in listed if entry["id"] == "far-1"], ["far"])
        for name in ("worker.key", "worker.pem", "ca.pem"):
            mode = stat.S_IMODE(os.stat(self.file("far-1", name)).st_mode)
            self.assertEqual(mode, 0o600, name)
        first = self.read(self.file("far-1", "worker.pem"))
        # It works: inputs come, outputs go, as the worker alone may do it.
        recipe = write_recipe(service.folder, by_hand.small_texts(), steps=4)
        run = service.run("submit", recipe, "--only", "path_tales", "--watch").stdout.strip()
        jobs = service.json("describe", run)["jobs"]
        self.assertEqual({job["state"] for job in jobs}, {"JOB_SUCCEEDED"})
        # It renews its certificate, without losing its session.
        wait_until(lambda: "was renewed" in service.log("far-1"), "a renewal")
        self.assertNotEqual(self.read(self.file("far-1", "worker.pem")), first)
        run = service.run("submit", recipe, "--only", "tokenizer", "--watch").stdout.strip()
        self.assertEqual(service.link("far-1"), "WORKER_READY")
        self.assertNotIn("no session", service.log("far-1"))
        # Started again, its folder is enough.
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
        worker = service.worker("far-1", "--slots", "1")
        service.wait_ready("far-1")
        # The secret was nowhere but on the line.
        for pid in service.processes():
            for what in ("cmdline", "environ"):
                self.assertNotIn(secret.encode(), content(f"/proc/{pid}/{what}"))
        for at, _, names in os.walk(service.folder):
            for name in names:
                self.assertNotIn(secret.encode(), content(os.path.join(at, name)), name)
        # A second use says by whom it was used.
        said = self.refused(line, "thief")
        for word in ("was used at", "by worker far-1 on " + socket.gethostname()):
            self.assertIn(word, said)
        # Removed, it ends, and does not come back.
        service.run("worker", "remove", "far-1")
        self.assertEqual(worker.wait(timeout=60), 5)
        self.assertIn("was removed by the owner", service.log("far-1"))
        self.assertIsNone(service.link("far-1"))
        again = service.worker("far-1", "--slots", "1")
        wait_until(lambda: "lets it join again" in service.log("far-1"), "its refusal")
        again.send_signal(signal.SIGTERM)
        again.wait(timeout=60)
        # Invited again, the same folder joins again.
        self.join(self.invite("--worker-id", "far-1"), "far-1")
        service.wait_ready("far-1")

    def test_what_is_no_invitation_says_so(self):
        line = self.invite()
        for bad, word in (
            ("nonsense", "does not begin with"),
            (line[:100], "is cut or damaged"),
            (line.replace(line.split(":")[2], "0" * 64), "the token is not this coordinator's"),
            (line.replace(line.split(":")[3], "0" * 64), "is not who it should be"),
        ):
            said = self.refused(bad, "nobody")
            self.assertIn(word, said)
            self.assertNotIn(line.split(":")[2], said)
        revoked = self.invite()
        ids = [
            entry["id"]
            for entry in self.service.json("token", "list")["credentials"]
            if entry["kind"] == "INVITATION" and "endedMs" not in entry
        ]
        self.service.run("token", "revoke", ids[-1])
        self.assertIn("was used at", self.refused(revoked, "nobody"))
        said = self.refused(self.invite("--worker-id", "far-2"), "nobody", "--id", "far-3")
        self.assertIn("is for worker far-2", said)

    def test_a_foreign_certificate_opens_nothing(self):
        # A worker of another coordinator, whose authority is unknown here.
        service = self.service
        with Coordinator("--tls") as other:
            line = other.run("worker", "invite", "-o", "name").stdout.strip()
            stranger = other.worker("w", "--join", "-", "--slots", "1", stdin=subprocess.PIPE)
            stranger.stdin.write((line + "\n").encode())
            stranger.stdin.close()
            other.wait_ready(socket.gethostname())
            stranger.send_signal(signal.SIGTERM)
            stranger.wait(timeout=60)
            shutil.copytree(os.path.join(other.folder, "w"), os.path.join(service.folder, "spy"))
        with open(self.file("spy", "coordinator.json"), encoding="utf-8") as file:
            told = json.load(file)
        told["address"] = f"127.0.0.1:{service.port()}"
        with open(self.file("spy", "coordinator.json"), "w", encoding="utf-8") as file:
            json.dump(told, file)
        shutil.copy(service.tls("ca.pem"), self.file("spy", "ca.pem"))
        spy = service.worker("spy", "--slots", "1")
        wait_until(lambda: "no session" in service.log("spy"), "a refusal")
        spy.send_signal(signal.SIGTERM)
        spy.wait(timeout=60)
        self.assertIsNone(service.link(told["worker_id"]))


class Tokens(unittest.TestCase):
    def test_people_have_tokens_with_roles(self):
        with Coordinator("--tls") as service:
            files = {}
            for role in ("viewer", "submitter", "operator"):
                files[role] = os.path.join(service.folder, role)
                service.run(
                    "token", "create", "--role", role, "--name", role, "--file", files[role]
                )
                self.assertEqual(stat.S_IMODE(os.stat(files[role]).st_mode), 0o600)

            def run(role, *words, code=0):
                return service.run("--token-file", files[role], *words, code=code)

            self.assertIn("viewer, role viewer", run("viewer", "whoami").stdout)
            run("viewer", "list", "runs")
            said = run("viewer", "token", "list", code=4).stderr
            self.assertIn("viewer has role viewer, and ListCredentials needs role operator", said)
            said = run("operator", "token", "create", "--role", "admin", "--name", "me", code=4)
            self.assertIn("needs role admin", said.stderr)
            # Nobody is left with a file without a token, or a token without its secret.
            refused = os.path.join(service.folder, "refused")
            words = ("token", "create", "--role", "admin", "--name", "lost", "--file")
            run("operator", *words, refused, code=4)
            self.assertFalse(os.path.exists(refused))
            done = service.run(*words, os.path.join(service.folder, "none", "token"), code=None)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(os.path.join("none", "token"), done.stderr)
            self.assertNotIn("lost", service.run("token", "list").stdout)
            recipe = write_recipe(service.folder, by_hand.small_texts(), steps=4)
            said = run("viewer", "submit", recipe, code=4).stderr
            self.assertIn("needs role submitter", said)
            made = run("submitter", "submit", recipe).stdout.strip()
            self.assertEqual(service.json("describe", made)["user"], "submitter")
            run("submitter", "cancel", made)
            # HTTP takes them, too.
            with open(files["viewer"], encoding="utf-8") as file:
                token = file.read().strip()
            self.assertEqual(
                service.http("/metrics", headers={"Authorization": "Bearer " + token})[0], 200
            )
            listed = service.run("token", "list").stdout
            self.assertNotIn(token, listed)
            self.assertIn("good", listed)
            # Revoked, it is refused at once, by name, and so is what is open with it.
            watching = subprocess.Popen(
                [
                    program("braid"),
                    "--dir",
                    os.path.join(service.folder, "state"),
                    "--token-file",
                    files["viewer"],
                    "events",
                    "--follow",
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=service.environment,
                cwd=service.folder,
            )
            watching.stdout.readline()
            service.run("token", "revoke", "viewer")
            said = watching.communicate(timeout=60)[1]
            self.assertEqual(watching.returncode, 4, said)
            self.assertIn("of viewer was revoked at", said)
            done = run("viewer", "list", "runs", code=4).stderr
            for word in ("token t-", "of viewer was revoked at", "braid token create"):
                self.assertIn(word, done)
            # Printed once, and nowhere else.
            printed = service.run("token", "create", "--role", "viewer", "--name", "p").stdout
            secret = printed.strip()
            self.assertEqual(len(secret), 64)
            for at, _, names in os.walk(service.folder):
                for name in names:
                    self.assertNotIn(secret.encode(), content(os.path.join(at, name)), name)
            # The audit has who asked for what, whatever came of it.
            rows = [
                json.loads(line)
                for line in run(
                    "operator", "-o", "json", "audit", "--since", "1h"
                ).stdout.splitlines()
            ]
            asked = [(row["user"], row["call"], row.get("object"), row["outcome"]) for row in rows]
            self.assertIn(("submitter", "SubmitRun", made, "OK"), asked)
            self.assertIn(("submitter", "CancelRun", made, "OK"), asked)
            self.assertEqual([row["call"] for row in rows].count("CreateToken"), 6)
            # Where a refused call came from is not known where its role is looked at.
            self.assertEqual(
                {row.get("peer") for row in rows if row["outcome"] != "PERMISSION_DENIED"},
                {"127.0.0.1"},
            )
            table = run("operator", "audit", "--user", "submitter", "--action", "cancelrun").stdout
            self.assertEqual(len(table.splitlines()), 2, table)
            self.assertIn(made, table)
            self.assertIn("ListAudit needs role operator", run("submitter", "audit", code=4).stderr)
            self.assertIn(
                "expected how long ago", service.run("audit", "--since", "x", code=1).stderr
            )
            # The coordinator remembers all of it.
            service.stop()
            service.start()
            run("submitter", "whoami")
            run("viewer", "whoami", code=4)


class Starting(unittest.TestCase):
    def refused(self, *words):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [program("braid-coordinator"), "--dir", os.path.join(folder, "c"), *words],
                capture_output=True,
                text=True,
                timeout=60,
            )
        self.assertEqual(done.returncode, 78, done.stderr)
        return done.stderr

    def test_what_cannot_work_is_refused_with_a_sentence(self):
        for flag in ("--tls-cert", "--http-cert"):
            self.assertIn("belong together", self.refused(flag, "/none"))
        said = self.refused("--http-cert", "/none.pem", "--http-key", "/none.key")
        self.assertIn("--http-cert and --http-key", said)
        self.assertIn("/none", said)
        self.assertIn("--http 0.0.0.0 has no port", self.refused("--http", "0.0.0.0"))
        said = self.refused("--tls-cert", "/none.pem", "--tls-key", "/none.key")
        self.assertIn("--tls-cert and --tls-key", said)
        self.assertIn("/none", said)
        self.assertIn("has no port", self.refused("--listen", "0.0.0.0"))

    def test_certificates_of_the_users(self):
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(
                f"cd {work} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
                " -keyout k.pem -out c.pem -days 2 -subj /CN=x"
                " -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
                shell=True,
                check=True,
            )
            cert, key = os.path.join(work, "c.pem"), os.path.join(work, "k.pem")
            with Coordinator("--tls-cert", cert, "--tls-key", key) as service:
                self.assertEqual(service.run("list", "runs").returncode, 0)
                with open(cert, encoding="utf-8") as file:
                    self.assertEqual(certificate_at(service.port()).strip(), file.read().strip())
                endpoint = service.endpoint()
                done = braid(
                    work,
                    "--addr",
                    endpoint["grpc"],
                    "--token-file",
                    endpoint["token_file"],
                    "--ca",
                    "sha256:" + endpoint["ca_sha256"],
                    "list",
                    "runs",
                )
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
