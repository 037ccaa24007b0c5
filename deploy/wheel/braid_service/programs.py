"""Starts a program of this package in place of the Python that runs this."""

import importlib.util
import os
import sys

PACKAGE = os.path.dirname(os.path.abspath(__file__))


def environment():
    """That of this process; with the folder of torch, unless torch stands beside this package, where the trainer
    finds it by itself."""
    if os.path.exists(os.path.join(PACKAGE, "..", "torch", "lib", "libtorch_cpu.so")):
        return os.environ
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return os.environ
    torch = os.path.join(found.submodule_search_locations[0], "lib")
    before = os.environ.get("LD_LIBRARY_PATH")
    return {**os.environ, "LD_LIBRARY_PATH": torch + (os.pathsep + before if before else "")}


def start(name):
    program = os.path.join(PACKAGE, "bin", name)
    os.execve(program, [program, *sys.argv[1:]], environment())


def braid():
    start("braid")


def coordinator():
    start("braid-coordinator")


def worker():
    start("braid-worker")
