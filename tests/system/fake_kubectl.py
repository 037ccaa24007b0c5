#!/usr/bin/env python3
"""A kubectl of a test's own, with a cluster that is a folder of JSON files: what the agent of a pool asks for, and nothing
else. FAKE_KUBERNETES names the folder. In it, `refuse` has what `create` says instead, `away` what every command says."""

import contextlib
import fcntl
import json
import os
import sys
import uuid

FOLDERS = ("jobs", "pods", "secrets", "events")


class Objects:
    """The objects of the cluster. Each change is one transaction for all processes."""

    def __init__(self, folder):
        self.folder = folder

    def make(self):
        for kind in FOLDERS:
            os.makedirs(os.path.join(self.folder, kind))
        return self

    def path(self, kind, name):
        return os.path.join(self.folder, kind, name + ".json")

    @contextlib.contextmanager
    def locked(self):
        with open(os.path.join(self.folder, "lock"), "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def said(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return file.read()

    def list(self, kind):
        with self.locked():
            folder = os.path.join(self.folder, kind)
            return [self.read(kind, name[:-5]) for name in sorted(os.listdir(folder))]

    def read(self, kind, name):
        with open(self.path(kind, name), encoding="utf-8") as file:
            return json.load(file)

    def write(self, kind, one):
        with open(self.path(kind, one["metadata"]["name"]), "w", encoding="utf-8") as file:
            json.dump(one, file)

    def create(self, kind, one):
        """None if there is one of this name."""
        with self.locked():
            if os.path.exists(self.path(kind, one["metadata"]["name"])):
                return None
            one["metadata"]["uid"] = str(uuid.uuid4())
            self.write(kind, one)
            return one

    def change(self, kind, name, what):
        """Applies `what` to an object; nothing if it is gone."""
        with self.locked():
            if not os.path.exists(self.path(kind, name)):
                return False
            one = self.read(kind, name)
            what(one)
            self.write(kind, one)
            return True

    def remove(self, kind, name):
        with self.locked(), contextlib.suppress(FileNotFoundError):
            os.remove(self.path(kind, name))


def option(words, name):
    return next((word.split("=", 1)[1] for word in words if word.startswith(name + "=")), "")


def mark_deleted(one):
    one["metadata"].setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")


def selected(one, selector):
    labels = one["metadata"].get("labels", {})
    return all(labels.get(term.split("=")[0]) == term.split("=")[1] for term in selector.split(","))


def create(objects, words):
    with open(option(words, "--filename"), encoding="utf-8") as file:
        one = json.load(file)
    if objects.said("refuse") and one["kind"] == "Job":
        sys.exit(objects.said("refuse"))
    kind = one["kind"].lower() + "s"
    place, _, query = option(words, "--raw").partition("?")
    if not place.endswith(f"/namespaces/{one['metadata']['namespace']}/{kind}"):
        sys.exit("Error from server (NotFound): the server could not find the requested resource")
    if "dryRun=All" in query.split("&"):
        print(json.dumps(one))
        return
    made = objects.create(kind, one)
    if made is None:
        sys.exit(
            f'Error from server (AlreadyExists): {kind} "{one["metadata"]["name"]}" already exists'
        )
    print(json.dumps(made))


def get(objects, words):
    if "events" in words:
        items = objects.list("events")
    else:
        selector = option(words, "--selector")
        found = objects.list("jobs") + objects.list("pods")
        items = [one for one in found if selected(one, selector)]
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def delete(objects, words):
    if option(words, "--cascade") != "foreground":
        sys.exit("the job would be gone before its pods")
    for name in [word for word in words if not word.startswith("-")][2:]:
        objects.change("jobs", name, mark_deleted)


def main():
    objects = Objects(os.environ["FAKE_KUBERNETES"])
    words = sys.argv[1:]
    if "current-context" in words:
        print("test")
        return
    if objects.said("away"):
        sys.exit(objects.said("away"))
    command = next(word for word in words if not word.startswith("-"))
    {"create": create, "get": get, "delete": delete}[command](objects, words)


if __name__ == "__main__":
    main()
