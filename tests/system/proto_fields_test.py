#!/usr/bin/env python3
"""Keeps the API honest: every field of every message has a program that writes it and one that
reads it.

A field of a request is written by a client (worker/, cli/) and read by the coordinator, a field of
an answer the other way round; rpc/ converts for both. What counts is a call of the field's accessor
in a file that names its message, or a message that holds it. A message that a command prints whole
as JSON is read by people.
"""

import os
import re
import subprocess
import unittest

SOURCE_DIR = os.environ.get(
    "BRAID_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
PROTOS = os.path.join(SOURCE_DIR, "proto", "braid", "v1")

CLIENTS = ("worker/", "cli/", "rpc/")
SERVER = ("coordinator/", "rpc/")
# What `braid -o json` prints whole (PrintJson), with all that it holds.
PRINTED = {
    "Run",
    "ListRunsResponse",
    "Job",
    "Artifact",
    "GetLineageResponse",
    "Event",
    "MetricPoint",
    "Worker",
    "ListWorkersResponse",
    "ListArtifactsResponse",
    "PlanMergeResponse",
    "Plan",
    "CheckResult",
    "ServerInfo",
    "VerifyArtifactResponse",
    "Credential",
    "ListCredentialsResponse",
    "RemoveWorkerResponse",
    "AuditRow",
    "Pool",
    "ListPoolsResponse",
    "AlertChannel",
    "ListAlertChannelsResponse",
    "SendTestAlertResponse",
}
# Made and printed by commands alone.
LOCAL = {"Plan", "CheckResult"}
# What the dashboard asks for and shows, with all that it holds: its fields are named in web/, as in JSON.
DASHBOARD = {"GetComparisonRequest", "Comparison", "ReadCurvesRequest", "JobCurves"}
# Lists come in pages, which a template asks for whatever the message is called.
PAGES = ("page_token", "next_page_token")
# For other clients than ours, which find them documented in the proto; a test of the coordinator uses each.
FOR_OTHERS = {
    "ListEventsResponse.as_of_seq",
    "ListEventsRequest.newest",
    "ListJobsRequest.states",
    "SubmitRunRequest.validate_only",
}

# Of messages that go both ways: set by the coordinator alone, in answers.
IN_ANSWERS = {"Pool.workers_ready", "Pool.last_seen_ms"}


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


class Field:
    def __init__(self, message, name, kind, repeated, number):
        self.message, self.name, self.kind, self.repeated, self.number = (
            message,
            name,
            kind,
            repeated,
            number,
        )

    def __repr__(self):
        return f"{self.message}.{self.name}"


def parse(text):
    """Messages (name -> fields), reserved numbers (name -> set) and calls ((request, answer) pairs) of one proto file."""
    messages, reserved, calls = {}, {}, []
    text = re.sub(r"\benum\s+\w+\s*\{[^{}]*\}", "", without_comments(text))
    for match in re.finditer(
        r"rpc\s+\w+\s*\(\s*(?:stream\s+)?(\w+)\s*\)\s*returns\s*\(\s*(?:stream\s+)?(\w+)\s*\)", text
    ):
        calls.append((match.group(1), match.group(2)))
    for match in re.finditer(r"\bmessage\s+(\w+)\s*\{([^{}]*)\}", text):
        name, fields = match.group(1), []
        reserved[name] = set()
        for statement in filter(None, (part.strip() for part in match.group(2).split(";"))):
            if statement.startswith("reserved"):
                reserved[name] |= {
                    int(number)
                    for number in re.findall(r"\b\d+\b", re.sub(r'"[^"]*"', "", statement))
                }
                continue
            field = re.fullmatch(
                r"(repeated\s+|optional\s+)?(map\s*<\s*\w+\s*,\s*(\w+)\s*>|\w+)\s+(\w+)\s*=\s*(\d+)",
                statement,
            )
            if field is None:
                raise AssertionError(f'message {name}: cannot read "{statement}"')
            many = (field.group(1) or "").strip() == "repeated" or field.group(3) is not None
            fields.append(
                Field(
                    name,
                    field.group(4),
                    field.group(3) or field.group(2),
                    many,
                    int(field.group(5)),
                )
            )
        messages[name] = fields
    return messages, reserved, calls


def load():
    messages, reserved, calls = {}, {}, []
    for name in sorted(os.listdir(PROTOS)):
        with open(os.path.join(PROTOS, name), encoding="utf-8") as file:
            found = parse(file.read())
        messages.update(found[0])
        reserved.update(found[1])
        calls += found[2]
    return messages, reserved, calls


def reach(roots, messages):
    """The messages that these hold, themselves included."""
    found, left = set(), list(roots)
    while left:
        name = left.pop()
        if name in found or name not in messages:
            continue
        found.add(name)
        left += [field.kind for field in messages[name]]
    return found


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def pages():
    """The scripts of the dashboard as one text."""
    folder = os.path.join(SOURCE_DIR, "web")
    text = ""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".js"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += without_comments(file.read())
    return text


def sources():
    texts = {}
    for folder in sorted(set(CLIENTS + SERVER)):
        for at, _, names in os.walk(os.path.join(SOURCE_DIR, folder)):
            for name in names:
                if name.endswith((".h", ".cc")):
                    path = os.path.join(at, name)
                    with open(path, encoding="utf-8") as file:
                        texts[os.path.relpath(path, SOURCE_DIR)] = without_comments(file.read())
    return texts


def writes(field):
    one = rf"(?:\.|->)(?:set_{field.name}|mutable_{field.name}|set_allocated_{field.name})\("
    return one if not field.repeated else one + rf"|(?:\.|->)add_{field.name}\("


def reads(field):
    return rf"(?:\.|->)(?:{field.name}|{field.name}_size|has_{field.name})\(\)|::{field.name}\b"


def holders(name, messages):
    """The message and those that hold it directly: a file that names one of them may use its accessors."""
    return {name} | {
        other for other, fields in messages.items() if any(field.kind == name for field in fields)
    }


def uses(field, pattern, folders, texts, messages):
    names = re.compile(r"\b(" + "|".join(sorted(holders(field.message, messages))) + r")\b")
    accessor = re.compile(pattern)
    return any(
        path.startswith(folders) and names.search(text) and accessor.search(text)
        for path, text in texts.items()
    )


def faults(messages, calls, texts):
    requests = reach({request for request, _ in calls}, messages)
    answers = reach({answer for _, answer in calls} | LOCAL, messages)
    printed = reach(PRINTED, messages)
    shown, web = reach(DASHBOARD, messages), pages()
    found = []
    for name in sorted(messages):
        if name not in requests | answers:
            found.append(f"message {name} is part of no call")
        for field in messages[name]:
            ways = []
            if name in requests:
                ways.append(("request", CLIENTS, SERVER))
            if name in answers:
                ways.append(
                    (
                        "answer",
                        SERVER + (("cli/",) if name in reach(LOCAL, messages) else ()),
                        CLIENTS,
                    )
                )
            for way, writers, readers in ways:
                if way == "request" and str(field) in IN_ANSWERS:
                    continue
                page = name in shown and re.search(rf"\b{camel(field.name)}\b", web)
                written = (
                    uses(field, writes(field), writers, texts, messages)
                    or (way == "request" and page)
                    or field.name in PAGES
                )
                if not written and str(field) not in FOR_OTHERS:
                    found.append(f"{field}: nobody writes it in a {way}")
                read = (
                    uses(field, reads(field), readers, texts, messages)
                    or (way == "answer" and (name in printed or page))
                    or field.name in PAGES
                )
                if not read and str(field) not in FOR_OTHERS:
                    found.append(f"{field}: nobody reads it in a {way}")
    return found


class ProtoFields(unittest.TestCase):
    maxDiff = None

    def test_every_field_has_a_writer_and_a_reader(self):
        messages, _, calls = load()
        self.assertGreater(len(messages), 50)
        self.assertGreater(len(calls), 25)
        found = faults(messages, calls, sources())
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_an_unused_field_is_found(self):
        messages, _, calls = load()
        messages["RankAssignment"].append(Field("RankAssignment", "colour", "string", False, 99))
        messages["WorkerSignal"].append(Field("WorkerSignal", "mood", "string", True, 99))
        found = faults(messages, calls, sources())
        self.assertIn("RankAssignment.colour: nobody writes it in a answer", found)
        self.assertIn("RankAssignment.colour: nobody reads it in a answer", found)
        self.assertIn("WorkerSignal.mood: nobody writes it in a request", found)
        self.assertIn("WorkerSignal.mood: nobody reads it in a request", found)

    def test_what_is_for_other_clients_is_used_by_a_test(self):
        with open(
            os.path.join(SOURCE_DIR, "tests", "coordinator", "services_test.cc"), encoding="utf-8"
        ) as file:
            text = file.read()
        for name in FOR_OTHERS:
            message, field = name.split(".")
            call = message.removesuffix("Response").removesuffix("Request")
            self.assertTrue(
                call in text and re.search(rf"[.>](set_|add_)?{field}\(", text),
                f"{name}: no test uses it",
            )

    def test_every_value_that_crosses_is_made_and_used(self):
        """rpc/ only converts: what a struct of task/ carries is written on one side of it and read on the other."""
        for header, sides in (
            ("assignment.h", ("coordinator/", "worker/")),
            ("requirements.h", ("coordinator/", "worker/")),
            ("outcome.h", ("worker/", "coordinator/")),
        ):
            with open(os.path.join(SOURCE_DIR, "task", header), encoding="utf-8") as file:
                members = re.findall(
                    r"^  [\w:<>, ]+ (\w+)(?: = [^;]+)?;", without_comments(file.read()), re.M
                )
            self.assertGreater(len(members), 4)
            texts = sources()
            for member in set(members) - {"site", "across_sites"}:  # only of the choice of workers
                for side in sides:
                    used = any(
                        path.startswith(side) and re.search(rf"(\.|->){member}\b", text)
                        for path, text in texts.items()
                    )
                    self.assertTrue(
                        used
                        or member
                        in (
                            "phase",
                            "unit",
                            "done",
                            "total",
                            "tokens_per_s",
                            "eta_s",
                            "time_ms",
                            "signal",
                            "exit_code",
                        ),
                        f"task/{header}: {member} is not used in {side}",
                    )

    def test_numbers_are_used_once_and_gaps_are_reserved(self):
        messages, reserved, _ = load()
        for name, fields in messages.items():
            numbers = [field.number for field in fields]
            self.assertEqual(len(numbers), len(set(numbers)), f"message {name} uses a number twice")
            self.assertFalse(
                set(numbers) & reserved[name], f"message {name} uses a reserved number"
            )
            expected = set(range(1, max(numbers, default=0) + 1))
            gaps = expected - set(numbers) - reserved[name]
            self.assertFalse(
                gaps, f"message {name}: {sorted(gaps)} were fields once, perhaps: reserve them"
            )

    def test_the_protos_are_understood(self):
        """protoc, where there is one, finds as many fields."""
        done = subprocess.run(["sh", "-c", "command -v protoc"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("protoc is not installed")
        names = sorted("braid/v1/" + name for name in os.listdir(PROTOS))
        described = subprocess.run(
            [
                "protoc",
                "-I",
                os.path.join(SOURCE_DIR, "proto"),
                "--descriptor_set_out=/dev/stdout",
                *names,
            ],
            capture_output=True,
        )
        self.assertEqual(described.returncode, 0, described.stderr)
        text = subprocess.run(
            [
                "protoc",
                "-I",
                "/usr/include",
                "--decode=google.protobuf.FileDescriptorSet",
                "google/protobuf/descriptor.proto",
            ],
            input=described.stdout,
            capture_output=True,
        )
        if text.returncode != 0:
            self.skipTest("protoc has no descriptor.proto beside it")
        decoded = text.stdout.decode()
        fields = len(re.findall(r"^ {4}field \{", decoded, re.M))
        self.assertEqual(fields, sum(len(fields) for fields in load()[0].values()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
