"""Messages of the API: proto3 JSON to dataclasses and back."""

from __future__ import annotations

import base64
import dataclasses
import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar, Union

M = TypeVar("M", bound="Message")


class Message:
    """A message of the API. Fields that were not sent have their default; fields that a later
    version sends are ignored here, and are in `raw`."""

    # As it was sent.
    raw: Mapping[str, Any] = MappingProxyType({})

    @classmethod
    def from_json(cls: type[M], json: Mapping[str, Any]) -> M:
        values = {}
        for name, key, kind in _fields(cls):
            if key in json and json[key] is not None:
                values[name] = _decoded(kind, json[key])
        message = cls(**values)  # the dataclass below has these fields
        object.__setattr__(message, "raw", json)
        return message

    def __repr__(self) -> str:
        """What is not empty, with long values cut: the whole is in the fields."""
        shown = []
        for name, _, _ in _fields(type(self)):
            value = getattr(self, name)
            if value and not str(value).endswith("_UNSPECIFIED"):
                shown.append(f"{name}={_shown(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


class RunExtras:
    """What is said of a run besides its fields."""

    id: str
    state: str
    error: str
    jobs: Any

    @property
    def ended(self) -> bool:
        return self.state not in ("RUN_ACTIVE", "RUN_STATE_UNSPECIFIED")

    @property
    def succeeded(self) -> bool:
        return self.state == "RUN_SUCCEEDED"

    def job(self, name: str) -> Any:
        """The job of this name. KeyError, with the names that there are."""
        for job in self.jobs:
            if job.name == name:
                return job
        there = ", ".join(job.name for job in self.jobs) or "no jobs here: ask for the run itself"
        raise KeyError(f"run {self.id} has no job {name}; there are {there}")


def camel(name: str) -> str:
    """The name of a field in JSON: created_ms -> createdMs."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _shown(value: Any) -> str:
    """A value in a line of many, as long as a name or an id."""
    if isinstance(value, list) and any(isinstance(one, Message) for one in value):
        return f"[{len(value)} {type(value[0]).__name__}]"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


_SHOWN = 80
_FIELDS: dict[Any, list[tuple[str, str, Any]]] = {}


def _fields(cls: Any) -> list[tuple[str, str, Any]]:
    """Name, name in JSON and type of each field; found out once for each class."""
    if cls not in _FIELDS:
        hints = typing.get_type_hints(cls)
        _FIELDS[cls] = [
            (field.name, camel(field.name), hints[field.name]) for field in dataclasses.fields(cls)
        ]
    return _FIELDS[cls]


def _decoded(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is list:
        (item,) = typing.get_args(kind)
        return [_decoded(item, one) for one in value]
    if origin is dict:
        _, item = typing.get_args(kind)
        return {key: _decoded(item, one) for key, one in value.items()}
    if origin is Union:
        (inner,) = [one for one in typing.get_args(kind) if one is not type(None)]
        return _decoded(inner, value)
    if kind is int:
        return int(value)
    if kind is float:
        return float(value)  # "NaN" and "Infinity" too
    if kind is bytes:
        return base64.b64decode(value)
    if isinstance(kind, type) and issubclass(kind, Message):
        return kind.from_json(value)
    return value
