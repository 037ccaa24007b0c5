#!/usr/bin/env python3
"""Alerts of a real coordinator, received by servers of Python's own library on loopback."""

import asyncio
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import unittest

from by_hand import small_texts, wait_until
from service import Service, write_recipe

sys.dont_write_bytecode = True
DAY = "day.run"
RECIPE = """run: NAME
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
paths:
  - {name: path_tales, corpus: tales, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 0,
        optimizer: {lr: RATE},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 1000, sequences: 4}}
"""


class Hook(http.server.ThreadingHTTPServer):
    """Keeps what is posted by path. `status` is what each path answers; `held` ones answer once it is set."""

    def __init__(self, tls=None):
        self.got, self.status, self.held = {}, {}, threading.Event()
        self.changed = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with self.server.changed:
                    self.server.got.setdefault(self.path, []).append((dict(self.headers), body))
                    code = self.server.status.get(self.path, 200)
                    self.server.changed.notify_all()
                if self.path == "/slow":
                    self.server.held.wait(60)
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"said <so>" if code != 200 else b"ok")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, *_):
        pass  # whoever ends in the middle of an answer

    def wait(self, path, accepted, what):
        """The first post of the path for which `accepted` holds."""
        with self.changed:
            found = []

            def there():
                found[:] = [one for one in self.got.get(path, []) if accepted(json.loads(one[1]))]
                return found

            if not self.changed.wait_for(there, timeout=120):
                raise AssertionError(f"{what} did not arrive at {path}: {self.got.get(path)}")
            return found[0]


class Mail:
    """A server of SMTP in a thread: takes what is sent, after STARTTLS and a login if it has a context."""

    def __init__(self, tls=None):
        self.tls, self.mails, self.logins, self.refuse = tls, [], [], False
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        def serve():
            asyncio.set_event_loop(self.loop)
            server = self.loop.run_until_complete(asyncio.start_server(self.served, "127.0.0.1", 0))
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            self.loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        ready.wait()

    async def served(self, reader, writer):
        with contextlib.suppress(ConnectionError):  # whoever does not wait for an answer
            await self.session(reader, writer)

    async def session(self, reader, writer):
        secure, envelope = False, {"to": []}

        def say(text):
            writer.write(text.encode() + b"\r\n")

        say("220 here")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                if self.tls and not secure:
                    say("250-here\r\n250 STARTTLS")
                else:
                    say("250-here\r\n250 AUTH PLAIN" if self.tls else "250 here")
            elif word == "STARTTLS":
                say("220 go")
                await writer.drain()
                await writer.start_tls(self.tls)
                secure = True
            elif word == "AUTH":
                if len(line.split()) == 2:  # who has not said it yet is asked
                    say("334 ")
                    await writer.drain()
                    line = (await reader.readline()).decode()
                self.logins.append(base64.b64decode(line.split()[-1]).decode())
                say("235 welcome")
            elif word == "MAIL":
                envelope["from"] = line
                say("250 ok")
            elif word == "RCPT":
                envelope["to"].append(line)
                say("550 nobody of that name" if self.refuse else "250 ok")
            elif word == "DATA":
                say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += await reader.readline()
                self.mails.append((envelope, data[:-3], secure))
                say("250 queued as 42")
            else:
                say("221 bye" if word == "QUIT" else "250 ok")
            await writer.drain()
            if word == "QUIT":
                break
        writer.close()


