#!/usr/bin/env python3
"""HTTPS: the dashboard and the HTTP API on a network, with certificates that change, expire or are somebody else's."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from unittest import mock

import by_hand
from browser import Browser
from by_hand import wait_until
from network_test import Coordinator, braid

sys.path.insert(0, os.path.join(by_hand.SOURCE_DIR, "clients", "python", "src"))
import braid_client  # noqa: E402


def make(folder, name, days, names="DNS:localhost,IP:127.0.0.1"):
    """NAME.pem and NAME.key, a certificate of its own; of `days` below 0 it has expired already."""
    subprocess.run(
        f"cd {folder} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        f" -keyout {name}.key -out {name}.pem -subj /CN={name} -days {abs(days)}"
        f" -addext subjectAltName={names} 2>/dev/null",
        shell=True,
        check=True,
    )
    if days < 0:
        # `req` knows no beginning in the past; `ca` does, and signs the key again.
        subprocess.run(
            f"cd {folder} && mkdir {name}.d && touch {name}.d/index && echo 01 > {name}.d/serial"
            f" && printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase={name}.d/index\\nserial={name}.d/serial\\n"
            f"new_certs_dir={name}.d\\ndefault_md=sha256\\npolicy=p\\nx509_extensions=x\\n[p]\\n"
            f"commonName=supplied\\n[x]\\nsubjectAltName={names}\\n' > {name}.cnf"
            f" && openssl req -new -key {name}.key -subj /CN={name} -out {name}.csr"
            f" && openssl ca -batch -config {name}.cnf -selfsign -keyfile {name}.key -in {name}.csr"
            f" -startdate 20200101000000Z -enddate 20200201000000Z -notext -out {name}.pem"
            " 2>/dev/null",
            shell=True,
            check=True,
        )
    return [os.path.join(folder, name + end) for end in (".pem", ".key")]


class Relay:
    """A plain address of this machine in whose name a certificate is shown to a server of HTTPS: the browser of these tests
    has no certificates of its own. Of each request the scheme of its Origin is changed, and nothing else."""

    def __init__(self, port, context):
        self.port, self.context = port, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=[near], daemon=True).start()

    def serve(self, near):
        with near, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = near.recv(1 << 16)
                if not piece:
                    return
                head += piece
            raw = socket.create_connection(("localhost", self.port))
            with self.context.wrap_socket(raw, server_hostname="localhost") as far:
                far.sendall(head.replace(b"Origin: http:", b"Origin: https:"))
                body = threading.Thread(target=self.copy, args=[near, far], daemon=True)
                body.start()
                self.copy(far, near)
                near.shutdown(socket.SHUT_RDWR)
                body.join()

    @staticmethod
    def copy(source, to):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                to.sendall(piece)


class Https(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Coordinator(
            "--http", "0.0.0.0:0", "--tls-name", "braid.example", "--http-strict-days", "3"
        )
        # A machine that would let every version pass: what is refused, the coordinator refuses.
        lenient = os.path.join(cls.service.folder, "openssl.cnf")
        with open(lenient, "w", encoding="utf-8") as file:
            file.write(
                "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
                "MinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n"
            )
        cls.service.environment = {**cls.service.environment, "OPENSSL_CONF": lenient}
        cls.service.__enter__()
        cls.addClassCleanup(cls.service.__exit__, None)
        # Who never ends its handshake; what comes of it is looked at last.
        cls.half_hello = socket.create_connection(("localhost", cls.port(cls)))
        cls.half_hello.sendall(b"\x16\x03\x01\x02")
        cls.addClassCleanup(cls.half_hello.close)

    def trust(self):
        return ssl.create_default_context(cafile=self.service.tls("ca.pem"))

    def port(self):
        return int(self.service.endpoint()["http"].rsplit(":", 1)[1])

    def ask(self, path, context=None, method="GET", body=None, **headers):
        """Status, headers and text; plain without a context. Nobody follows redirects."""
        connection = (
            http.client.HTTPSConnection("localhost", self.port(), context=context, timeout=60)
            if context
            else http.client.HTTPConnection("localhost", self.port(), timeout=60)
        )
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def client(self, **more):
        return braid_client.Client(retry_s=0, **more)

    def test_beyond_loopback_there_is_nothing_but_tls(self):
        authorization = dict([self.service.authorization()])
        status, headers, text = self.ask("/api/v1/runs", self.trust(), **authorization)
        self.assertEqual((status, json.loads(text)), (200, {"runs": []}))
        # For localhost it would be for everything else that people run there.
        self.assertNotIn("Strict-Transport-Security", headers)
        named = {**authorization, "Host": "braid.example:80"}
        status, headers, _ = self.ask("/api/v1/runs", self.trust(), **named)
        self.assertEqual(status, 200, "a name of the certificate is one of this machine")
        self.assertEqual(headers["Strict-Transport-Security"], "max-age=259200")
        status, headers, _ = self.ask("/web/app.js?x=1")
        self.assertEqual(status, 307)
        self.assertEqual(headers["Location"], f"https://localhost:{self.port()}/web/app.js?x=1")
        # Of another program on this host.
        self.assertEqual(self.ask("/", Cookie="other=1")[0], 307)
        self.assertEqual(self.ask("http://evil.example/", Host="localhost")[0], 400)
        status, headers, text = self.ask("/api/v1/runs", **authorization)
        self.assertEqual(status, 400)
        for word in ("speaks HTTPS", f"https://localhost:{self.port()}", "replace its token"):
            self.assertIn(word, text)
        self.assertNotIn("runs", json.loads(text))
        status, headers, _ = self.ask("/x", Host="evil.example")
        self.assertEqual((status, headers.get("Location")), (403, None))

    def test_old_versions_are_refused(self):
        context = self.trust()
        warnings.simplefilter("ignore", DeprecationWarning)  # which is why they are refused
        self.addCleanup(warnings.resetwarnings)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with self.assertRaisesRegex(ssl.SSLError, "PROTOCOL_VERSION"):
            self.ask("/healthz", context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(self.ask("/healthz", context)[0], 200)

    def test_large_bodies_and_silent_clients(self):
        silent = [socket.create_connection(("localhost", self.port())) for _ in range(20)]
        half = self.trust().wrap_socket(
            socket.create_connection(("localhost", self.port())), server_hostname="localhost"
        )
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        # A body of many records of TLS, which come at once.
        client = self.client(dir=os.path.join(self.service.folder, "state"))
        recipe = "# " + "x" * 3_000_000 + "\n"
        self.assertTrue(client.check(text=recipe).findings)
        half.sendall(b"host\r\n\r\n")
        self.assertIn(b"200 OK", half.recv(100))
        for one in [*silent, half]:
            one.close()

    def test_the_client_for_python_trusts_the_authority_alone(self):
        state = os.path.join(self.service.folder, "state")
        self.assertEqual(self.client(dir=state).whoami().role, "ADMIN")
        url, token_file = f"https://127.0.0.1:{self.port()}", self.service.endpoint()["token_file"]
        ca = self.service.tls("ca.pem")
        given = {"token_file": token_file, "dir": "none"}
        self.client(url=url, ca=ca, **given).whoami()
        self.client(url=f"https://localhost:{self.port()}", ca=ca, **given).whoami()
        with self.assertRaisesRegex(braid_client.PermissionDenied, "nothing was sent to it. ca="):
            self.client(url=url, **given).whoami()
        with self.assertRaisesRegex(braid_client.PermissionDenied, "127.0.0.2"):
            self.client(url=f"https://127.0.0.2:{self.port()}", ca=ca, **given).whoami()
        with Coordinator("--http-tls") as other:
            with self.assertRaisesRegex(braid_client.PermissionDenied, "certificate|nothing was"):
                self.client(url=url, ca=other.tls("ca.pem"), **given).whoami()
        digest = "sha256:" + self.service.endpoint()["http_ca_sha256"]
        with self.assertRaisesRegex(braid_client.InvalidArgument, "a copy of the coordinator's ca"):
            self.client(url=url, ca=digest, **given).whoami()
        with self.assertRaisesRegex(braid_client.NotFound, "authority's file /none.pem is not"):
            self.client(url=url, ca="/none.pem", **given).whoami()
        with self.assertRaisesRegex(braid_client.InvalidArgument, "holds no certificate"):
            self.client(url=url, ca=token_file, **given).whoami()
        with Coordinator() as plain:
            insecure = "https://" + plain.endpoint()["http"]
            with self.assertRaisesRegex(braid_client.PermissionDenied, "no TLS.*--http-tls"):
                self.client(url=insecure, ca=ca, **given).whoami()
            # The authority of gRPC says nothing of a plain address of loopback.
            with mock.patch.dict(os.environ, {"BRAID_CA": ca}):
                self.client(dir=os.path.join(plain.folder, "state")).whoami()

    def test_the_address_file_says_more_of_https_than_the_environment(self):
        state = os.path.join(self.service.folder, "state")
        for elsewhere in ("/none.pem", "sha256:" + "0" * 64):
            with mock.patch.dict(os.environ, {"BRAID_CA": elsewhere}):
                self.client(dir=state).whoami()
        plain = "http://" + self.service.endpoint()["http"]
        with self.assertRaisesRegex(braid_client.InvalidArgument, "speaks HTTPS: https://127"):
            self.client(dir=state, url=plain).whoami()

    def test_who_says_half_a_hello_is_not_waited_for(self):
        self.half_hello.settimeout(60)
        self.assertEqual(self.half_hello.recv(1), b"")

    def certificate(self, name, role, *words, end=".pem"):
        """Its id, and the file with the certificate and its key."""
        file = os.path.join(self.service.folder, name + end)
        made = json.loads(
            self.service.run(
                "-o", "json", "token", "create", "--certificate", "--name", name, "--role", role,
                "--file", file, *words,
            ).stdout
        )  # fmt: skip
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        return made["id"], file

    def showing(self, file):
        context = self.trust()
        context.load_cert_chain(file)
        return context

    def test_who_shows_a_certificate_needs_no_token(self):
        vera, file = self.certificate("vera", "viewer")
        context = self.showing(file)
        own = json.loads(self.ask("/api/v1/Access/WhoAmI", context)[2])
        self.assertEqual((own["name"], own["role"], own["id"]), ("vera", "VIEWER", vera))
        self.assertEqual(self.ask("/metrics", context)[0], 200)
        # A person without one is asked for a token, as before.
        self.assertEqual(self.ask("/api/v1/runs", self.trust())[0], 401)
        # A token goes before it.
        token = dict([self.service.authorization()])
        own = json.loads(self.ask("/api/v1/Access/WhoAmI", context, **token)[2])
        self.assertEqual(own["role"], "ADMIN")
        # A viewer sees, and cannot touch.
        ask = ("/api/v1/Runs/CancelRun", context, "POST", '{"id": "r-1"}')
        headers = {"Content-Type": "application/json", "Origin": f"https://localhost:{self.port()}"}
        status, _, text = self.ask(*ask, **headers)
        self.assertEqual((status, json.loads(text)["code"]), (403, "PERMISSION_DENIED"))
        self.assertIn("vera has role viewer", text)
        # A page of somebody else has the browser's certificate, too.
        for origin in ({}, {"Origin": "https://evil.example"}):
            status, _, text = self.ask(*ask, **{"Content-Type": headers["Content-Type"], **origin})
            self.assertEqual(status, 403)
            self.assertRegex(text, "needs the Origin of this server|a page of another origin")
        listed = self.service.run("token", "list").stdout
        self.assertRegex(listed, rf"{vera} +certificate +vera +viewer .* good until")
        # curl, and a stream that is open when the certificate is revoked.
        curl = [
            "curl",
            "-sSN",
            "--max-time",
            "60",
            "--cacert",
            self.service.tls("ca.pem"),
            "--cert",
            file,
        ]
        url = f"https://localhost:{self.port()}/api/v1/"
        with subprocess.Popen(
            [*curl, url + "Runs/WatchEvents"], stdout=subprocess.PIPE, text=True
        ) as stream:
            stream.stdout.readline()
            self.service.run("token", "revoke", "vera")
            self.assertIn("certificate " + vera + " of vera was revoked", stream.stdout.read())
        text = subprocess.run([*curl, url + "runs"], capture_output=True, text=True).stdout
        self.assertIn("--role viewer --name vera --certificate", json.loads(text)["message"])

    def test_certificates_that_let_nobody_in(self):
        other, key = make(self.service.folder, "stranger", 2, "DNS:ada")
        context = self.trust()
        context.load_cert_chain(other, key)
        status, _, text = self.ask("/api/v1/runs", context)
        self.assertEqual(status, 401)
        self.assertIn("the client's certificate is not used: ", text)
        self.assertEqual(self.ask("/", context)[0], 200, "and may sign in with a token")
        token = dict([self.service.authorization()])
        self.assertEqual(self.ask("/api/v1/runs", context, **token)[0], 200)

    def test_a_certificate_for_a_browser_is_pkcs12(self):
        password = os.path.join(self.service.folder, "password")
        with open(password, "w", encoding="utf-8") as out:
            out.write("b\u00e4r lauch \nwhat it is for\n")
        for words, read in (
            (["--password-file", password], "file:" + password),
            ([], None),
        ):
            name = "paul" + str(len(words))
            file = os.path.join(self.service.folder, name + ".p12")
            made = self.service.run(
                "token", "create", "--certificate", "--name", name, "--role", "viewer",
                "--expires", "2d", "--file", file, *words,
            )  # fmt: skip
            self.assertRegex(made.stderr, rf"certificate k-\w+ of {name}, role viewer, until \S+; ")
            shown = subprocess.run(
                ["openssl", "pkcs12", "-in", file, "-nodes", "-passin", read or "pass:" + made.stdout.strip()],
                capture_output=True,
                text=True,
            )  # fmt: skip
            self.assertEqual(shown.returncode, 0, shown.stderr)
            pem = file + ".pem"
            with open(pem, "w", encoding="utf-8") as out:
                out.write(shown.stdout)
            own = json.loads(self.ask("/api/v1/Access/WhoAmI", self.showing(pem))[2])
            self.assertEqual(own["name"], name)
        for words, why in (
            (["--file", file], "is there already"),
            ([], "--certificate needs --file: NAME.p12 for a browser"),
            (["--file", "x.crt"], "ends with .p12 (for browsers) or .pem (for programs)"),
            (["--file", "x.pem", "--password-file", password], "a .pem has no password"),
            (["--file", "x.p12", "--password-file", os.devnull], "begins with an empty line"),
            (["--file", os.path.join("none", "x.pem")], "No such file"),
        ):
            refused = self.service.run(
                "token", "create", "--certificate", "--name", "x", "--role", "viewer", *words,
                code=None,
            )  # fmt: skip
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(why, refused.stderr)
        self.assertNotIn(" x ", self.service.run("token", "list").stdout)

    def test_a_browser_is_signed_in_by_its_certificate(self):
        ida, file = self.certificate("ida", "viewer")
        with Relay(self.port(), self.showing(file)) as relay, Browser(relay.address) as page:
            page.open()
            page.says("Runs")
            page.click(".menu summary")
            page.says("role viewer, by certificate " + ida)
            page.click("#use-token")
            page.says("certificate is that of ida, role viewer")
            page.click("#stay")
            page.says("Runs")
            page.click(".menu summary")
            page.click("#use-token")
            page.type("#token", self.service.token())
            page.click("form button[type=submit]")
            page.click(".menu summary")
            page.says("role admin")
            page.click("#sign-out")
            page.wait(lambda: page.find(".menu summary")[0].text == "ida", "ida is not back")
            page.click(".menu summary")
            page.says("role viewer, by certificate")
            page.shoot("certificate")
            self.assertEqual(page.complaints(), [])
            # A session whose token has ended does not keep the certificate's owner out.
            token = self.service.run("token", "create", "--name", "ida", "--role", "viewer")
            page.click("#use-token")
            page.type("#token", token.stdout.strip())
            page.click("form button[type=submit]")
            page.wait(lambda: page.find("#sign-out"), "not signed in by the token")
            self.service.run("token", "revoke", token.stderr.split()[1])
            page.open()
            page.wait(lambda: page.find("#use-token"), "the certificate is not used")
            self.service.run("token", "revoke", ida)
            page.open()
            page.wait(lambda: page.find("#token"), "no way to sign in")

    def test_a_browser_signs_in(self):
        with Browser(self.service.endpoint()["http"], "https") as page:
            page.open()
            page.type("#token", self.service.token())
            page.click("form button[type=submit]")
            page.says("Runs")
            (cookie,) = page.driver.get_cookies()
            self.assertEqual(cookie["name"], f"__Host-braid_session_{self.port()}")
            self.assertTrue(cookie["secure"] and cookie["httpOnly"])
            self.assertEqual(page.complaints(), [])


class Certificates(unittest.TestCase):
    """A certificate of the user's for HTTPS, replaced while the coordinator runs."""

    def shown(self, service):
        port = int(service.endpoint()["http"].rsplit(":", 1)[1])
        return ssl.get_server_certificate(("localhost", port), timeout=60).strip()

    def test_a_new_certificate_is_shown_without_a_restart(self):
        work = tempfile.TemporaryDirectory(prefix="braid-https-")
        self.addCleanup(work.cleanup)
        folder = work.name
        first, second, old = (
            make(folder, name, days) for name, days in (("a", 2), ("b", 2), ("old", -1))
        )
        used = [os.path.join(folder, "used" + end) for end in (".pem", ".key")]

        def replace(which, source):
            with open(source, "rb") as file, open(used[which] + ".new", "wb") as copy:
                copy.write(file.read())
            os.rename(used[which] + ".new", used[which])

        def knows(client):
            try:
                return client.whoami()
            except braid_client.PermissionDenied:
                return None

        def text(path):
            with open(path, encoding="utf-8") as file:
                return file.read().strip()

        replace(0, first[0])
        replace(1, first[1])
        with Coordinator("--http-cert", used[0], "--http-key", used[1]) as service:
            self.assertEqual(self.shown(service), text(first[0]))
            trusted = service.endpoint()["http_ca_sha256"]
            state = os.path.join(service.folder, "state")
            client = braid_client.Client(dir=state, retry_s=0)
            client.whoami()
            self.assertEqual(service.run("list", "runs").returncode, 0, "gRPC stays as it was")
            found = braid(folder, "--dir", state, "-o", "json", "doctor").stdout
            self.assertIn("that of https://127.0.0.1", found)
            # Between the two files the old certificate is shown, and the log says why.
            replace(0, second[0])
            self.assertEqual(self.shown(service), text(first[0]))
            self.assertEqual(self.shown(service), text(first[0]))
            self.assertEqual(service.log("coordinator").count("is not that of the certificate"), 1)
            replace(1, second[1])
            self.assertEqual(self.shown(service), text(second[0]))
            # The address file soon says whom to trust now.
            wait_until(lambda: knows(client), "the new authority in its file")
            wait_until(
                lambda: service.endpoint()["http_ca_sha256"] != trusted,
                "its digest in the address file",
            )
            with self.assertRaisesRegex(braid_client.PermissionDenied, "nothing was sent"):
                braid_client.Client(dir=state, ca=first[0], retry_s=0).whoami()
            braid_client.Client(dir=state, ca=second[0], retry_s=0).whoami()
            # One that has expired.
            replace(0, old[0])
            replace(1, old[1])
            self.assertEqual(self.shown(service), text(old[0]))
            with self.assertRaisesRegex(braid_client.PermissionDenied, "certificate has expired"):
                braid_client.Client(dir=state, ca=old[0], retry_s=0).whoami()
            os.remove(used[1])
            self.assertEqual(self.shown(service), text(old[0]))
            wait_until(lambda: "No such file" in service.log("coordinator"), "the missing key")

    def test_a_certificate_for_other_names_than_this_machines(self):
        work = tempfile.TemporaryDirectory(prefix="braid-https-")
        self.addCleanup(work.cleanup)
        cert, key = make(work.name, "named", 2, "DNS:*.braid.example,DNS:braid.example")
        with Coordinator("--http-cert", cert, "--http-key", key) as service:
            self.assertEqual(service.endpoint()["http_name"], "braid.example")
            state = os.path.join(service.folder, "state")
            braid_client.Client(dir=state, retry_s=0).whoami()
            found = braid(work.name, "--dir", state, "-o", "json", "doctor").stdout
            self.assertIn("that of https://127.0.0.1", found)
            self.assertNotIn("programs here do not trust it", found)
            # An address file that is not about this certificate.
            path = os.path.join(state, "address.json")
            with open(path, encoding="utf-8") as file:
                addresses = json.load(file)
            with open(path, "w", encoding="utf-8") as file:
                json.dump({**addresses, "http_name": "elsewhere.example"}, file)
            found = braid(work.name, "--dir", state, "-o", "json", "doctor").stdout
            self.assertIn("programs here do not trust it", found)
            self.assertIn("--http-cert and --http-key", found)


if __name__ == "__main__":
    unittest.main(verbosity=2)
