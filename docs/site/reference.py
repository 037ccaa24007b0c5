"""Pages that are made of the programs themselves, of the API's description, and of a coordinator's answer."""

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request

PROGRAMS = ["braid", "braid-coordinator", "braid-worker"]
PATIENCE_S = 30


def help_of(folder, words):
    """What `PROGRAM WORDS --help` prints, without the folder of the program."""
    done = subprocess.run(
        [os.path.join(folder, words[0]), *words[1:], "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ.get("PATH", "")},
    )
    host = os.uname().nodename
    return done.stdout.replace(folder + "/", "").replace(f"--id TEXT={host} ", "--id TEXT ")


def subcommands(text):
    """The names under `Subcommands:` of a help text."""
    below = text.partition("\nSubcommands:\n")[2]
    return re.findall(r"^  ([a-z][\w-]*) ", below, re.M)


def all_help(folder):
    """(words, help text) of each program and of each of its commands, in their order."""
    left = [[program] for program in PROGRAMS]
    while left:
        words = left.pop(0)
        text = help_of(folder, words)
        yield words, text
        left = [[*words, name] for name in subcommands(text)] + left


def commands(folder):
    folder = os.path.abspath(folder)
    parts = ["# Commands\n\nWhat each program and command says with `--help`.\n"]
    for words, text in all_help(folder):
        level = "#" * min(len(words) + 1, 4)
        parts.append(f"{level} {' '.join(words)}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def cell(text):
    """A text in a cell of a table: one line, with nothing that Markdown would read as its own."""
    return re.sub(r"([|<>*_\[\]])", r"\\\1", " ".join(text.split()))


def type_of(schema):
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if schema.get("type") == "array":
        return "list of " + type_of(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        return "names, each with " + type_of(schema["additionalProperties"])
    return (
        " or ".join(schema["type"])
        if isinstance(schema.get("type"), list)
        else schema.get("type", "any")
    )


def calls(openapi):
    """Every call with its role, request and reply, and every message with its fields."""
    with open(openapi, encoding="utf-8") as file:
        document = json.load(file)
    parts = [
        "# Calls of the API\n\nMade of [openapi.json](../openapi.json); [The API by hand](../api.md) is an introduction.\n"
    ]
    for path, methods in sorted(document["paths"].items()):
        call = methods.get("post") or next(iter(methods.values()))
        parts.append(f"## {path.removeprefix('/api/v1/')}\n")
        verbs = ", ".join(f"`{verb.upper()} {path}`" for verb in sorted(methods))
        role = call.get("x-braid-role")
        parts.append(verbs + (f", role {role}" if role else "") + "\n")
        parts.append(cell(call.get("description", "")) + "\n")
        body = call.get("requestBody", {}).get("content", {}).get("application/json", {})
        reply = call["responses"].get("200", {}).get("content", {}).get("application/json", {})
        told = [f"takes {type_of(body['schema'])}"] if body else []
        told += [f"answers {type_of(reply['schema'])}"] if reply else []
        parts.append("; ".join(told) + "\n")
    parts.append("## Messages\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(f"### {name}\n\n{cell(schema.get('description', ''))}\n")
        if schema.get("enum"):
            parts.append("One of " + ", ".join(f"`{word}`" for word in schema["enum"]) + ".\n")
        if schema.get("properties"):
            rows = [
                f"| `{field}` | {type_of(one)} | {cell(one.get('description', ''))} |"
                for field, one in schema["properties"].items()
            ]
            parts.append("| field | type | |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def metrics_text(folder):
    """What /metrics of a coordinator answers that has just started, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="braid-docs-") as state:
        address = os.path.join(state, "address.json")
        words = ["--dir", os.path.join(state, "coordinator"), "--address-file", address]
        with open(os.path.join(state, "log"), "w+", encoding="utf-8") as log:
            coordinator = subprocess.Popen(
                [os.path.join(folder, "braid-coordinator"), *words], stdout=log, stderr=log
            )
            try:
                end = time.monotonic() + PATIENCE_S
                while not os.path.exists(address):
                    if coordinator.poll() is not None or time.monotonic() > end:
                        log.seek(0)
                        raise OSError("the coordinator does not start: " + log.read().strip())
                    time.sleep(0.02)
                with open(address, encoding="utf-8") as file:
                    found = json.load(file)
                token_file = os.path.join(state, found["token_file"])
                with open(token_file, encoding="utf-8") as file:
                    bearer = {"Authorization": "Bearer " + file.read().strip()}
                request = urllib.request.Request(f"http://{found['http']}/metrics", headers=bearer)
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                    return answer.read().decode()
            finally:
                coordinator.terminate()
                coordinator.wait(timeout=PATIENCE_S)


def metrics(folder):
    text = metrics_text(os.path.abspath(folder))
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    rows = [
        f"| `{name}` | {types.get(name, '')} | {cell(said)} |"
        for name, said in re.findall(r"^# HELP (\S+) (.*)$", text, re.M)
    ]
    return (
        "# Metrics of the coordinator\n\nWhat `/metrics` answers, for Prometheus; "
        "[Operating braid](../operating.md#watching-it) says how it is asked.\n\n"
        "| name | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )
