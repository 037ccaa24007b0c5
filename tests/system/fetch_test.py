#!/usr/bin/env python3
"""Corpora at https://, with the real programs and a real server that cuts, refuses, changes and leads astray. Buckets and a
whole service are in bucket_test.py."""

import email.utils
import gzip
import hashlib
import http.server
import json
import os
import re
import ssl
import subprocess
import tempfile
import threading
import unittest

import by_hand
from by_hand import program

ROWS = [
    {"text": f"the fox number {i} runs and sleeps, and then the day is over"} for i in range(400)
]


def content_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


class Server(http.server.ThreadingHTTPServer):
    """Over TLS, with a certificate of its own: files with ETags and parts, and what a test wants to go wrong."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.wrong, self.asked, self.lock = {}, {}, [], threading.Lock()
        self.certificate = os.path.join(folder, "server.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", self.certificate + ".key", "-out",
             self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.certificate + ".key")
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def url(self, name):
        return f"https://127.0.0.1:{self.server_port}/{name}"

    def put(self, name, content):
        self.files[name] = content
        return self.url(name)

    def handle_error(self, *_):
        """Connections that a client ends are what is tested."""

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        server, name = self.server, self.path[1:].split("?")[0]
        with server.lock:
            server.asked.append(
                (self.command, name, self.headers.get("Range"), self.headers.get("Authorization"))
            )
            wrong = server.wrong.get(name)
        if wrong and wrong(self, body):
            return
        if name not in server.files:
            return self.status(404)
        content = server.files[name]
        etag = '"' + hashlib.md5(content).hexdigest() + '"'
        begin = 0
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if part and self.headers.get("If-Range", etag) == etag:
            begin = int(part[1])
        sent = content[begin : int(part[2]) + 1 if part and part[2] else None]
        self.send_response(206 if begin or (part and part[2]) else 200)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", email.utils.formatdate(0, usegmt=True))
        self.send_header("Content-Length", str(len(sent)))
        if begin or (part and part[2]):
            self.send_header(
                "Content-Range", f"bytes {begin}-{begin + len(sent) - 1}/{len(content)}"
            )
        self.end_headers()
        if body:
            limit = server.files.get((name, "cut"))
            self.wfile.write(sent if limit is None else sent[:limit])
            if limit is not None and limit < len(sent):
                self.close_connection = True

    def status(self, code, **headers):
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True


class Fetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="braid-fetch-"))
        cls.server = Server(cls.folder)
        cls.addClassCleanup(cls.server.close)
        cls.environment = {
            name: value
            for name, value in os.environ.items()
            if "proxy" not in name.lower() and not name.startswith(("BRAID_", "AWS_"))
        }
        cls.environment["CURL_CA_BUNDLE"] = cls.server.certificate
        tokenizer = os.path.join(cls.folder, "tokenizer")
        texts = os.path.join(cls.folder, "texts")
        os.makedirs(texts)
        with open(os.path.join(texts, "a.jsonl"), "wb") as file:
            file.write(content_of(ROWS))
        by_hand.must(
            by_hand.run(
                tokenizer,
                "tokenizer",
                {"train": {"vocab": 300, "bytes": 20000, "seed": 1, "corpora": [{"name": "c"}]}},
                {"source.c": texts},
            )
        )
        cls.tokenizer = os.path.join(tokenizer, "output", "tokenizer")

    def setUp(self):
        self.server.files.clear()
        self.server.wrong.clear()
        self.server.asked.clear()

    def listed(self, urls):
        """What braid submit would send in the place of the files; asks the real program what it finds."""
        recipe = os.path.join(self.folder, "recipe.yaml")
        with open(recipe, "w", encoding="utf-8") as file:
            json.dump(
                {"run": "r", "tokenizer": {"train": {"vocab": 300}}, "corpora": {"c": {"files": urls}},
                 "validation": {"documents": 0.2}, "sequence": 16,
                 "baselines": [{"name": "m", "d": 8, "heads": 2, "blocks": 1}]},
                file,
            )  # fmt: skip
        return recipe

    def braid(self, *words):
        return subprocess.run(
            [program("braid"), *words], capture_output=True, text=True, env=self.environment
        )

    def prepare(self, name, files, fetch_from=("127.0.0.1",), environment=None):
        """braid-prepare on a list as submit makes it: each file as it is at the server now, or as `files` says."""
        folder = os.path.join(self.folder, name)
        source = os.path.join(folder, "source")
        os.makedirs(source)
        listed = []
        for one in files:
            known = {"name": one["url"].split("/")[-1].split("?")[0], **one}
            content = self.server.files.get(known["name"])
            if content is not None:
                known.setdefault("size", len(content))
                known.setdefault("etag", '"' + hashlib.md5(content).hexdigest() + '"')
            listed.append(known)
        with open(os.path.join(source, "braid_remote_files.json"), "w", encoding="utf-8") as file:
            json.dump({"format": 1, "files": listed}, file)
        more = {} if fetch_from is None else {"fetch_from": list(fetch_from)}
        task = by_hand.write_task(
            folder, "prepare",
            {"corpus": {"name": "c"}, "validation": {"documents": 0.0}, "seed": 1},
            {"source": source, "tokenizer": self.tokenizer}, **more,
        )  # fmt: skip
        return by_hand.finish(by_hand.start(task, "prepare", env=environment or self.environment))

    def shards(self, name):
        folder = os.path.join(self.folder, name, "output", "shards")
        with open(os.path.join(folder, "shards.json"), encoding="utf-8") as file:
            description = json.load(file)
        with open(os.path.join(folder, "train", "tokens.bin"), "rb") as file:
            return description, file.read()

    def error(self, ended):
        self.assertNotEqual(ended.code, 0)
        return ended.last("error")["message"]

    def test_a_corpus_over_cuts_is_that_of_its_files(self):
        first, second = content_of(ROWS[:250]), gzip.compress(content_of(ROWS[250:]), mtime=0)
        urls = [self.server.put("part-0.jsonl", first), self.server.put("part-1.jsonl.gz", second)]
        # Each answer ends after 5,000 bytes, as if the network had gone.
        self.server.files["part-0.jsonl", "cut"] = 5000
        by_hand.must(self.prepare("cut", [{"url": url} for url in urls]))
        description, tokens = self.shards("cut")
        self.assertEqual(
            [(one["url"], one["sha256"], one["size"]) for one in description["sources"]],
            [(urls[0], hashlib.sha256(first).hexdigest(), len(first)),
             (urls[1], hashlib.sha256(second).hexdigest(), len(second))],
        )  # fmt: skip
        self.assertTrue(all(one["etag"].startswith('"') for one in description["sources"]))
        ranges = [one[2] for one in self.server.asked if one[1] == "part-0.jsonl"]
        self.assertEqual(ranges[:3], [None, "bytes=5000-", "bytes=10000-"])
        # The same files in a folder.
        folder = os.path.join(self.folder, "local")
        os.makedirs(os.path.join(folder, "source"))
        for name, content in (("part-0.jsonl", first), ("part-1.jsonl.gz", second)):
            with open(os.path.join(folder, "source", name), "wb") as file:
                file.write(content)
        by_hand.must(
            by_hand.run(
                folder, "prepare", {"corpus": {"name": "c"}, "validation": {"documents": 0.0}, "seed": 1},
                {"source": os.path.join(folder, "source"), "tokenizer": self.tokenizer},
            )
        )  # fmt: skip
        self.assertEqual(self.shards("local")[1], tokens)

    def test_check_and_plan_know_the_files_without_reading_them(self):
        url = self.server.put("web.jsonl", content_of(ROWS))
        recipe = self.listed([url])
        done = self.braid("plan", recipe)
        self.assertEqual(done.returncode, 0, done.stderr)
        size = f"{len(content_of(ROWS)) / 1024:.1f} KiB"
        self.assertIn(
            f"fetched by the workers that read them:\n  corpora.c.files: 1 file, {size}, from "
            f"https://127.0.0.1:{self.server.server_port}\n",
            done.stdout,
        )
        self.assertEqual({one[0] for one in self.server.asked}, {"HEAD"})
        self.assertEqual(self.braid("check", recipe).stdout, "nothing found\n")
        done = self.braid("check", self.listed([self.server.url("none.jsonl")]))
        self.assertEqual(done.returncode, 1)
        self.assertIn(
            f"corpora.c.files: {self.server.url('none.jsonl')}: not there (HTTP 404): mend the name",
            done.stdout,
        )
        # A certificate that nobody has signed whom this machine trusts.
        del self.environment["CURL_CA_BUNDLE"]
        try:
            done = self.braid("check", recipe)
        finally:
            self.environment["CURL_CA_BUNDLE"] = self.server.certificate
        self.assertEqual(done.returncode, 1)
        self.assertIn("name its file with CURL_CA_BUNDLE", done.stdout)

    def test_what_the_server_says_is_a_sentence(self):
        url = self.server.put("a.jsonl", content_of(ROWS))
        wrong = self.server.wrong
        wrong["a.jsonl"] = lambda handler, body: handler.status(403)
        said = self.error(self.prepare("refused", [{"url": url}]))
        self.assertIn(f"corpus c: {url}: refused (HTTP 403): if it wants a login, write that", said)
        wrong["a.jsonl"] = lambda handler, body: handler.status(302, Location="/a.jsonl?again")
        said = self.error(self.prepare("circle", [{"url": url}]))
        self.assertIn(f"{url}: redirected more than 5 times, at last from {url}: name the", said)
        wrong["a.jsonl"] = lambda handler, body: handler.status(302, Location="http://127.0.0.1/a")
        said = self.error(self.prepare("plain", [{"url": url}]))
        self.assertIn(" leads to http://127.0.0.1/a: over http:// everybody on the way", said)
        # Twice busy, then there.
        busy = [0]

        def twice(handler, body):
            busy[0] += 1
            return busy[0] <= 2 and handler.status(503)

        wrong["a.jsonl"] = twice
        by_hand.must(self.prepare("busy", [{"url": url}]))
        self.assertEqual(busy[0], 3)

    def test_another_file_than_was_meant_is_an_error(self):
        content = content_of(ROWS)
        url = self.server.put("a.jsonl", content)
        said = self.error(self.prepare("etag", [{"url": url, "etag": '"older"'}]))
        self.assertIn(
            f'{url} has changed since the run was submitted (its ETag was "older" and', said
        )
        said = self.error(self.prepare("size", [{"url": url, "size": 7}]))
        self.assertIn(f"it had 7 bytes and has {len(content)}", said)
        digest = hashlib.sha256(content).hexdigest()
        by_hand.must(self.prepare("pinned", [{"url": url, "etag": '"older"', "sha256": digest}]))
        said = self.error(self.prepare("other", [{"url": url, "sha256": "0" * 64}]))
        self.assertIn(f"{url} has the SHA-256 {digest}, and the recipe wants {'0' * 64}", said)
        self.assertFalse(
            os.listdir(os.path.join(self.folder, "other", "work", "fetched", "source"))
        )

        # It changes between a cut and what follows.
        def changes(handler, body):
            self.server.files["a.jsonl"] = content[:-1] + b" "

        self.server.files["a.jsonl", "cut"] = 5000
        self.server.wrong["a.jsonl"] = lambda handler, body: handler.headers.get(
            "Range"
        ) and changes(handler, body)
        said = self.error(self.prepare("meanwhile", [{"url": url}]))
        self.assertIn("has changed since the run was submitted (its ETag was ", said)

    def test_a_worker_reads_only_from_where_it_may(self):
        url = self.server.put("a.jsonl", content_of(ROWS))
        said = self.error(self.prepare("private", [{"url": url}], fetch_from=()))
        self.assertIn(
            "127.0.0.1 has the address 127.0.0.1, which is not of the public internet", said
        )
        said = self.error(self.prepare("none", [{"url": url}], fetch_from=("none",)))
        self.assertIn("this worker fetches nothing (--fetch-from none)", said)
        said = self.error(self.prepare("elsewhere", [{"url": url}], fetch_from=("data.example",)))
        self.assertIn(f"this worker does not fetch from 127.0.0.1:{self.server.server_port}", said)
        said = self.error(
            self.prepare(
                "metadata",
                [{"url": "http://169.254.169.254/latest/meta-data"}],
                fetch_from=("169.254.169.254",),
            )
        )
        self.assertIn("over http:// everybody on the way can change the text", said)
        # A public name that leads to this machine: nothing is connected to.
        self.server.wrong["a.jsonl"] = lambda handler, body: handler.status(
            302, Location=f"https://localhost:{self.server.server_port}/b.jsonl"
        )
        said = self.error(self.prepare("led", [{"url": url}], fetch_from=("127.0.0.1", "public")))
        self.assertIn(
            "localhost has the address localhost, which is not of the public internet", said
        )
        self.assertNotIn("b.jsonl", {one[1] for one in self.server.asked})
        # Whoever starts a task by hand may.
        self.server.wrong.clear()
        by_hand.must(self.prepare("by-hand", [{"url": url}], fetch_from=None))

    def test_a_login_goes_to_its_host_alone(self):
        url = self.server.put("a.jsonl", content_of(ROWS))
        logins = os.path.join(self.folder, "logins")
        with open(logins, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("machine 127.0.0.1 login ada password secret-word\n")
        ended = self.prepare(
            "login", [{"url": url}], environment={**self.environment, "NETRC": logins}
        )
        by_hand.must(ended)
        self.assertEqual({one[3] for one in self.server.asked}, {"Basic YWRhOnNlY3JldC13b3Jk"})
        self.assertNotIn("secret-word", json.dumps(ended.events) + ended.errors)

    def test_a_proxy_of_the_environment_is_asked(self):
        url = self.server.put("a.jsonl", content_of(ROWS))
        asked = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                asked.append(self.path)
                self.send_error(502)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Proxy) as proxy:
            thread = threading.Thread(target=proxy.serve_forever, daemon=True)
            thread.start()
            environment = {
                **self.environment,
                "https_proxy": f"http://127.0.0.1:{proxy.server_port}",
            }
            done = subprocess.run(
                [program("braid"), "check", self.listed([url])],
                capture_output=True,
                text=True,
                env=environment,
            )
            proxy.shutdown()
            thread.join()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(set(asked), {f"127.0.0.1:{self.server.server_port}"})
        self.assertEqual(self.server.asked, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