def context(folder):
    """A context of TLS with a certificate for 127.0.0.1 that it signs itself, and the certificate's file."""
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-days", "2", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made, certificate


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=1)
        # A proxy of this machine would be asked for what is on loopback.
        cls.service.environment.update(no_proxy="*", NO_PROXY="*")
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        folder = cls.folder = cls.service.folder
        cls.context, cls.certificate = context(folder)
        cls.hook, cls.secure = Hook(), Hook(cls.context)
        cls.mail, cls.secure_mail = Mail(), Mail(cls.context)
        cls.command = os.path.join(folder, "tell me.sh")
        cls.told = os.path.join(folder, "told")
        with open(cls.command, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$BRAID_ALERT_JSON" >> "{cls.told}"\n'
                       '[ "$BRAID_ALERT_KIND" != test ] || { echo it says no; exit 3; }\n')  # fmt: skip
        os.chmod(cls.command, 0o700)
        for name, text in {
            "secret": "whsec_" + base64.b64encode(b"a secret of a webhook").decode(),
            "slack": cls.secure.url("/slack/T0/SECRET"),
            "discord": cls.secure.url("/discord/SECRET"),
            "password": "pass word",
        }.items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.chmod(path, 0o600)
        cls.settings = os.path.join(folder, "alerts.yaml")
        cls.write_settings()
        cls.service.words = ("--alerts", cls.settings)
        cls.service.start()
        cls.texts = {"tales": small_texts()["tales"]}

    @classmethod
    def write_settings(cls):
        absent = "http://127.0.0.1:9/"  # the port of discarding: nobody listens there
        with open(cls.settings, "w", encoding="utf-8") as file:
            file.write(f"""
url: https://braid.example.org/
disk_free: 1MB
channels:
  hook: {{webhook: {{url: "{cls.hook.url("/hook")}", secret_file: secret}}, timeout: 5m}}
  slow: {{webhook: {{url: "{cls.hook.url("/slow")}"}}, timeout: 1s}}
  failing: {{webhook: {{url: "{cls.hook.url("/failing")}"}}, on: [done]}}
  picky: {{webhook: {{url: "{cls.hook.url("/picky")}"}}, on: [done]}}
  moved: {{webhook: {{url: "{cls.hook.url("/moved")}"}}, on: [cancelled]}}
  absent: {{webhook: {{url: "{absent}"}}}}
  slack: {{slack: {{url_file: slack, ca_file: certificate.pem}}}}
  stranger: {{slack: {{url_file: slack}}, on: [cancelled]}}
  discord: {{discord: {{url_file: discord, ca_file: certificate.pem}}}}
  mail:
    email: {{server: "smtp://127.0.0.1:{cls.mail.port}", tls: false, from: braid@example.org,
            to: [ada@example.org, eva@example.org]}}
  secure_mail:
    email: {{server: "smtp://127.0.0.1:{cls.secure_mail.port}", from: braid@example.org,
            to: [ada@example.org], user: ada, password_file: password, ca_file: certificate.pem}}
    runs: ["night*"]
  command: {{command: ["tell me.sh"], on: [failed, diverged]}}
  room: {{webhook: {{url: "{cls.hook.url("/room")}"}}, on: [done], users: [nobody]}}
""")

    def channel(self, name):
        listed = self.service.json("server", "alert", "list")["channels"]
        return next(channel for channel in listed if channel["name"] == name)

    def submit(self, name, rate):
        text = RECIPE.replace("NAME", json.dumps(name)).replace("RATE", rate)
        path = write_recipe(self.folder, self.texts, 3, 100, text)
        return self.service.submit(path)

    def test_1_a_test_prints_the_answer(self):
        test = ("server", "alert", "test")
        said = self.service.run(*test, "hook").stdout
        self.assertEqual(said, "hook: delivered: HTTP 200: ok\n")
        self.assertIn("250 queued as 42", self.service.run(*test, "mail").stdout)
        self.assertIn("not delivered: exit code 3: it says no",
                      self.service.run(*test, "command", code=1).stdout)  # fmt: skip
        absent = self.service.run(*test, "absent", code=1).stdout
        self.assertIn("Failed to connect to 127.0.0.1 port 9", absent)
        slow = self.service.run(*test, "slow", code=1).stdout
        self.assertIn("not delivered: no answer within 1.0 s", slow)
        self.hook.status["/moved"] = 302
        moved = self.service.run(*test, "moved", code=1).stdout
        self.assertIn("HTTP 302: said <so>; redirections are not followed", moved)
        self.assertNotIn("/elsewhere", self.hook.got)
        stranger = self.service.run(*test, "stranger", code=1).stdout
        self.assertIn("if the server's authority is your own, name it with ca_file", stranger)
        self.assertNotIn("SECRET", stranger)
        self.secure_mail.refuse = True
        refused = self.service.run(*test, "secure_mail", code=1).stdout
        self.secure_mail.refuse = False
        self.assertIn("550 nobody of that name", refused)
        nobody = self.service.run(*test, "nobody", code=None)
        self.assertIn(
            'there is no channel "nobody" for alerts; there are hook, slow, failing', nobody.stderr
        )
        done = json.loads(self.service.run("-o", "json", *test, "hook").stdout)["channels"]
        self.assertEqual(done, [{"answer": "HTTP 200: ok", "channel": "hook", "delivered": True}])

    def test_2_a_run_that_is_done_is_told_by_all_channels_and_held_up_by_none(self):
        self.hook.status["/failing"] = 503
        self.hook.status["/picky"] = 400
        run = self.submit(DAY, "2e-3")
        headers, body = self.hook.wait("/hook", lambda alert: alert["alert"] == "done", "the end")
        alert = json.loads(body)
        self.assertEqual(alert["run_id"], run)
        self.assertEqual(alert["run_name"], DAY)
        self.assertEqual(alert["title"], f"run {DAY} is done")
        self.assertRegex(alert["text"], r"^\d+ jobs in ")
        self.assertEqual(alert["url"], f"https://braid.example.org/#/run/{run}")
        # As https://www.standardwebhooks.com says that a receiver checks it.
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(b"a secret of a webhook", signed, hashlib.sha256).digest()
        self.assertEqual(headers["webhook-signature"], "v1," + base64.b64encode(digest).decode())
        self.assertEqual(headers["webhook-id"], alert["id"])

        _, body = self.secure.wait(
            "/slack/T0/SECRET", lambda one: "is done" in one["text"], "Slack's"
        )
        text = json.loads(body)["text"]
        self.assertIn(f"run {DAY} is done", text)
        self.assertIn(f"<https://braid.example.org/#/run/{run}|Open in the dashboard>", text)
        _, body = self.secure.wait("/discord/SECRET", lambda one: "embeds" in one, "Discord's")
        discord = json.loads(body)
        self.assertEqual(discord["allowed_mentions"], {"parse": []})
        self.assertIn("is done", discord["embeds"][0]["title"])

        mails = []

        def mailed():
            mails[:] = [
                (envelope, email.message_from_bytes(data, policy=email.policy.default))
                for envelope, data, _ in self.mail.mails
                if b"<test-" not in data
            ]
            return mails

        wait_until(mailed, "the mail", timeout_s=600)
        envelope, mail = mails[0]
        self.assertEqual(mail["Subject"], f"[braid] run {DAY} is done")
        self.assertEqual(mail["To"], "ada@example.org, eva@example.org")
        self.assertEqual(
            [line[:20] for line in envelope["to"]], ["RCPT TO:<ada@example", "RCPT TO:<eva@example"]
        )
        self.assertIn(f"braid report {run}", mail.get_content())
        # Others get nothing: the name of the run, and the user, are not theirs.
        self.assertEqual(self.channel("secure_mail").get("sent", "0"), "0")
        self.assertNotIn("/room", self.hook.got)

        # One alert that is refused is given up, a server that fails is tried again.
        wait_until(
            lambda: self.channel("picky").get("dropped") == "1", "what picky refuses", timeout_s=600
        )
        wait_until(lambda: self.channel("failing").get("trouble") == "HTTP 503: said <so>",
                   "the trouble of failing", timeout_s=600)  # fmt: skip
        wait_until(lambda: "refused, and given up: HTTP 400" in self.service.log("coordinator"),
                   "the refusal in the log", timeout_s=600)  # fmt: skip

    def test_3_nothing_is_lost_or_told_twice_over_a_restart(self):
        def done():
            return [
                body for _, body in self.hook.got["/hook"] if json.loads(body)["alert"] == "done"
            ]

        # Until its answer is noted it would be sent again.
        wait_until(lambda: self.channel("hook").get("sent") == "1", "its delivery", timeout_s=600)
        self.assertEqual(len(done()), 1)
        first = json.loads(self.hook.got["/failing"][0][1])["id"]
        self.assertTrue(self.service.stop())
        self.hook.status["/failing"] = 200
        tries = len(self.hook.got["/failing"])
        self.service.start()
        wait_until(lambda: self.channel("failing").get("sent") == "1", "what waited", timeout_s=600)
        again = [json.loads(body)["id"] for _, body in self.hook.got["/failing"][tries:]]
        self.assertEqual(again[0], first)
        self.assertEqual(len(done()), 1)

    def test_4_a_training_that_diverges(self):
        run = self.submit("nightly", "1e30")
        _, body = self.hook.wait("/hook", lambda alert: alert["alert"] == "failed", "the failure")
        alert = json.loads(body)
        self.assertEqual(alert["title"], "run nightly has failed")
        self.assertIn("path_tales: ", alert["text"])
        self.assertEqual(alert["command"], f"braid describe {run}")
        _, body = self.hook.wait("/hook", lambda one: one["alert"] == "diverged", "the divergence")
        self.assertEqual(
            json.loads(body)["title"], "training path_tales of run nightly has diverged"
        )
        self.assertEqual(json.loads(body)["job"], "path_tales")

        def told():
            if not os.path.exists(self.told):
                return False
            with open(self.told, encoding="utf-8") as file:
                lines = file.read().split("\n")[:-1]  # the last one may be half written
            return {"failed", "diverged"} <= {json.loads(line)["alert"] for line in lines}

        wait_until(told, "what the command was told", timeout_s=600)
        wait_until(lambda: self.secure_mail.mails, "the mail over TLS", timeout_s=600)
        self.assertTrue(all(secure for _, _, secure in self.secure_mail.mails))
        self.assertIn("\0ada\0pass word", self.secure_mail.logins)

    def test_5_a_disk_that_is_nearly_full(self):
        self.assertTrue(self.service.stop())
        with open(self.settings, encoding="utf-8") as file:
            text = file.read()
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(text.replace("disk_free: 1MB", "disk_free: 99.999%"))
        self.service.start()
        _, body = self.hook.wait("/hook", lambda alert: alert["alert"] == "disk_low", "the disk")
        self.assertEqual(json.loads(body)["title"], "the disk of the coordinator is nearly full")
        self.assertIn("are free in", json.loads(body)["text"])
        self.assertIn("server.disk_low", [event["kind"] for event in self.service.events()])

    def test_6_settings_that_are_wrong_are_refused_where_they_are(self):
        path = os.path.join(self.folder, "wrong.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""channels:
  a: {webhook: {url: "ftp://example.org"}, on: [faild]}
  b: {slack: {url: "https://hooks.slack.com/x"}}
  c: {email: {server: "smtp://h", from: ada, to: [ada@example.org], user: ada}}
  d: {webhook: {url: "https://example.org"}, command: [/bin/true]}
  e: {command: [/bin/true], timeout: long}
""")
        program = os.path.join(
            os.environ.get("BRAID_BINARY_DIR", "build/release"), "bin", "braid-coordinator"
        )
        coordinator = [program, "--dir", os.path.join(self.folder, "other"), "--alerts", path]
        done = subprocess.run(coordinator, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 78)
        for message in (
            "wrong.yaml:2:22: channels.a.webhook.url: expected an address that begins with https://",
            'on: no kind of alert is "faild"; did you mean failed? There are failed, diverged',
            "whoever knows this address can write there, so it belongs into a file of its own",
            '"ada" is no address of e-mail such as ada@example.org',
            "user and password_file belong together: give both or none",
            "d: a channel has one of webhook, slack, discord, email, command, and this has several",
            "timeout: expected a time from",
        ):
            self.assertIn(message, done.stderr)
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                "channels: {a: {webhook: {url: 'https://example.org', secret_file: open}}}\n"
            )
        with open(os.path.join(self.folder, "open"), "w", encoding="utf-8") as file:
            file.write("secret\n")
        os.chmod(os.path.join(self.folder, "open"), 0o644)
        done = subprocess.run(coordinator, capture_output=True, text=True, timeout=60)
        self.assertIn("may be read or changed by everybody on this machine: chmod 600", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
