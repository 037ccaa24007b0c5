#!/usr/bin/env python3
"""The dashboard in a real browser against the real programs: each page, each action, names of nonsense everywhere."""

import csv
import hashlib
import json
import math
import os
import statistics
import unittest
import urllib.request

import by_hand
from browser import Browser
from service import RECIPE as COMPOSITE
from service import Service, write_recipe

NASTY = "<img src=x onerror=window.hacked=1>"
RECIPE = (
    """# %s
run: small
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
baselines:
  - {name: dense, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 2,
        optimizer: {lr: 2e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 10, sequences: 4}}
evaluate:
  - loss: all
"""
    % NASTY
)
# Quotes, markup, marks that turn the direction of writing, and nowhere to break a line.
HOSTILE = "\"'><img src=x onerror=window.hacked=1>\u202eturned\u2066 " + "W" * 200
# The quantile 0.975 of Student's t for two degrees of freedom, as every table has it.
T_2 = 4.3027
# What the composite needs not beside it.
DENSE = "baselines:\n  - {name: dense, d: 32, heads: 4, blocks: 2}\n"
STORED = "tales " + NASTY
FILE = NASTY.replace("/", "") + ".jsonl"


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(workers=1, slots=2)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        cls.service.start()
        folder = cls.service.folder
        cls.recipe = write_recipe(folder, {"tales": by_hand.small_texts()["tales"]}, 40, 20, RECIPE)
        cls.run_id = cls.service.submit(cls.recipe)
        # The same with two seeds, and two paths that become one composite.
        seeded = write_recipe(folder, {}, 40, 20, RECIPE + "seeds: [1, 2]\n", "seeded.yaml")
        composite = COMPOSITE.replace("connect: share", "connect: slice")
        composite = composite.replace("ranks: 2", "ranks: 1").replace(DENSE, "")
        merged = write_recipe(folder, by_hand.small_texts(), 4, 4, composite, "merged.yaml")
        cls.seeded, cls.merged = cls.service.submit(seeded), cls.service.submit(merged)
        cls.browser = Browser(cls.service.endpoint()["http"])
        cls.addClassCleanup(cls.browser.__exit__)

    def sign_in(self, token):
        page = self.browser
        # Answers to a page that is still open could bring the cookie back.
        page.driver.get("about:blank")
        page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        page.open()
        page.type("#token", token)
        page.click("form button[type=submit]")

    def setUp(self):
        self.sign_in(self.service.token())
        self.browser.says("Runs")

    def tearDown(self):
        # Nothing that was shown became a part of the page, and nothing was refused by its policy.
        page = self.browser
        self.assertIsNone(page.driver.execute_script("return window.hacked || null"))
        self.assertEqual(page.find("main img, main script"), [])
        self.assertEqual(page.complaints(), [])

    def test_up_says_where_it_is(self):
        http = self.service.endpoint()["http"]
        said = f"braid up: dashboard: http://{http}/ (sign in with the token in "
        self.assertIn(said + self.service.endpoint()["token_file"] + ")", self.service.up_log())

    def test_a_wrong_token_is_told_so(self):
        page = self.browser
        page.click(".menu summary")
        page.click("#sign-out")
        page.type("#token", "wrong")
        page.click("form button[type=submit]")
        page.says("the token is not this coordinator's")
        page.shoot("sign-in")

    def test_runs_and_a_run(self):
        page, service = self.browser, self.service
        page.click("tr[data-key] a", "small")
        page.says("attempts")
        jobs = len(service.json("describe", self.run_id)["jobs"])
        page.wait(lambda: len(page.find(".graph .node")) == jobs, f"no graph of {jobs} jobs")
        page.shoot("run-begun")
        page.go(f"#/run/{self.run_id}/logs/dense")
        page.wait(lambda: len(page.find("pre.log")[0].text) > 40, "no log")
        page.shoot("logs")
        page.go(f"#/run/{self.run_id}/curves")
        page.wait(
            lambda: page.find("canvas")[0].get_attribute("data-points") == "40",
            "no curve of 40 points",
        )
        page.click("#log-scale")
        page.choose("#axis", "tokens")
        page.shoot("curves")
        service.run("wait", self.run_id)
        page.go(f"#/run/{self.run_id}/jobs/dense")
        page.wait(lambda: page.find(".facts .badge")[0].text == "succeeded", "the end is not seen")
        page.says("Newest checkpoint: step 20")
        page.shoot("run")
        self.export()
        page.go(f"#/run/{self.run_id}/report")
        page.wait(lambda: page.find("iframe.report"), "no report")
        page.driver.switch_to.frame(page.find("iframe.report")[0])
        page.says("dense")
        page.driver.switch_to.default_content()
        page.shoot("report")
        page.go(f"#/run/{self.run_id}/lineage")
        page.says("What was made from what")
        page.shoot("results")
        page.go(f"#/run/{self.run_id}/recipe")
        page.says(NASTY)
        page.go(f"#/run/{self.run_id}/events")
        page.says("run.submitted" if "run.submitted" in page.text() else "attempt.granted")

    def export(self):
        """What the menu of a run gives is what the command line gives."""
        page, service = self.browser, self.service
        kept = os.path.join(service.folder, "kept")
        page.keep_files_in(kept)
        page.click("#export summary")
        page.click("#export button", "dense")
        file = os.path.join(kept, "small-dense.csv")
        page.wait(lambda: os.path.exists(file), "no curves were kept")
        with open(file, encoding="utf-8", newline="") as got:
            rows = list(csv.DictReader(got))
        points = [json.loads(line) for line in self.points("dense")]
        self.assertEqual([int(row["step"]) for row in rows], [int(one["step"]) for one in points])
        for row, point in zip(rows, points):
            found = {name: float(text) for name, text in row.items() if text and name != "step"}
            self.assertEqual(found, point["values"])
        page.click('#export [data-key="model:dense"] a')
        model = os.path.join(kept, "small-dense.safetensors")
        page.wait(lambda: os.path.exists(model), "no model was kept")
        made = service.json("describe", self.run_id, "dense")["outputs"]["model"]
        service.run("artifact", "get", made, "--out", kept + ".model")
        with open(model, "rb") as got, open(kept + ".model/model.safetensors", "rb") as wanted:
            digests = [hashlib.sha256(file.read()).hexdigest() for file in (got, wanted)]
        self.assertEqual(digests[0], digests[1])
        page.shoot("export")
        page.click("#export summary")

    def points(self, job):
        return self.service.run("-o", "json", "metrics", self.run_id, job).stdout.splitlines()

    def test_runs_are_found_by_their_tags(self):
        page, service = self.browser, self.service
        service.run("run", "tag", self.run_id, NASTY, "kept one")
        page.click(f'tr[data-key="{self.run_id}"] .tag a', NASTY)
        page.wait(lambda: self.listed() == {self.run_id}, "other runs are listed, too")
        page.wait(
            lambda: page.find("#tag-filter")[0].get_attribute("value") == NASTY, "another tag"
        )
        page.choose("#tag-filter", "")
        page.wait(lambda: len(self.listed()) > 2, "the others do not come back")
        # Several at once.
        for run in (self.seeded, self.merged):
            page.click(f'tr[data-key="{run}"] input[type=checkbox]')
        page.click("#tag-selected")
        page.type("dialog #confirm-text", "both of them, kept one, -never")
        page.confirm()
        page.says("The tags of 2 runs are changed")
        page.choose("#tag-filter", "kept one")
        page.wait(
            lambda: self.listed() == {self.run_id, self.seeded, self.merged},
            "not the three of them",
        )
        page.shoot("tags")
        page.go(f"#/run/{self.seeded}")
        page.click("#add-tag")
        page.type("dialog #confirm-text", "a,b c")
        page.confirm()
        page.wait(
            lambda: self.tags() == ["a", "b c", "both of them", "kept one"], "not all of them"
        )
        page.click('#tags [data-key="tag:both of them"] button')
        page.wait(lambda: self.tags() == ["a", "b c", "kept one"], "it stays")
        self.assertEqual(service.json("describe", self.seeded)["tags"], ["a", "b c", "kept one"])
        page.click("#add-tag")
        page.type("dialog #confirm-text", "x" * 65)
        page.confirm()
        page.says("has 65 bytes: at most 64")

    def listed(self):
        return {row.get_attribute("data-key") for row in self.browser.find("main tbody tr")}

    def tags(self):
        return [tag.text for tag in self.browser.find("#tags .tag a")]

    def test_the_proof_of_a_merge_and_the_models_are_shown(self):
        page = self.browser
        # As they come: before the run has ended, what is there is shown.
        page.go(f"#/run/{self.merged}/models")
        page.says("bytes proved: bit-equal")
        page.says("hidden states: bit-equal")
        page.says("composite of path_tales, path_sums")
        # A text that a model wrote to the prompt of the recipe.
        page.wait(lambda: page.find(".sample-text b")[0].text == "The red fox", "no sample")
        self.service.run("wait", self.merged)
        page.wait(lambda: "Not there yet" not in page.text(), "a model is missing")
        page.click("details summary", "Each tensor, and where it is from")
        page.says("path_sums: ")
        page.shoot("models")

    def test_a_long_training_is_seen_closely(self):
        """What the server has joined to columns is read again where one looks."""
        service, page = self.service, self.browser
        service.run("wait", self.seeded)
        job = "dense-seed_2"
        file = os.path.join(
            service.folder, "state", "coordinator", "metrics", self.seeded, job, "1.jsonl"
        )
        with open(file, "a", encoding="utf-8") as out:
            for step in range(41, 20001):
                values = {"loss": 3 + 1000 / step, "tokens": step * 128}
                out.write(json.dumps({"step": step, "values": values}) + "\n")
        page.go(f"#/run/{self.seeded}/curves")
        loss = 'figure[data-key="chart:loss"] canvas'

        def points():
            return int(page.find(loss)[0].get_attribute("data-points"))

        page.wait(lambda: page.find(loss) and points() > 300, "no curves")
        whole = points()
        page.drag(loss, 0.5, 0.53)
        # 3 % of 20,000 steps: each of them is a point now, with the 40 of the other seed.
        page.wait(lambda: page.find("#show-all"), "it is not looked at closely")
        page.wait(
            lambda: int(page.find(loss)[0].get_attribute("data-single")) > 300, "it stays coarse"
        )
        page.shoot("zoom")
        page.click("#show-all")
        page.wait(lambda: points() == whole and not page.find("#show-all"), "not all is shown")

    def test_trainings_are_grouped_with_intervals(self):
        service, page = self.service, self.browser
        losses = []
        for run in (self.run_id, self.seeded):
            service.run("wait", run)
            for job in service.json("describe", run)["jobs"]:
                if job["kind"] == "evaluate":
                    losses.append(json.loads(job["summaryJson"])["loss"]["all"]["loss"])
        self.assertEqual(len(losses), 3)
        page.go(f"#/compare/{self.run_id},{self.seeded}")
        page.wait(lambda: len(page.find("#results tbody tr")) == 3, "no three trainings")
        loss = 'figure[data-key="chart:loss"] canvas'
        page.see(loss)
        page.wait(lambda: page.find(loss)[0].get_attribute("data-lines") == "3", "no three lines")
        page.choose("#group", ":settings")
        page.wait(lambda: len(page.find("#results tbody tr")) == 1, "seeds are no group")
        row = page.find("#results tbody tr")[0].text
        mean, half = statistics.mean(losses), T_2 * statistics.stdev(losses) / math.sqrt(3)
        self.assertIn(f"{float(f'{mean:.5g}')} \u00b1 {float(f'{half:.2g}')}", row)
        page.see(loss)
        page.wait(
            lambda: page.find(loss)[0].get_attribute("data-lines") == "1"
            and page.find(loss)[0].get_attribute("data-bands") == "1",
            "no line with a band",
        )
        page.choose("#band", "interval")
        page.click("#singles")
        page.see(loss)
        page.wait(lambda: page.find(loss)[0].get_attribute("data-lines") == "4", "no single lines")
        page.shoot("groups")
        # By any field: one that differs, and one that is the same in all.
        page.choose("#group", "training_seed")
        page.wait(lambda: len(page.find("#results tbody tr")) == 3, "no group for each seed")
        page.choose("#group", "train.batch")
        page.says("batch 4 / dense")
        page.wait(lambda: len(page.find("#results tbody tr")) == 1, "a field of one value")
        # By tags, without those that all have.
        service.run("run", "tag", self.run_id, "every run")
        service.run("run", "tag", self.seeded, "every run", "two seeds")
        self.addCleanup(
            service.run, "run", "tag", self.seeded, "--remove", "two seeds", "--remove", "every run"
        )
        page.choose("#group", ":tags")
        page.says("two seeds / dense")
        page.wait(lambda: len(page.find("#results tbody tr")) == 2, "no two groups of tags")
        self.assertNotIn("every run", page.find("#results")[0].text)

    def test_memory_that_jobs_need_and_workers_have(self):
        service, page, stored = self.service, self.browser, self.put()
        for run in (self.run_id, self.seeded, self.merged):
            service.run("wait", run)
        text = RECIPE + "memory: {train: 64MiB}\n"
        recipe = write_recipe(service.folder, {}, 10**7, 10**6, text, "held.yaml")
        page.go("#/submit")
        page.wait(lambda: page.find("#file"), "no page to submit on")
        page.find("#file")[0].send_keys(recipe)
        page.says("The recipe is right: ")
        page.choose('[id="source:source.tales"]', stored)
        page.click("#plan")
        page.wait(
            lambda: page.find('[data-key="planned:dense"]')[0].text.count("with 64.0 MiB of memory")
            == 1,
            "the plan does not say it",
        )
        # It trains until it is cancelled.
        run = service.submit(recipe)
        page.go(f"#/run/{run}/jobs/dense")
        page.says("1 core with 64.0 MiB of memory each")
        page.go("#/workers")
        page.says("64.0 MiB promised, ")
        page.shoot("memory")
        service.run("cancel", run)
        service.run("wait", run, code=None)
        page.says(" of memory: 0 B promised, ")

    def test_names_of_jobs_have_room_beside_long_reasons(self):
        page = self.browser
        self.service.run("wait", self.merged)
        page.go(f"#/run/{self.merged}/jobs")
        page.wait(lambda: page.find('tr[data-key="report"]'), "no table of jobs")
        # In one look, before the page is drawn anew.
        lines = page.driver.execute_script(
            """document.querySelector('tr[data-key="report"] td:nth-child(3) .note').textContent =
              'waits for ' + 'evaluate:path_tales, '.repeat(40);
            const name = document.querySelector('tr[data-key="evaluate:path_tales"] a');
            return name.offsetHeight / parseFloat(getComputedStyle(name).lineHeight)"""
        )
        self.assertLess(lines, 1.5)
        beyond = page.driver.execute_async_script(
            """const done = arguments[0], name = 'W'.repeat(80);
            import('/web/graph.js').then(({ graph }) => {
              const made = graph([{ id: name, parents: [], title: name, note: name }], 'one');
              document.body.append(made);
              const right = (part) => part.getBoundingClientRect().right;
              const box = right(made.querySelector('rect'));
              done(Math.max(...[...made.querySelectorAll('text')].map((text) => right(text) - box)));
              made.remove();
            })"""
        )
        self.assertLessEqual(beyond, 0)

    def test_pools_and_sites(self):
        page = self.browser
        pool = {
            "name": "gpu-farm",
            "engine": "slurm",
            "site": "north",
            "host": "login-1",
            "maxWorkers": 4,
            "cpuSlots": 8,
            "settings": {"partition": "batch"},
            "jobs": [{"id": "4711", "name": "braid-1", "state": "PENDING", "reason": "Priority"}],
            "trouble": "sbatch: error: invalid account",
        }
        events = [{"number": 1, "what": "refused", "detail": "sbatch said no"}]
        # As an agent of a pool does.
        self.post("Pools/SyncPool", {"pool": pool, "agentId": "a-1", "events": events})
        page.go("#/pools")
        page.says("sbatch: error: invalid account")
        page.says("0 of at most 4 workers connected")
        page.says("Priority")
        page.says("pool.refused")
        page.shoot("pools")
        page.go("#/sites")
        page.says("north")
        page.says("1 of 1 connected")
        page.shoot("sites")
        self.post("Pools/SyncPool", {"pool": pool, "agentId": "a-1", "deleted": True})
        page.go("#/pools")
        page.says("No pool is served")

    def test_the_audit_says_who_asked_for_what(self):
        page = self.browser
        page.go("#/audit")
        page.wait(lambda: page.find("tbody tr"), "no rows")
        page.type("#audit-call", "SubmitRun")
        page.wait(
            lambda: {row.text.split("\n")[0] for row in page.find("tbody td:nth-child(3)")}
            == {"SubmitRun"},
            "other calls, too",
        )
        page.says(self.run_id)
        page.choose("#audit-outcome", "PERMISSION_DENIED")
        page.says("Nothing is like that.")
        page.shoot("audit")

    def post(self, method, request):
        name, value = self.service.authorization()
        with urllib.request.urlopen(
            urllib.request.Request(
                f"http://{self.service.endpoint()['http']}/api/v1/{method}",
                data=json.dumps(request).encode(),
                headers={name: value, "Content-Type": "application/json"},
            ),
            timeout=60,
        ) as answer:
            return json.load(answer)

    def test_texts_of_nonsense_are_texts_on_every_page(self):
        """Names, users, logs, errors, events, labels, whatever they say: they are shown, and do nothing."""
        page = self.browser
        with open(
            os.path.join(os.path.dirname(__file__), "hostile_page.js"), encoding="utf-8"
        ) as file:
            script = file.read().replace("arguments_of_the_test", json.dumps(HOSTILE))
        undo = page.before_each_page(script)
        self.addCleanup(page.open)
        self.addCleanup(undo)
        self.service.run("wait", self.merged)
        pool = {"pool": {"name": "p", "trouble": "x"}, "agentId": "a-2"}
        self.post("Pools/SyncPool", pool)
        self.addCleanup(self.post, "Pools/SyncPool", {**pool, "deleted": True})
        page.open()
        wanted, run = HOSTILE[:30], f"#/run/{self.merged}/"
        # Each place, and what is there only when it has been read.
        for place, css, words in (
            ("#/runs", "h1", "Runs"),
            (run + "jobs/path_tales", "section.card h2", "path_tales"),
            (run + "curves", ".chart figcaption", "loss"),
            (run + "logs/path_tales", "pre.log", wanted),
            (run + "models", ".sample-text", wanted),
            (run + "lineage", "[data-key=lineage] .node", ""),
            (run + "recipe", "pre.numbered", wanted),
            (run + "events", "section[data-key=events] td", wanted),
            (f"#/compare/{self.run_id},{self.merged}", "#results td", wanted),
            ("#/workers", "h1", "Workers"),
            ("#/sites", "h1", "Sites"),
            ("#/pools", "section.card .problem", wanted),
            ("#/artifacts", "h1", "Artifacts"),
            ("#/events", "h1", "Events"),
            ("#/audit", "h1", "Audit"),
        ):
            page.go(place)
            page.wait(
                lambda c=css, w=words: any(w in one.text for one in page.find(c)),
                f"{place}: no {css} says {words!r}",
            )
            page.wait(lambda: wanted in page.text(), f"{place} does not say it")
            # Where there is least room.
            self.assertLessEqual(page.wider_than(390), 0, place)

    def test_several_runs_are_compared_and_cancelled(self):
        page, service = self.browser, self.service
        service.run("worker", "cordon", "worker-1")
        with open(self.recipe, encoding="utf-8") as file:
            text = file.read()
        other = os.path.join(service.folder, "other.yaml")
        with open(other, "w", encoding="utf-8") as file:
            file.write(text.replace("2e-3", "4e-3").replace("run: small", "run: faster"))
        service.run("wait", self.run_id)
        runs = [service.submit(self.recipe), service.submit(other)]
        page.go("#/runs")
        # They come by themselves.
        for run in (*runs, self.run_id):
            page.click(f'tr[data-key="{run}"] input[type=checkbox]')
        page.shoot("runs")
        page.click("#compare")
        page.says("train.optimizer.lr")
        page.wait(lambda: "0.004" in page.find("#differences")[0].text, "no other rate")
        page.see("canvas")
        page.wait(lambda: int(page.find("canvas")[0].get_attribute("data-points")) > 0, "no curves")
        page.shoot("compare")
        page.go("#/runs")
        for run in runs:
            page.click(f'tr[data-key="{run}"] input[type=checkbox]')
        # One that has ended is not asked for.
        page.click(f'tr[data-key="{self.run_id}"] input[type=checkbox]')
        page.click("#cancel-selected")
        page.confirm()
        page.says("2 runs are being cancelled")
        for run in runs:
            self.assertEqual(service.run("wait", run, code=None).returncode, 11)
        page.go(f"#/run/{runs[0]}")
        page.click("#retry")
        page.says("retry of")
        page.click("#pause")
        page.type("dialog #confirm-text", "the GPUs are needed")
        page.confirm()
        page.wait(lambda: page.find(".facts .badge")[0].text == "paused", "it is not paused")
        page.says(": the GPUs are needed")
        page.click("#resume")
        page.wait(lambda: page.find(".facts .badge")[0].text == "active", "it does not go on")
        page.click("#cancel")
        page.confirm()
        page.wait(lambda: page.find(".facts .badge")[0].text == "cancelled", "it is not cancelled")
        page.click("#delete")
        page.confirm()
        page.says("is deleted")
        service.run("worker", "cordon", "worker-1", "--open")

    def test_workers_are_taken_out_and_back(self):
        page = self.browser
        for run in (self.run_id, self.seeded, self.merged):
            self.service.run("wait", run)
        page.go("#/workers")
        page.click('[id="cordon:worker-1"]')
        page.says("cordoned")
        page.click('[id="open:worker-1"]')
        page.wait(lambda: self.admit() == "WORKER_OPEN", "it is not open again")
        page.click('[id="drain:worker-1"]')
        page.shoot("dialog")
        page.confirm()
        # Nothing runs there: it is drained at once.
        page.wait(lambda: self.admit() != "WORKER_OPEN", "it is not drained")
        page.click('[id="open:worker-1"]')
        page.wait(lambda: self.admit() == "WORKER_OPEN", "it is not open")
        page.wait(lambda: page.find('tr[data-key="worker-1"] svg.spark'), "no curve of its load")
        by_hand.wait_until(
            lambda: " in use\n" in self.service.run("worker", "describe", "worker-1").stdout,
            "its memory",
        )
        page.shoot("workers")

    def admit(self):
        (worker,) = self.service.json("worker", "list")["workers"]
        return worker["admit"]

    def put(self):
        folder = os.path.join(self.service.folder, "put")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, FILE), "w", encoding="utf-8") as out:
            out.writelines(
                json.dumps({"text": text}) + "\n" for text in by_hand.small_texts()["tales"]
            )
        return self.service.json("artifact", "put", folder, "--kind", "source", "--name", STORED)[
            "id"
        ]

    def test_artifacts_are_verified_and_pinned(self):
        page, stored = self.browser, self.put()
        page.go("#/artifacts")
        page.says(STORED)
        page.shoot("artifacts")
        page.click("tr[data-key] a", STORED)
        page.says(FILE)
        page.click("#verify")
        page.says("whole: 1 files")
        page.click("#pin")
        page.wait(lambda: page.find("#pin")[0].text == "Unpin", "it is not pinned")
        listed = self.service.json("artifact", "list")["artifacts"]
        self.assertTrue(next(one for one in listed if one["id"] == stored)["pinned"])
        page.click("button", "Show")
        page.wait(lambda: page.find("section.card pre"), "the file is not shown")
        page.shoot("artifact")
        page.click("#pin")
        page.wait(lambda: page.find("#pin")[0].text == "Pin", "the pin stays")

    def test_a_recipe_is_checked_planned_and_submitted(self):
        page, stored = self.browser, self.put()
        page.go("#/submit")
        page.click("#example")
        page.says("The recipe is right: ")
        page.type("#recipe", "run: " + NASTY + "\ncorpra: 1\n")
        page.says("no such key; did you mean corpora?")
        page.wait(
            lambda: page.find(".gutter .error")[-1].text.strip() == "2", "line 2 is not marked"
        )
        page.shoot("submit-wrong")
        page.find("#file")[0].send_keys(self.recipe)
        page.says("The recipe is right: ")
        page.choose('[id="source:source.tales"]', stored)
        page.wait(lambda: page.find("#plan")[0].is_enabled(), "a stored artifact will not do")
        page.find('[id="upload:source.tales"]')[0].send_keys(
            os.path.join(self.service.folder, "tales.jsonl")
        )
        page.wait(
            lambda: "source.tales" in page.chosen('[id="source:source.tales"]'),
            "nothing is uploaded",
        )
        page.click("#plan")
        page.wait(lambda: page.find("#planned .node"), "there is no plan")
        # As braid plan says it: parameters, tokens and operations.
        page.wait(lambda: "tokens trained, " in page.find("#cost")[0].text, "no cost")
        (model,) = self.service.json("plan", self.recipe)["models"]
        shown = [cell.text for cell in page.find('[data-key="model:dense"] td')]
        self.assertEqual(shown[1], f"{int(model['parameters']) / 1e3:.3g} k")
        page.shoot("submit")
        page.click("#submit")
        page.wait(lambda: page.find("#cancel"), "it is not submitted")
        page.click("#cancel")
        page.confirm()
        page.wait(lambda: page.find(".facts .badge")[0].text == "cancelled", "it is not cancelled")

    def test_a_viewer_sees_and_cannot_touch(self):
        page, service = self.browser, self.service
        token = os.path.join(service.folder, "viewer.token")
        service.run("token", "create", "--role", "viewer", "--name", "vera", "--file", token)
        with open(token, encoding="utf-8") as file:
            self.sign_in(file.read().strip())
        page.says("vera")
        for place, button in (
            ("#/workers", '[id="drain:worker-1"]'),
            (f"#/run/{self.run_id}", "#cancel, #retry"),
            (f"#/run/{self.run_id}", "#add-tag"),
            ("#/runs", "#tag-selected"),
            ("#/submit", "#submit"),
        ):
            page.go(place)
            # In one look: pages draw their buttons anew when something changes.
            page.wait(lambda: self.refuses(page.find(button)[0]), f"no closed {button} in {place}")
        page.go("#/audit")
        page.says("this page needs role operator; yours is viewer")
        # A token that is revoked ends the session at its next call.
        service.run("token", "revoke", "vera")
        page.go("#/events")
        page.wait(lambda: page.find("#token"), "still signed in")

    @staticmethod
    def refuses(button):
        return not button.is_enabled() and "yours is viewer" in button.get_attribute("title")

    def test_keys(self):
        page = self.browser
        body = page.find("body")[0]
        page.wait(lambda: page.find("tr[data-key]"), "no runs")
        body.send_keys("j")
        page.wait(
            lambda: page.driver.execute_script("return document.activeElement.tagName") == "TR", "j"
        )
        # Two keys belong together within a second, which a machine that stands still for a moment may miss.
        page.wait(lambda: "slots in use" in page.text() or body.send_keys("gw"), "g w")
        page.wait(lambda: page.find("h1")[0].text == "Events" or body.send_keys("ge"), "g e")
        page.shoot("events")
        body.send_keys("?")
        page.wait(lambda: page.find("dialog[open]"), "?")


if __name__ == "__main__":
    unittest.main(verbosity=2)
