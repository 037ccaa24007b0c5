#!/usr/bin/env python3
"""Traces of a real run, received by a collector of Python's own library and decoded with OpenTelemetry's own messages."""

import base64
import contextlib
import http.server
import json
import os
import signal
import sys
import threading
import unittest

import opentelemetry.trace
from by_hand import SOURCE_DIR, small_texts, wait_until
from google.protobuf import json_format
from hold import held_at, prepare_holds
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.trace import TraceFlags
from service import Service, write_recipe

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE_DIR, "clients", "python", "src"))
import braid_client  # noqa: E402

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "k3y of the collector"
RECIPE = """run: traced
tokenizer: {train: {vocab: 300}}
corpora:
  tales: {files: [tales.jsonl], text: text}
validation: {documents: 0.1}
sequence: 32
paths:
  - {name: path_tales, corpus: tales, d: 16, heads: 2, blocks: 1}
train: {batch: 4, accumulate: 1, epochs: 10000000, steps: STEPS, warmup_steps: 0,
        optimizer: {lr: 1e-3},
        checkpoint: {steps: EVERY, seconds: 0}, validate: {steps: 1000, sequences: 4}}
"""
# Clocks are read one after the other, on a machine that may do something else in between.
NEARLY_NS = 1_000_000_000


class One:
    """A span with the service that sent it. Ids are hexadecimal, attributes a dict."""

    def __init__(self, service, span):
        self.service, self.name, self.kind = service, span.name, span.kind
        self.trace, self.id, self.parent = (
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
        )
        self.begin, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.failed = span.status.code == Status.STATUS_CODE_ERROR
        self.error = span.status.message
        self.attributes = {
            one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes
        }

    def __repr__(self):
        return f"{self.service}: {self.name} {self.attributes} {self.error}"


def decoded(body):
    """The spans of a request. In the protocol's JSON, ids are hexadecimal; in that of protobuf, bytes are base64."""
    request = json.loads(body)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    message = json_format.ParseDict(request, ExportTraceServiceRequest())
    for resource in message.resource_spans:
        named = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield One(named["service.name"], span)


