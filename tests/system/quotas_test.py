#!/usr/bin/env python3
"""Quotas as an operator sets them and a user meets them: refused with what to do, shown, and read again without a restart."""

import json
import os
import subprocess
import unittest

import by_hand
from by_hand import program, wait_until
from service import Service, write_recipe


class Quotas(unittest.TestCase):
    def write(self, text):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.path + ".new", self.path)

    def event(self, braid, kind, part):
        wait_until(
            lambda: any(e["kind"] == kind and part in e["detail"] for e in braid.events()),
            f"an event {kind} about {part}",
        )

    def test_quotas_are_kept_shown_and_read_again(self):
        with Service(workers=0) as braid:
            braid.stop()
            self.path = os.path.join(braid.folder, "quotas.yaml")
            self.write("each_user: {jobs: 3, artifact_bytes: 50MB}\nusers: {zoe: {jobs: none}}\n")
            braid.words = ("--quotas", self.path)
            braid.start()
            recipe = write_recipe(braid.folder, by_hand.small_texts(), steps=10)
            refused = braid.run("submit", recipe, code=1)
            self.assertRegex(
                refused.stderr,
                r"the quota of user \S+ is 3 jobs that have not ended; 0 are there, and this would be \d+ more: wait "
                r"until some have ended, cancel some \(`braid list runs`\)",
            )
            self.assertEqual(braid.run("-o", "name", "list", "runs").stdout, "")
            # A mistake is named, and changes nothing.
            self.write("each_user: {jobs: lots}\n")
            self.event(braid, "server.quotas_refused", self.path + ":1:")
            braid.run("submit", recipe, code=1)
            self.write("each_user: {jobs: 30, artifact_bytes: 50MB}\nusers: {zoe: {jobs: none}}\n")
            self.event(braid, "server.quotas_read", self.path)
            run = braid.submit(recipe)
            rows = {(q["kind"], q["name"]): q for q in braid.json("quota")["quotas"]}
            jobs = len(braid.json("describe", run)["jobs"])
            (user,) = [name for kind, name in rows if kind == "user" and name != "zoe"]
            used = rows["user", user]
            self.assertEqual((int(used["jobs"]), int(used["jobsLimit"])), (jobs, 30))
            self.assertEqual(int(used["artifactBytesLimit"]), 50_000_000)
            uploaded = sum(int(a["bytes"]) for a in braid.json("artifact", "list")["artifacts"])
            self.assertEqual(int(used["artifactBytes"]), uploaded)
            self.assertEqual(rows["user", "zoe"]["jobsLimit"], "-1")
            table = braid.run("quota").stdout
            self.assertRegex(table, rf"user +{user} +{jobs} +30 +\d+ % +\S+ \S+ +47.7 MiB +\d+ %")
            over_http = json.loads(braid.http("/api/v1/Admin/ListQuotas")[1])
            self.assertEqual(len(over_http["quotas"]), len(rows))
            # A large file is refused before it is sent.
            large = os.path.join(braid.folder, "large")
            os.mkdir(large)
            with open(os.path.join(large, "zeros"), "wb") as file:
                file.truncate(60_000_000)
            refused = braid.run("artifact", "put", large, code=1)
            self.assertIn("is 47.7 MiB of artifacts; ", refused.stderr)
            self.assertIn(
                "and this would be 57.2 MiB more: delete runs that nobody needs", refused.stderr
            )
            braid.run("cancel", run)
            self.assertEqual(
                {q["name"]: q.get("jobs", "0") for q in braid.json("quota")["quotas"]}[user], "0"
            )

    def test_a_coordinator_does_not_start_with_mistakes(self):
        with Service(workers=0) as braid:
            path = os.path.join(braid.folder, "quotas.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write("users: {ada: {byte: 5}}\n")
            done = subprocess.run(
                [
                    program("braid-coordinator"),
                    "--dir",
                    os.path.join(braid.folder, "other"),
                    "--quotas",
                    path,
                ],
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, 78)
            self.assertIn(f"{path}:1:", done.stderr)
            self.assertIn("users.ada.byte: no such key", done.stderr)


if __name__ == "__main__":
    unittest.main()
