#!/usr/bin/env python3
"""Writes src/braid_client/types.py: a dataclass for each message of docs/openapi.json.

make_types.py          writes the file
make_types.py --print  prints what would be written
"""

import json
import os
import re
import sys
import textwrap

FOLDER = os.path.dirname(os.path.abspath(__file__))
OPENAPI = os.path.join(FOLDER, "..", "..", "docs", "openapi.json")
TYPES = os.path.join(FOLDER, "src", "braid_client", "types.py")
# Schemas that are not messages, and requests, which the client's methods take as arguments.
LEFT_OUT = re.compile(r"^(Double|Error|MethodList|Curves?|.*Request)$")
MORE = {"Run": "RunExtras"}
WIDTH = 99
HEAD = '''"""Messages of the API, made of docs/openapi.json by make_types.py. Numbers, texts and lists are
empty unless something else was sent. Enumerations are texts: a later coordinator may know more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

from ._message import Message, RunExtras

'''


def class_name(schema):
    """Finding.Severity -> FindingSeverity."""
    return schema.replace(".", "")


def snake(name):
    return re.sub(r"[A-Z]", lambda found: "_" + found.group().lower(), name)


def kind_of(schema, schemas):
    """The annotation of a value and the text of its default."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name == "Double":
            return "float", "0.0"
        if "enum" in schemas[name]:
            return class_name(name), '"' + schemas[name]["enum"][0] + '"'
        return f"Optional[{class_name(name)}]", "None"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{item_of(schema['items'], schemas)}]", "field(default_factory=list)"
    if kind == "object":
        item = item_of(schema["additionalProperties"], schemas)
        return f"dict[str, {item}]", "field(default_factory=dict)"
    if kind == "integer" or schema.get("format") in ("int64", "uint64"):
        return "int", "0"
    if kind == "boolean":
        return "bool", "False"
    if schema.get("format") == "byte":
        return "bytes", 'b""'
    return "str", '""'


def field_of(schema, schemas):
    """The same of a field, which may say that it is not there."""
    kind, default = kind_of(schema, schemas)
    if schema.get("x-optional") and not kind.startswith("Optional["):
        return f"Optional[{kind}]", "None"
    return kind, default


def item_of(schema, schemas):
    kind = kind_of(schema, schemas)[0]
    found = re.fullmatch(r"Optional\[(.*)\]", kind)
    return found.group(1) if found else kind


def as_comment(text, indent):
    lines = []
    for paragraph in text.replace("\\", "\\\\").split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - len(indent) - 2, break_on_hyphens=False) or [""]
    return "".join((indent + "# " + line).rstrip() + "\n" for line in lines)


def doc_of(text, indent):
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - len(indent) - 6, break_on_hyphens=False) or [""]
    closing = " " if lines[-1].endswith('"') else ""
    return (
        indent
        + '"""'
        + ("\n" + indent).join(lines).replace("\n" + indent + "\n", "\n\n")
        + closing
        + '"""\n'
    )


def enumeration(name, schema):
    words = "".join(f'    "{word}",\n' for word in schema["enum"])
    comment = as_comment(schema["description"], "") if schema.get("description") else ""
    return f"{comment}{class_name(name)} = Literal[\n{words}]\n"


def message(name, schema, schemas):
    base = f"Message, {MORE[name]}" if name in MORE else "Message"
    text = f"@dataclass(frozen=True, repr=False)\nclass {class_name(name)}({base}):\n"
    text += doc_of(
        schema.get("description", f"What {name} is answered with.".replace("Response", "")), "    "
    )
    fields = ""
    for key, value in schema.get("properties", {}).items():
        kind, default = field_of(value, schemas)
        if value.get("description"):
            fields += as_comment(value["description"], "    ")
        fields += f"    {snake(key)}: {kind} = {default}\n"
    return text + ("\n" + fields if fields else "")


def made():
    with open(OPENAPI, encoding="utf-8") as file:
        schemas = json.load(file)["components"]["schemas"]
    names = [name for name in schemas if not LEFT_OUT.match(name)]
    parts = [enumeration(name, schemas[name]) for name in names if "enum" in schemas[name]]
    parts += [
        message(name, schemas[name], schemas) for name in names if "enum" not in schemas[name]
    ]
    return HEAD + "\n\n".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(made())
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        with open(TYPES, "w", encoding="utf-8") as out:
            out.write(made())
