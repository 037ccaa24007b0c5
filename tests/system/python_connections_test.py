#!/usr/bin/env python3
"""The Python client where connections break and the coordinator is busy, against a scripted server; and the description
of the API from which its types are made."""

import asyncio
import http.server
import inspect
import json
import math
import os
import sys
import threading
import unittest

import by_hand

SOURCE = by_hand.SOURCE_DIR
CLIENT = os.path.join(SOURCE, "clients", "python")
sys.dont_write_bytecode = True  # nothing is written beside the sources


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers each request with the next of `server.answers`: a status and a body, which may end
    early."""

    def answer(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()

    def do_GET(self):
        self.answer()

    def log_message(self, *_):
        pass


def event(number, points):
    steps = [
        {"step": str(step), "values": {"loss": "NaN" if step == 3 else 1.5}} for step in points
    ]
    return f"id: {number}\ndata: {json.dumps({'points': steps})}\n\n"


class Connections(unittest.TestCase):
    """What the client does when connections break or the coordinator is busy, against a scripted
    server."""

    def setUp(self):
        sys.path.insert(0, os.path.join(CLIENT, "src"))
        self.addCleanup(sys.path.pop, 0)
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Scripted)
        self.server.asked = []
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"127.0.0.1:{self.server.server_port}"

    def client(self, answers):
        import braid_client

        self.server.answers = list(answers)
        return braid_client.Client(self.url, token="t" * 64)

    RUN = (200, json.dumps({"id": "r-1", "state": "RUN_ACTIVE"}))

    def test_a_stream_goes_on_where_it_was_cut(self):
        cut = "retry: 2000\n\n: still here\n\n" + event(2, [1, 2]) + "id: 9\ndata: {"
        client = self.client([
            self.RUN, (200, cut), (503, json.dumps({"code": "UNAVAILABLE"})),
            (200, event(3, [3]) + "event: end\ndata: {}\n\n"),
        ])  # fmt: skip
        points = list(client.follow_metrics("r-1", "path"))
        self.assertEqual([point.step for point in points], [1, 2, 3])
        self.assertTrue(math.isnan(points[2].values["loss"]))
        asked = [path for path, _ in self.server.asked]
        self.assertEqual(
            asked[1], "/api/v1/Jobs/ReadMetrics?runId=r-1&job=path&sinceStep=0&follow=true"
        )
        self.assertEqual(asked[2:], [asked[1] + "&last_event_id=2"] * 2)
        self.assertEqual({token for _, token in self.server.asked}, {"Bearer " + "t" * 64})

    def test_an_error_at_the_end_of_a_stream_is_raised(self):
        import braid_client

        error = json.dumps({"code": "OUT_OF_RANGE", "reason": "WATCH_COMPACTED", "message": "list"})
        client = self.client([(200, f"event: end\ndata: {error}\n\n")])
        with self.assertRaises(braid_client.OutOfRange) as raised:
            next(client.watch(since=4))
        self.assertEqual(
            (raised.exception.reason, str(raised.exception)), ("WATCH_COMPACTED", "list")
        )

    def test_who_calls_too_often_waits_for_its_turn(self):
        import braid_client

        busy = (
            429,
            json.dumps({"code": "RESOURCE_EXHAUSTED", "message": "ada: try again in 5 ms"}),
        )
        full = (429, json.dumps({"code": "RESOURCE_EXHAUSTED", "message": "16 open streams"}))
        away = (503, json.dumps({"code": "UNAVAILABLE", "message": "starting"}))
        client = self.client([busy, away, (200, '{"lastSeq": "12"}'), full])
        self.assertEqual(client.server().last_seq, 12)
        with self.assertRaises(braid_client.ResourceExhausted):
            client.server()

    def test_a_closed_stream_of_asyncio_ends_at_once(self):
        import braid_client

        self.server.answers = [self.RUN, (200, event(1, [1, 2]))]

        async def first():
            client = braid_client.AsyncClient(self.url, token="t" * 64)
            async with client, client.follow_metrics("r-1", "path") as points:
                async for point in points:
                    return point.step

        self.assertEqual(asyncio.run(first()), 1)


class Messages(unittest.TestCase):
    def test_a_message_is_a_line_where_it_is_shown(self):
        sys.path.insert(0, os.path.join(CLIENT, "src"))
        self.addCleanup(sys.path.pop, 0)
        from braid_client.types import Run

        jobs = [{"name": "path", "specJson": "{}" * 99, "state": "JOB_ACTIVE"}, {"name": "report"}]
        sent = {"id": "r-1", "jobs": jobs, "recipe": "run: a\n" * 99, "createdMs": "7"}
        run = Run.from_json(sent)
        self.assertRegex(
            repr(run),
            r"^Run\(created_ms=7, id='r-1', jobs=\[2 Job\], recipe='run: a[^)]{70}\.\.\.\)$",
        )
        self.assertRegex(
            repr(run.jobs[0]), r"^Job\(name='path', spec_json='[{}]+\.\.\., state='JOB_ACTIVE'\)$"
        )
        self.assertEqual(len(run.recipe), 693)


class Asynchronous(unittest.TestCase):
    def test_it_has_every_method_with_the_same_arguments(self):
        sys.path.insert(0, os.path.join(CLIENT, "src"))
        self.addCleanup(sys.path.pop, 0)
        import braid_client

        def methods(kind):
            return {
                name: list(inspect.signature(method).parameters)
                for name, method in inspect.getmembers(kind, inspect.isfunction)
                if not name.startswith("_")
            }

        plain, asynchronous = methods(braid_client.Client), methods(braid_client.AsyncClient)
        for name in ("merge", "plan_merge"):  # which pass on what they are given
            plain[name] = ["self", "parents", "more"]
        self.assertEqual(asynchronous, plain)


class Description(unittest.TestCase):
    def test_a_public_validator_finds_nothing_wrong(self):
        from openapi_spec_validator import OpenAPIV31SpecValidator

        with open(os.path.join(SOURCE, "docs", "openapi.json"), encoding="utf-8") as file:
            document = json.load(file)
        self.assertEqual([str(one) for one in OpenAPIV31SpecValidator(document).iter_errors()], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
