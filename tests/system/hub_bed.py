"""A Hugging Face Hub on loopback, as far as huggingface_hub uses it to upload a folder (without Xet)."""

import base64
import hashlib
import http.server
import json
import threading
import urllib.parse


class Hub(http.server.ThreadingHTTPServer):
    """`repositories`: "OWNER/NAME" -> {"visibility", "commits": [{"summary", "revision", "files"}]}. `refused`: requests
    that it knows nothing of, or that carry another token than `token`."""

    daemon_threads = True

    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), _Request)
        self.token = token
        self.repositories, self.stored, self.refused = {}, {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Request(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def content(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def refuse(self, status, error):
        self.server.refused.append(f"{self.command} {self.path}")
        self.answer(status, {"error": error})

    def do_PUT(self):
        content = self.content()
        self.server.stored[hashlib.sha256(content).hexdigest()] = content
        self.answer(200, {})

    def do_POST(self):
        content = self.content()
        if self.headers.get("Authorization") != "Bearer " + self.server.token:
            return self.refuse(401, "Invalid credentials in Authorization header")
        path = urllib.parse.urlsplit(self.path).path
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self.create(json.loads(content))
        for repository in self.server.repositories:
            if path == f"/{repository}.git/info/lfs/objects/batch":
                return self.batch(json.loads(content))
            start = f"/api/models/{repository}/"
            if path.startswith(start):
                action, _, revision = path.removeprefix(start).partition("/")
                if action == "preupload":
                    return self.preupload(json.loads(content))
                if action == "commit":
                    return self.commit(repository, revision, content)
        return self.refuse(404, "nothing is there")

    def create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.server.repositories:
            said = {"error": "You already created this model repo"}
            return self.answer(409, {**said, "url": f"{self.server.url}/{name}"})
        self.server.repositories[name] = {"visibility": asked.get("visibility"), "commits": []}
        return self.answer(200, {"url": f"{self.server.url}/{name}"})

    def preupload(self, asked):
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for file in asked["files"]
        ]
        self.answer(200, {"files": modes})

    def batch(self, asked):
        objects = [
            {
                "oid": one["oid"],
                "size": one["size"],
                "actions": {"upload": {"href": f"{self.server.url}/lfs/{one['oid']}"}},
            }
            for one in asked["objects"]
        ]
        self.answer(200, {"transfer": "basic", "objects": objects})

    def commit(self, repository, revision, content):
        lines = [json.loads(line) for line in content.splitlines()]
        made = {"revision": revision, "summary": "", "files": {}}
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                made["summary"] = value["summary"]
            elif line["key"] == "file":
                made["files"][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                made["files"][value["path"]] = self.server.stored[value["oid"]]
            else:
                return self.refuse(400, f"{line['key']} is not known here")
        commits = self.server.repositories[repository]["commits"]
        commits.append(made)
        number = f"{len(commits):040x}"
        url = f"{self.server.url}/{repository}/commit/{number}"
        return self.answer(200, {"commitUrl": url, "commitOid": number})

    def do_GET(self):
        self.refuse(404, "nothing is there")

    def log_message(self, *_):
        pass
