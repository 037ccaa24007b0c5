#!/usr/bin/env python3
"""The rules for Prometheus and the dashboard for Grafana: promtool takes the rules and shows when they fire, and every metric
and label of both is one of a real coordinator."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import by_hand
from service import Service

sys.path.insert(0, os.path.join(by_hand.SOURCE_DIR, "docs", "site"))
import reference  # noqa: E402

FOLDER = os.path.join(by_hand.SOURCE_DIR, "deploy", "prometheus")
RULES, GRAFANA = (os.path.join(FOLDER, name) for name in ("braid.rules.yml", "grafana.json"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def promtool():
    unpacked = os.path.join(by_hand.SOURCE_DIR, "build", "promtool", "promtool")
    return unpacked if os.path.exists(unpacked) else shutil.which("promtool")


def expressions():
    """Where it stands -> the text of an expression, of rules and panels."""
    found = dict(
        re.findall(
            r"(?m)^ +- alert: (\w+)\n(?: +#.*\n)* +expr: ((?:.*\n)(?:          .*\n)*)", read(RULES)
        )
    )
    for panel in json.loads(read(GRAFANA))["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']}, {target['refId']}"] = target["expr"]
    return found


def names(expression):
    """Of the metrics: a histogram has several series under its name."""
    found = re.findall(r"\bbraid_\w+", expression)
    return {re.sub(r"(_seconds|_bytes)_(bucket|sum|count)$", r"\1", name) for name in found}


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.families = set(
            re.findall(
                r"(?m)^# HELP (\S+)",
                reference.metrics_text(os.path.join(by_hand.BINARY_DIR, "bin")),
            )
        )

    def test_every_metric_of_rules_and_dashboard_is_one_of_the_coordinator(self):
        found = expressions()
        self.assertGreater(len(found), 20)
        for place, expression in found.items():
            self.assertEqual(names(expression) - self.families, set(), place)
        self.assertIn("BraidRunFailed", found)

    def test_the_dashboard_shows_every_metric(self):
        shown = set().union(*(names(text) for text in expressions().values()))
        self.assertEqual(self.families - shown, set())

    def test_every_label_is_one_that_the_metric_has(self):
        source = read(os.path.join(by_hand.SOURCE_DIR, "coordinator", "http", "metrics.cc"))
        labels = set(re.findall(r'\{"(\w+)", ', source)) | {"instance", "job", "le"}
        for place, expression in expressions().items():
            used = set(re.findall(r'[{,]\s*(\w+)\s*(?:=~|!=|=)"', expression))
            used |= set(re.findall(r"\b(?:by|on) \((\w+(?:, \w+)*)\)", expression))
            for label in {one for part in used for one in part.split(", ")}:
                self.assertIn(label, labels, place)

    def test_panels_lie_beside_one_another_and_ask_the_source_that_is_chosen(self):
        taken = set()
        board = json.loads(read(GRAFANA))
        self.assertEqual(
            [one["name"] for one in board["templating"]["list"]], ["source", "instance"]
        )
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            self.assertEqual(
                (taken & cells, at["x"] + at["w"] <= 24), (set(), True), panel["title"]
            )
            taken |= cells
            for target in panel["targets"]:
                self.assertEqual(target["datasource"]["uid"], "${source}")
                self.assertIn("$instance", target["expr"])

    def test_promtool_takes_the_rules_and_they_fire_when_they_should(self):
        tool = promtool()
        if not tool:
            self.skipTest("there is no promtool: scripts/setup unpacks it of Debian's prometheus")
        for words in (["check", "rules", RULES], ["test", "rules", "braid.rules.test.yml"]):
            done = subprocess.run([tool, *words], capture_output=True, text=True, cwd=FOLDER)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_takes_what_a_coordinator_with_workers_answers(self):
        tool = promtool()
        if not tool:
            self.skipTest("there is no promtool: scripts/setup unpacks it of Debian's prometheus")
        with Service(workers=1) as service:
            code, text = service.http("/metrics")
        self.assertEqual(code, 200)
        done = subprocess.run(
            [tool, "check", "metrics"], input=text, capture_output=True, text=True
        )
        self.assertIn(done.returncode, (0, 3), done.stdout + done.stderr)  # 3: advice on style
        self.assertNotIn("error while linting", done.stderr)
        self.assertIn('link="READY"', text)
        self.assertIn('braid_core_commit_duration_seconds_bucket{le="+Inf"} ', text)
        # That is how the service was found to be ready.
        self.assertRegex(
            text,
            r'braid_rpc_duration_seconds_bucket\{code="OK",method="Admin/ListWorkers",le="60"\} [1-9]',
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