class Collector(http.server.ThreadingHTTPServer):
    """`answers` are given to the first requests of workers, as (status, headers); all others are taken."""

    def __init__(self, answers=()):
        self.answers, self.spans, self.headers, self.bodies = list(answers), [], [], []
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server = self.server
                with server.lock:
                    troubled = server.answers and b'"braid-worker"' in body
                    status, headers = server.answers.pop(0) if troubled else (200, {})
                    server.headers.append((self.path, dict(self.headers)))
                    server.bodies.append(body)
                    if status == 200:
                        server.spans += decoded(body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def all(self, name=None, **attributes):
        """The spans that have arrived, of this name and with these attributes ("braid." in front, "_" for a dot)."""
        wanted = {"braid." + key.replace("_", "."): value for key, value in attributes.items()}
        with self.lock:
            return [
                one
                for one in self.spans
                if name in (None, one.name) and wanted.items() <= one.attributes.items()
            ]

    def wait(self, name, count=1, **attributes):
        return wait_until(
            lambda: (found := self.all(name, **attributes)) and len(found) >= count and found,
            f"{count} spans {name} {attributes}",
            timeout_s=120,
        )

    def wait_for_parents(self, trace, caller):
        """Until every span of the trace has its parent here; that of the first is the caller."""

        def whole():
            spans = [one for one in self.all() if one.trace == trace]
            return {one.parent for one in spans} <= {one.id for one in spans} | {caller}

        wait_until(whole, f"the parents of all spans of trace {trace}")

    def handle_error(self, *_):
        pass  # whoever ends in the middle of an answer


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The workers' first requests find a collector that is busy.
        cls.collector = Collector([(503, {"Retry-After": "1"}), (429, {"Retry-After": "1"})])
        cls.service = Service(workers=1)
        cls.service.environment.update(
            OTEL_EXPORTER_OTLP_ENDPOINT=cls.collector.url(),
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20" + SECRET.replace(" ", "%20"),
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
            OTEL_BSP_SCHEDULE_DELAY="50",
            BRAID_LOG_FORMAT="json",
        )
        prepare_holds(cls.service)
        cls.addClassCleanup(cls.collector.shutdown)
        cls.addClassCleanup(cls.service.__exit__, None, None, None)
        cls.service.start()
        recipe = write_recipe(
            cls.service.folder, {"tales": small_texts()["tales"]}, 20, 10, text=RECIPE
        )
        with held_at(cls.service, "path_tales", 10) as hold:
            cls.service.environment["TRACEPARENT"] = f"00-{TRACE}-{CALLER}-01"
            cls.run_id = cls.service.submit(recipe)
            del cls.service.environment["TRACEPARENT"]
            program = hold.wait()
            # What came before has been sent: a coordinator that is killed sends nothing more.
            cls.collector.wait("waiting", job_name="path_tales")
            cls.collector.wait("checkpoint", job_name="path_tales")
            cls.restart_the_coordinator()
            os.kill(program, signal.SIGKILL)
        cls.service.run("wait", cls.run_id)
        cls.collector.wait("run")
        cls.collector.wait("rank", 2, job_name="path_tales")
        # Workers send the last of theirs after the run has ended.
        cls.collector.wait_for_parents(TRACE, CALLER)
        cls.spans = [one for one in cls.collector.all() if one.trace == TRACE]
        cls.by_id = {one.id: one for one in cls.spans}

    @classmethod
    def restart_the_coordinator(cls):
        service = cls.service
        (before,) = service.processes("braid-coordinator")
        os.kill(before, signal.SIGKILL)

        def another():
            return before not in service.processes("braid-coordinator")

        wait_until(another, "the coordinator to end")
        service.wait_ready()

    def only(self, name, **attributes):
        found = [one for one in self.collector.all(name, **attributes) if one.trace == TRACE]
        self.assertEqual(len(found), 1, (name, attributes, found))
        return found[0]

    def path_to(self, span):
        """The names from the first span of the trace to this one."""
        names = []
        while span is not None:
            names.insert(0, span.name)
            span = self.by_id.get(span.parent)
        return names

    def test_one_trace_from_the_callers_span_to_the_phases_of_a_program(self):
        for one in self.spans:
            if one.parent not in self.by_id:
                self.assertEqual((one.parent, one.name), (CALLER, "braid submit"))
        # The first attempt may have trained to its end while its checkpoint was written.
        training = self.only("training", job_name="path_tales", lease_epoch=2)
        call = "braid.v1.Runs/SubmitRun"
        self.assertEqual(
            self.path_to(training),
            ["braid submit", call, call, "run", "job", "attempt", "rank", "program", "training"],
        )
        for name in ("loading", "writing", "validation"):
            last = self.only(name, job_name="path_tales", lease_epoch=2)
            self.assertEqual(self.path_to(last)[-2:], ["program", name])
        self.assertEqual(len(self.by_id), len(self.spans), "an id twice")

    def test_who_sent_what(self):
        sent = {(one.service, one.name) for one in self.spans}
        self.assertLessEqual(
            {
                ("braid", "braid submit"),
                ("braid", "braid.v1.Runs/SubmitRun"),
                ("braid-coordinator", "braid.v1.Runs/SubmitRun"),
                ("braid-coordinator", "run"),
                ("braid-coordinator", "waiting"),
                ("braid-worker", "fetch"),
                ("braid-worker", "upload"),
                ("braid-worker", "commit"),
                ("braid-worker", "write checkpoint"),
                ("braid-worker", "checkpoint"),
            },
            sent,
        )
        kinds = {one.kind for one in self.spans if one.name == "braid.v1.Runs/SubmitRun"}
        self.assertEqual(kinds, {Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER})

    def test_the_attempt_that_was_killed_and_the_next_one(self):
        first = self.only("attempt", job_name="path_tales", lease_epoch=1)
        second = self.only("attempt", job_name="path_tales", lease_epoch=2)
        self.assertEqual(first.parent, second.parent)
        self.assertTrue(first.failed, first)
        self.assertIn("signal 9", first.error)
        self.assertFalse(second.failed, second)
        self.assertEqual(second.attributes["braid.attempt.resumed_step"], 10)
        for attempt in (first, second):
            (program,) = [
                one
                for one in self.collector.all("program", job_name="path_tales")
                if self.by_id[one.parent].parent == attempt.id
            ]
            self.assertEqual(program.failed, attempt.failed)
        waits = self.collector.all("waiting", job_name="path_tales")
        self.assertEqual({one.attributes["braid.lease.epoch"] for one in waits}, {1, 2})
        for name in ("job", "run"):
            self.assertFalse(
                self.only(name, **({"job_name": "path_tales"} if name == "job" else {})).failed
            )

    def test_times_are_nested(self):
        for one in self.spans:
            self.assertLessEqual(one.begin, one.end, one)
            parent = self.by_id.get(one.parent)
            if parent is None:
                continue
            self.assertGreaterEqual(one.begin + NEARLY_NS, parent.begin, (one, parent))
            # The run goes on when the call that made it has been answered.
            if one.name != "run":
                self.assertLessEqual(one.end, parent.end + NEARLY_NS, (one, parent))

    def test_every_request_has_the_headers_and_no_secret_in_its_body(self):
        with self.collector.lock:
            headers, bodies = list(self.collector.headers), list(self.collector.bodies)
        for path, sent in headers:
            self.assertEqual(path, "/v1/traces")
            self.assertEqual(sent["authorization"], "Bearer " + SECRET)
            self.assertEqual(sent["Content-Type"], "application/json")
        token = self.service.token().encode()
        for body in bodies:
            self.assertNotIn(token, body)
            self.assertNotIn(SECRET.encode(), body)
            self.assertIn(b'"deployment.environment"', body)

    def test_logs_in_json_lead_to_the_trace(self):
        attempt = self.only("attempt", job_name="path_tales", lease_epoch=2)
        about = {"run": self.run_id, "job": "path_tales", "attempt": 2, "trace_id": TRACE}

        def lines(text, **wanted):
            # Libraries may print lines of their own.
            read = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            return [line for line in read if wanted.items() <= line.items()]

        granted = wait_until(
            lambda: [
                line
                for line in lines(self.service.log("coordinator"), **about)
                if line["message"].startswith("attempt.granted")
            ],
            "the event in the log",
        )
        self.assertEqual([line["span_id"] for line in granted], [attempt.id])
        (program,) = [
            one
            for one in self.collector.all("program", job_name="path_tales")
            if self.by_id[one.parent].parent == attempt.id
        ]
        of_job = lines(self.service.run("logs", self.run_id, "path_tales").stdout, **about)
        self.assertTrue(of_job)
        for line in of_job:
            self.assertEqual((line["span_id"], line["rank"]), (program.id, 0))
            self.assertEqual({"time", "level", "logger", "message"} - line.keys(), set())
        self.assertTrue(lines(self.service.log("worker-1"), logger="worker", level="info"))

    def test_a_call_over_http_is_part_of_its_callers_trace(self):
        headers = dict([self.service.authorization()])
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
        code, _ = self.service.http("/api/v1/Runs/ListRuns", headers, "POST")
        self.assertEqual(code, 200)
        self.see_call(trace, "ListRuns")

    def test_a_call_of_the_python_client_is_part_of_the_span_around_it(self):
        client = braid_client.Client(dir=os.path.join(self.service.folder, "state"))
        around = opentelemetry.trace.SpanContext(
            int(TRACE, 16) + 1, int("b7ad6b7169203331", 16), False, TraceFlags(1)
        )
        with opentelemetry.trace.use_span(opentelemetry.trace.NonRecordingSpan(around)):
            client.run(self.run_id)
        self.see_call(f"{int(TRACE, 16) + 1:032x}", "GetRun")

    def see_call(self, trace, method):
        (call,) = wait_until(
            lambda: [one for one in self.collector.all() if one.trace == trace], "the call's span"
        )
        self.assertEqual((call.name, call.parent), ("braid.v1.Runs/" + method, "b7ad6b7169203331"))
        self.assertEqual(call.attributes["rpc.grpc.status_code"], 0)

    def test_a_collector_that_is_away_costs_nothing_but_spans(self):
        with contextlib.ExitStack() as stack:
            before = dict(self.service.environment)
            stack.callback(self.service.environment.update, before)
            self.service.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
            done = self.service.run("retry", self.run_id, code=None)
        self.assertIn("has succeeded: nothing is left to do", done.stderr)
        self.assertIn("the collector of traces at http://127.0.0.1:1/v1/traces: ", done.stderr)
        self.assertRegex(done.stderr, r"\d spans did not reach the collector")
        code, text = self.service.http("/metrics")
        self.assertEqual(code, 200)
        self.assertRegex(text, r'braid_trace_spans_total\{result="sent"\} [1-9]')


if __name__ == "__main__":
    unittest.main(verbosity=2)
